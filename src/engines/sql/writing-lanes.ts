import { isOutOfMemory } from "../../errors/run.js";
import type { SqlSession } from "./session.js";

/** A connection on which one thing is written after the other. */
export interface Lane {
  readonly number: number;
  run(sql: string): Promise<void>;
}

/** What a lane may need of the memory: groups of wide rows, and their pages on the way to the file. */
const BYTES_OF_A_LANE = 2 * 2 ** 30;

/**
 * Days are written beside each other where one alone leaves threads idle: a part is encoded by as many threads as it has row groups,
 * and its last one by one.
 */
export class WritingLanes {
  readonly #session: SqlSession;
  readonly #threads: number;
  readonly #most: number;
  readonly #lanes: Lane[] = [];

  private constructor(session: SqlSession, threads: number, memory: number) {
    this.#session = session;
    this.#threads = threads;
    this.#most = Math.max(1, Math.min(threads, Math.floor(memory / BYTES_OF_A_LANE)));
  }

  /** `memory`: the bytes that the session may take. */
  static async of(session: SqlSession, memory: number): Promise<WritingLanes> {
    const [row] = await session.query("SELECT current_setting('threads') AS threads");
    return new WritingLanes(session, Number(row?.["threads"] ?? 1), memory);
  }

  /** How many days of so many row groups each are worth being written at once. */
  lanesFor(rowGroups: number): number {
    return Math.min(this.#most, Math.ceil((2 * this.#threads) / Math.max(1, rowGroups)));
  }

  /**
   * Writes the entries, so many at a time, and hands what came of them to `settle` in their order. Where memory does not suffice for
   * several at a time, what failed is written again alone, and the rest one after the other. After a failure nothing more is begun; it
   * is thrown when all has ended, of several that of the first entry.
   */
  async inOrder<T, R>(
    entries: readonly T[],
    lanes: number,
    write: (entry: T, lane: Lane) => Promise<R>,
    settle: (entry: T, result: R) => Promise<void>,
  ): Promise<void> {
    const rest = entries.values();
    const begun = new Set<Promise<R>>();
    let settled = Promise.resolve();
    let alone = Promise.resolve();
    let working = Math.min(lanes, entries.length);
    let isTight = false;
    let hasFailed = false;
    const attempt = async (entry: T, lane: Lane): Promise<R> => {
      const first = write(entry, lane);
      begun.add(first);
      try {
        return await first;
      } catch (error) {
        if (lanes === 1 || !isOutOfMemory(error)) throw error;
        isTight = true;
        const second = alone.then(() => Promise.allSettled(begun)).then(() => write(entry, lane));
        alone = second.then(
          () => undefined,
          () => undefined,
        );
        return await second;
      } finally {
        begun.delete(first);
      }
    };
    const work = async (lane: Lane): Promise<void> => {
      for (const entry of rest) {
        const result = attempt(entry, lane);
        const before = settled;
        settled = (async () => {
          await before;
          await settle(entry, await result);
        })();
        settled.catch(() => undefined);
        hasFailed = await result.then(
          () => hasFailed,
          () => true,
        );
        if (hasFailed || (isTight && working > 1)) break;
      }
      working -= 1;
    };
    const own: Lane[] = [];
    while (own.length < working) own.push(await this.#lane(own.length));
    await Promise.all(own.map(work));
    await settled;
  }

  async #lane(number: number): Promise<Lane> {
    const known = this.#lanes[number];
    if (known !== undefined) return known;
    const connection = number === 0 ? this.#session.connection : await this.#session.connect();
    const lane: Lane = {
      number,
      run: async (sql) => {
        await connection.run(sql);
      },
    };
    this.#lanes[number] = lane;
    return lane;
  }
}
