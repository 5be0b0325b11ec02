import { totalmem } from "node:os";
import type { SqlSession } from "./session.js";

const MIB = 2 ** 20;
const UNITS: Readonly<Record<string, number>> = {
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
/** What DuckDB needs for its smallest work. */
const LEAST_MIB = 256;
/** The program itself: its code and heap, what results lie in on their way. */
const MOST_OF_PROGRAM = 2 ** 30;

/**
 * How one `memory_limit` is shared out where kernels work beside DuckDB: DuckDB counts only what is its own. A quarter, at
 * most 1 GiB, is the program's; three eighths are the kernels', and what they do not need is DuckDB's like the rest.
 */
export class MemoryShares {
  readonly #session: SqlSession;
  /** Bytes of all together. */
  readonly limit: number;
  /** Bytes that indexes may hold, and what it takes to make them. */
  readonly kernels: number;
  #left = Number.POSITIVE_INFINITY;

  private constructor(session: SqlSession, limit: number, kernels: number) {
    this.#session = session;
    this.limit = limit;
    this.kernels = kernels;
  }

  /** `kernels`: bytes in the place of their share. */
  static async of(session: SqlSession, kernels?: number): Promise<MemoryShares> {
    const [row] = await session.query("SELECT value FROM duckdb_settings() WHERE name = 'memory_limit'");
    const limit = Math.min(bytesOf(String(row?.["value"])), totalmem());
    return new MemoryShares(session, limit, kernels ?? (limit * 3) / 8);
  }

  /** Leaves DuckDB what remains beside so many bytes of the kernels. */
  async leave(kernels: number): Promise<void> {
    const least = Math.min(this.limit / MIB, LEAST_MIB);
    const program = Math.min(this.limit / 4, MOST_OF_PROGRAM);
    const left = Math.max(least, Math.floor((this.limit - program - kernels) / MIB));
    if (left === this.#left) return;
    // Refused where what is in use cannot be moved to disk: then this much is needed, and the old limit holds.
    await this.#session.run(`SET memory_limit = '${Math.floor(left)}MiB'`).then(
      () => {
        this.#left = left;
      },
      () => {},
    );
  }
}

/** As DuckDB tells its limit: `3.7 GiB`. */
function bytesOf(told: string): number {
  const [, number = "", unit = ""] = /^([\d.]+) (\w+)$/.exec(told) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.POSITIVE_INFINITY);
}
