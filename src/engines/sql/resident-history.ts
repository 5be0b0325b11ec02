import { createHash } from "node:crypto";
import type { Scan } from "../../operators/scan.js";
import type { SqlSession } from "./session.js";
import { identifier } from "./text.js";

/** Microseconds, half open; without `from` from the beginning. */
export interface HistoryRange {
  readonly from?: bigint | undefined;
  readonly to: bigint;
}

/**
 * Rows of history that a session keeps from span to span, so that a run over many days fetches each of them once: a table
 * for each scan, which takes what is new and drops what no later window reaches.
 */
export class ResidentHistory {
  readonly #session: SqlSession;
  readonly #held = new Map<string, HistoryRange>();

  constructor(session: SqlSession) {
    this.#session = session;
  }

  tableOf(scan: Scan): string {
    const content = JSON.stringify([scan.view, scan.columns, scan.instants, scan.range, scan.predicate?.sql]);
    return identifier(`resident_${createHash("sha256").update(content).digest("hex").slice(0, 12)}`);
  }

  /** What has to be fetched so that the table holds the range. */
  missing(scan: Scan, range: HistoryRange): HistoryRange {
    const held = this.#held.get(this.tableOf(scan));
    return held !== undefined && reaches(held, range) ? { from: held.to, to: range.to } : range;
  }

  /** Takes fetched rows (a table that has just what was missing); `within`: a condition on the rows of the range. */
  async take(scan: Scan, range: HistoryRange, fetched: string, within: string): Promise<void> {
    const table = this.tableOf(scan);
    const held = this.#held.get(table);
    this.#held.delete(table);
    const before =
      held !== undefined && reaches(held, range) ? `SELECT * FROM ${table} WHERE ${within} UNION ALL ` : "";
    await this.#session.run(
      `CREATE OR REPLACE TABLE ${table} AS ${before}SELECT * FROM ${fetched}; DROP TABLE ${fetched}`,
    );
    this.#held.set(table, range);
  }

  async forget(): Promise<void> {
    for (const table of this.#held.keys()) await this.#session.run(`DROP TABLE IF EXISTS ${table}`);
    this.#held.clear();
  }
}

/** Whether what is held begins early enough, and what is missing follows it. */
function reaches(held: HistoryRange, range: HistoryRange): boolean {
  const begins = held.from === undefined || (range.from !== undefined && held.from <= range.from);
  return begins && held.to <= range.to && (range.from === undefined || range.from <= held.to);
}
