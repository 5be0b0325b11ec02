import { readFile } from "node:fs/promises";
import type { SqlSession } from "./session.js";
import { text } from "./text.js";

/** Weighs what a run makes: bytes of its tables by operator, the peak of the engine's memory. Its own time is kept apart. */
export class Meter {
  readonly #session: SqlSession;
  readonly #profile: string;
  readonly #bytes = new Map<string, number>();
  #peak = 0;
  #aside = 0;

  private constructor(session: SqlSession, profile: string) {
    this.#session = session;
    this.#profile = profile;
  }

  /** `profile`: a file that DuckDB may write to while it is measured. */
  static async on(session: SqlSession, profile: string): Promise<Meter> {
    await session.run(
      `PRAGMA enable_profiling = 'json'; SET profiling_output = ${text(profile)};` +
        ` SET custom_profiling_settings = '{"SYSTEM_PEAK_BUFFER_MEMORY": "true"}'`,
    );
    return new Meter(session, profile);
  }

  async off(): Promise<void> {
    await this.#session.run("PRAGMA disable_profiling");
  }

  /** Seconds that measuring took until now. */
  get aside(): number {
    return this.#aside;
  }

  get peakMemoryBytes(): number {
    return this.#peak;
  }

  /** Bytes of the tables and indexes that the operator made, those that were dropped since included; undefined if it made none. */
  bytesOf(operator: string): number | undefined {
    return this.#bytes.get(operator);
  }

  /** Makes a table of the operator's. */
  async table(operator: string, make: () => Promise<number>): Promise<number> {
    const before = await this.#weigh();
    const rows = await make();
    await this.statement();
    this.add(operator, Math.max(0, (await this.#weigh()) - before));
    return rows;
  }

  /** What the operator made beside the engine's tables: an index. */
  add(operator: string, bytes: number): void {
    this.#bytes.set(operator, (this.#bytes.get(operator) ?? 0) + bytes);
  }

  /** After a statement: DuckDB tells the peak until then in the profile of the last one. */
  async statement(): Promise<void> {
    await this.#apart(async () => {
      const profile = await readFile(this.#profile, "utf8").catch(() => ""); // no statement yet
      const [, peak = "0"] = /"system_peak_buffer_memory":\s*(\d+)/.exec(profile) ?? [];
      this.#peak = Math.max(this.#peak, Number(peak));
    });
  }

  /** What the tables of this instance take, in memory or (spilled) on disk. */
  async #weigh(): Promise<number> {
    return this.#apart(async () => {
      const [row] = await this.#session.query(
        "SELECT memory_usage_bytes + temporary_storage_bytes AS bytes FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'",
      );
      return Number(row?.["bytes"] ?? 0);
    });
  }

  async #apart<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    this.#aside += (performance.now() - start) / 1000;
    return result;
  }
}
