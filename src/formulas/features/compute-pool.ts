import { Worker } from "node:worker_threads";
import { packMarks } from "../../columnar/bits.js";
import { booleansChunk, doublesChunk, type ParquetChunk } from "../../columnar/parquet-chunks.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import { type GroupComputer, groupComputer, keptRows, type Work } from "./row-groups.js";
import { type Share, sharesOf } from "./shares.js";

/** How made values come back: as they are, or as chunks of a Parquet file. */
export type Form = "columns" | "chunks";

/** A row group on its way to a thread. */
export interface Order {
  readonly number: number;
  readonly form: Form;
  readonly rows: number;
  readonly begins: readonly number[];
  readonly kept: readonly (readonly [number, number])[];
  readonly given: readonly (readonly [id: string, column: GivenColumn])[];
}

/** Values of the kept rows of a node. */
export interface Piece {
  readonly values: Float64Array<ArrayBuffer>;
  /** From the lowest on, 0: NULL; absent: no row is NULL. */
  readonly bits?: Uint8Array<ArrayBuffer>;
  readonly nulls: number;
}

export interface Answer {
  readonly number: number;
  /** Of the kept nodes, in their order; undefined: it has failed, or it is asked for in the other form. */
  readonly columns: readonly (Piece | undefined)[];
  readonly chunks: readonly (ParquetChunk | undefined)[];
  /** Memory that the chunks lie in, to be given back when they are written: fresh memory costs more than the values. */
  readonly rooms: readonly ArrayBuffer[];
  /** Of all groups so far. */
  readonly failures: readonly (readonly [id: string, message: string])[];
}

/** What a thread does with orders, one after the other. */
export class Answerer {
  readonly #rooms: ArrayBuffer[] = [];
  readonly #marks: Uint8Array[] = [];

  private constructor(
    private readonly work: Work,
    private readonly computer: GroupComputer,
  ) {}

  static async open(work: Work): Promise<Answerer> {
    return new Answerer(work, await groupComputer(work));
  }

  answer(order: Order): Answer {
    const { kept, nodes } = this.work;
    const rows = keptRows(order);
    const room = this.#roomFor(kept.length * rows * 8, order.form);
    const targets = new Map(
      kept.map((id, place) => [
        id,
        { values: new Float64Array(room, place * rows * 8, rows), valid: this.#marksFor(place, rows) },
      ]),
    );
    this.computer.compute({ ...order, given: new Map(order.given) }, targets);
    const failures = [...this.computer.failures].map(([id, error]) => [id, error.message] as const);
    const made = kept.map((id) => (this.computer.failures.has(id) ? undefined : targets.get(id)));
    const { number } = order;
    if (order.form === "columns")
      return { number, columns: made.map((one) => one && pieceOf(one)), chunks: [], rooms: [], failures };
    const types = new Map(nodes.map(({ id, output }) => [id, output]));
    const chunks = made.map((one, place) => {
      const encode = types.get(kept[place] ?? "") === "Boolean" ? booleansChunk : doublesChunk;
      return one && encode(one.values, one.valid);
    });
    return { number, columns: [], chunks, rooms: [room], failures };
  }

  /** Takes back the room of an answer. */
  takeBack(room: ArrayBuffer): void {
    this.#rooms.push(room);
  }

  /** One piece of memory for all: systems are slow to hand out many. */
  #roomFor(bytes: number, form: Form): ArrayBuffer {
    const place = form === "chunks" ? this.#rooms.findIndex(({ byteLength }) => byteLength >= bytes) : -1;
    const [found] = place < 0 ? [] : this.#rooms.splice(place, 1);
    return found ?? new ArrayBuffer(bytes);
  }

  #marksFor(place: number, rows: number): Uint8Array {
    const known = this.#marks[place];
    const marks = known !== undefined && known.length >= rows ? known : new Uint8Array(rows);
    this.#marks[place] = marks;
    return marks.subarray(0, rows);
  }
}

export function pieceOf({ values, valid }: { values: Float64Array<ArrayBuffer>; valid: Uint8Array }): Piece {
  const { bits, zeros } = packMarks(valid);
  return zeros === 0 ? { values, nulls: 0 } : { values, bits, nulls: zeros };
}

/** The memory that an answer takes with it to another thread. */
export function buffersOf({ columns, chunks, rooms }: Answer): readonly ArrayBuffer[] {
  const ofColumns = columns.flatMap((piece) => (piece === undefined ? [] : [piece.values, piece.bits ?? piece.values]));
  const ofChunks = chunks.flatMap((chunk) => chunk?.parts ?? []);
  return [...new Set([...rooms, ...[...ofColumns, ...ofChunks].map(({ buffer }) => buffer)])];
}

/**
 * Threads that compute row groups of the same work. A symbol's groups go to one lane, in their order; lanes do not wait for one
 * another. Where there are fewer symbols than threads, several threads are a lane and share its columns.
 */
export class ComputePool {
  readonly #lanes: readonly Lane[];

  private constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes;
  }

  /** `threads` 0: the calling thread computes; `units`: rows that can be computed without one another. */
  static async open(work: Work, threads: number, units: number): Promise<ComputePool> {
    if (threads === 0) return new ComputePool([new OwnLane(await Answerer.open(work))]);
    const lanes = Math.max(1, Math.min(threads, units));
    // Polars has threads of its own.
    const ways = work.backend === "kernel" ? Math.min(work.kept.length, Math.floor(threads / lanes)) : 1;
    const open = (): Lane => (ways > 1 ? new SharedLane(work, ways) : new ThreadLane(work));
    return new ComputePool(Array.from({ length: lanes }, open));
  }

  /** The lane with the least to do. */
  lane(): Lane {
    return this.#lanes.reduce((best, lane) => (lane.waiting < best.waiting ? lane : best));
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}

/** Computes groups one after the other. */
export interface Lane {
  /** Rows that are not yet computed. */
  readonly waiting: number;
  /** The memory of `moved` is the lane's from here on. */
  compute(order: Omit<Order, "number">, moved?: readonly ArrayBuffer[]): Promise<Answer>;
  /** The chunks of an answer are written. */
  release(answer: Answer): void;
  close(): Promise<void>;
}

class OwnLane implements Lane {
  readonly waiting = 0;

  constructor(private readonly answerer: Answerer) {}

  async compute(order: Omit<Order, "number">): Promise<Answer> {
    return this.answerer.answer({ ...order, number: 0 });
  }

  release({ rooms }: Answer): void {
    for (const room of rooms) this.answerer.takeBack(room);
  }

  async close(): Promise<void> {}
}

interface Pending {
  readonly rows: number;
  readonly done: (answer: Answer) => void;
  readonly failed: (error: Error) => void;
}

class ThreadLane implements Lane {
  waiting = 0;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #orders = 0;
  #lost: Error | undefined;

  constructor(work: Work) {
    this.#worker = new Worker(new URL("./compute-worker.js", import.meta.url), { workerData: work });
    this.#worker.on("message", (made: Answer) => {
      const pending = this.#pending.get(made.number);
      this.#pending.delete(made.number);
      this.waiting -= pending?.rows ?? 0;
      pending?.done(made);
    });
    this.#worker.on("error", (error) => this.#lose(error));
    this.#worker.on("exit", () => this.#lose(new Error("a computing thread has ended")));
  }

  compute(order: Omit<Order, "number">, moved: readonly ArrayBuffer[] = []): Promise<Answer> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const number = this.#orders++;
    this.waiting += order.rows;
    return new Promise((done, failed) => {
      this.#pending.set(number, { rows: order.rows, done, failed });
      this.#worker.postMessage({ ...order, number } satisfies Order, [...moved]);
    });
  }

  release({ rooms }: Answer): void {
    for (const room of rooms) this.takeBack(room);
  }

  takeBack(room: ArrayBuffer): void {
    if (this.#lost === undefined) this.#worker.postMessage(room, [room]);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #lose(error: Error): void {
    this.#lost = error;
    for (const { failed } of this.#pending.values()) failed(error);
    this.#pending.clear();
  }
}

/** Threads that each compute some of the columns, of the same rows. */
class SharedLane implements Lane {
  readonly #parts: readonly (Share & { readonly lane: ThreadLane })[];

  constructor(
    private readonly work: Work,
    ways: number,
  ) {
    this.#parts = sharesOf(work, ways).map((share) => ({ ...share, lane: new ThreadLane(share.work) }));
  }

  get waiting(): number {
    return Math.max(...this.#parts.map(({ lane }) => lane.waiting));
  }

  async compute(order: Omit<Order, "number">): Promise<Answer> {
    const answers = await Promise.all(
      this.#parts.map(({ lane, work }) => {
        const wanted = new Set(work.given);
        return lane.compute({ ...order, given: order.given.filter(([id]) => wanted.has(id)) });
      }),
    );
    const columns: (Piece | undefined)[] = this.work.kept.map(() => undefined);
    const chunks: (ParquetChunk | undefined)[] = this.work.kept.map(() => undefined);
    for (const [part, { places }] of this.#parts.entries())
      for (const [own, place] of places.entries()) {
        columns[place] = answers[part]?.columns[own];
        chunks[place] = answers[part]?.chunks[own];
      }
    return {
      number: 0,
      columns,
      chunks,
      rooms: answers.flatMap(({ rooms }) => rooms),
      failures: answers.flatMap(({ failures }) => failures),
    };
  }

  release({ rooms }: Answer): void {
    for (const [part, { lane }] of this.#parts.entries()) {
      const room = rooms[part];
      if (room !== undefined) lane.takeBack(room);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.map(({ lane }) => lane.close()));
  }
}
