import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Day, dayStartMicros, durationMicros, MICROS_PER_DAY, resolutionOf } from "../../columnar/instants.js";
import { DaedalusError } from "../../errors/problem.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Scan } from "../../operators/scan.js";
import type { ScanRequest, Source } from "../../sources/source.js";
import type { DayRequest, DayResult, DaySession, DaySessionOptions } from "../../training/day.js";
import { planDay, QID_MAP } from "./day-plan.js";
import type { DayPlan } from "./plan.js";
import { problemOfFailure } from "./problems.js";
import type { SqlSession } from "./session.js";
import { ORDERED, orderRows, statisticsOf, writeParts } from "./sink.js";
import { identifier, text } from "./text.js";
import { registerVectorisedFunctions } from "./vectorised-functions.js";

/** Runs days on one DuckDB instance; tables that do not depend on the day are kept until an input changes. */
export async function openDaySession(options: DaySessionOptions): Promise<DaySession> {
  registerVectorisedFunctions(options.session.connection);
  return new DuckDBDaySession(options.session, options.sources);
}

class DuckDBDaySession implements DaySession {
  readonly #session: SqlSession;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #plans = new WeakMap<Pipeline, DayPlan>();
  /** Tables that outlive a day, with their row counts, and the state of the inputs that they were made of. */
  readonly #kept = new Map<string, number>();
  #inputs = "";

  constructor(session: SqlSession, sources: ReadonlyMap<string, Source>) {
    this.#session = session;
    this.#sources = sources;
  }

  interrupt(): void {
    this.#session.interrupt();
  }

  close(): void {
    this.#session.close();
  }

  async run(request: DayRequest): Promise<DayResult> {
    const plan = this.#planOf(request.pipeline);
    const day = new DayRun(this.#session, this.#sources, this.#kept, plan, request);
    try {
      await this.#forgetChangedInputs(plan);
      return await day.run();
    } catch (error) {
      throw await day.explainFailure(error);
    } finally {
      await day.cleanUp();
    }
  }

  #planOf(pipeline: Pipeline): DayPlan {
    const plan = this.#plans.get(pipeline) ?? planDay(pipeline);
    this.#plans.set(pipeline, plan);
    return plan;
  }

  async #forgetChangedInputs(plan: DayPlan): Promise<void> {
    const views = [...new Set(plan.scans.map((scan) => scan.view))].sort();
    const identities = await Promise.all(views.map((view) => sourceOf(this.#sources, view).identity({})));
    const inputs = JSON.stringify(
      identities.map((identity) => identity.files.map((f) => [f.path, f.size, f.modified])),
    );
    if (inputs === this.#inputs) return;
    this.#inputs = inputs;
    for (const name of this.#kept.keys()) await this.#session.run(`DROP TABLE IF EXISTS ${name}`);
    this.#kept.clear();
  }
}

function sourceOf(sources: ReadonlyMap<string, Source>, view: string): Source {
  const source = sources.get(view);
  if (!source) throw new RangeError(`no source for view "${view}"`);
  return source;
}

/** One day: the plan's tables one after the other, then ordering, writing, statistics. */
class DayRun {
  readonly #session: SqlSession;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #kept: Map<string, number>;
  readonly #plan: DayPlan;
  readonly #request: DayRequest;
  readonly #views: string[] = [];
  readonly #tables = new Map<string, number>();
  readonly #requests: { source: Source; request: ScanRequest }[] = [];
  readonly #drops: string[] = [];
  readonly #seconds: Record<string, number> = {};
  #operator = "";

  constructor(
    session: SqlSession,
    sources: ReadonlyMap<string, Source>,
    kept: Map<string, number>,
    plan: DayPlan,
    request: DayRequest,
  ) {
    this.#session = session;
    this.#sources = sources;
    this.#kept = kept;
    this.#plan = plan;
    this.#request = request;
  }

  async run(): Promise<DayResult> {
    const plan = this.#plan;
    const scanned: Record<string, number> = {};
    const dropped: Record<string, number> = {};
    let targetRows = 0;
    for (const scan of plan.scans) await this.#timed(scan.name, () => this.#createScan(scan));
    if (this.#request.qidMap !== undefined)
      await this.#createView(QID_MAP, `SELECT session_id, qid FROM read_parquet(${text(this.#request.qidMap)})`);
    for (const table of plan.tables) {
      const count = await this.#timed(table.operator, () =>
        table.keep === "run" ? this.#keepTable(table.name, table.sql) : this.#createTable(table.name, table.sql),
      );
      if (plan.scans.some((scan) => scan.name === table.operator && scan.range.kind === "target_day")) {
        targetRows = count;
        scanned[table.operator] = count;
      }
      if (table.filters !== undefined) dropped[table.operator] = (this.#tables.get(table.filters) ?? 0) - count;
      for (const name of table.drops) this.#dropTable(name);
    }
    for (const scan of plan.scans)
      if (scan.range.kind !== "target_day")
        scanned[scan.name] = await this.#timed(scan.name, () => this.#countScan(scan));
    const before = this.#tables.get(plan.rows) ?? 0;
    const rows = await this.#timed("order", () =>
      orderRows(plan, (name, sql) => this.#createTable(name, sql), this.#session),
    );
    for (const name of plan.contentFilters) dropped[name] = before - rows;
    this.#dropTable(plan.rows);
    const parts = await this.#timed("write", () => writeParts(plan, rows, this.#request.staging, this.#session));
    const files = parts.map((part) => join(this.#request.staging, part.name));
    const columns = await this.#timed("statistics", () => statisticsOf(plan.output, files, this.#session));
    return { rows, parts, scanned, targetRows, dropped, columns, seconds: this.#seconds };
  }

  /** The cause in the reader's words: a value or file of a source if one is to blame. */
  async explainFailure(error: unknown): Promise<unknown> {
    if (error instanceof DaedalusError) return error;
    if (error instanceof Error && /interrupt/i.test(error.message)) return error;
    for (const { source, request } of this.#requests) {
      const problem = await source.diagnose(request);
      if (problem) return new DaedalusError([problem], 1, { cause: error });
    }
    return problemOfFailure(this.#operator, error);
  }

  async cleanUp(): Promise<void> {
    const drops = [
      ...this.#views.map((view) => `DROP VIEW IF EXISTS ${view}`),
      ...[ORDERED, "tied", "untied", ...this.#tables.keys()].map((table) => `DROP TABLE IF EXISTS ${table}`),
    ];
    await this.#session.run(drops.join("; "));
  }

  async #timed<T>(operator: string, work: () => Promise<T>): Promise<T> {
    this.#operator = operator;
    const start = performance.now();
    const result = await work();
    this.#seconds[operator] = (this.#seconds[operator] ?? 0) + (performance.now() - start) / 1000;
    return result;
  }

  async #createScan(scan: Scan): Promise<void> {
    const source = sourceOf(this.#sources, scan.view);
    const bounds = this.#plan.unbounded.has(scan.output) ? {} : boundsOf(scan, this.#request.day);
    const request: ScanRequest = { columns: scan.columns, instants: scan.instants, ...rangeOf(scan, bounds) };
    this.#requests.push({ source, request });
    const relation = await source.scan(request);
    let sql = relation.sql;
    if (relation.costly) {
      // Text is parsed once for all days: the typed rows are kept, and each day's view is a range of them.
      const whole = await source.scan({ columns: scan.columns, instants: scan.instants });
      const name = identifier(`parsed_${createHash("sha256").update(whole.sql).digest("hex").slice(0, 12)}`);
      await this.#keepTable(name, whole.sql);
      sql = `SELECT * FROM ${name}${withinSql(scan, bounds)}`;
    }
    if (scan.predicate) sql = `SELECT * FROM (${sql}) WHERE ${scan.predicate.sql}`;
    await this.#createView(identifier(scan.output), sql);
  }

  async #createView(name: string, sql: string): Promise<void> {
    this.#views.push(name);
    await this.#session.run(`CREATE OR REPLACE TEMP VIEW ${name} AS ${sql}`);
  }

  async #createTable(name: string, sql: string): Promise<number> {
    this.#tables.set(name, 0);
    const count = await createTable(this.#session, name, sql, this.#drops.splice(0).join(""));
    this.#tables.set(name, count);
    return count;
  }

  async #keepTable(name: string, sql: string): Promise<number> {
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const count = await createTable(this.#session, name, sql);
    this.#kept.set(name, count);
    return count;
  }

  /** With the next statement: a call into the engine costs more than the drop. */
  #dropTable(name: string): void {
    if (this.#tables.has(name)) this.#drops.push(`DROP TABLE IF EXISTS ${name}; `);
  }

  async #countScan(scan: Scan): Promise<number> {
    const sql = `SELECT count(*) AS n FROM ${identifier(scan.output)}`;
    if (!this.#plan.unbounded.has(scan.output)) {
      const [row] = await this.#session.query(sql);
      return Number(row?.["n"]);
    }
    const counts = identifier(`count_${scan.output}`);
    await this.#keepTable(counts, sql);
    const [row] = await this.#session.query(`SELECT n FROM ${counts}`);
    return Number(row?.["n"]);
  }
}

async function createTable(session: SqlSession, name: string, sql: string, before = ""): Promise<number> {
  const [row] = await session.query(`${before}CREATE OR REPLACE TEMP TABLE ${name} AS ${sql}`);
  return Number(row?.["Count"] ?? 0);
}

interface Bounds {
  readonly from?: bigint;
  readonly to?: bigint;
}

function boundsOf(scan: Scan, day: Day): Bounds {
  const start = dayStartMicros(day);
  switch (scan.range.kind) {
    case "unbounded":
      return {};
    case "target_day":
      return { from: start, to: start + MICROS_PER_DAY };
    case "history":
      return scan.range.lookback === "all"
        ? { to: start + MICROS_PER_DAY }
        : { from: start - durationMicros(scan.range.lookback), to: start + MICROS_PER_DAY };
  }
}

function instantOf(scan: Scan): Scan["instants"][number] | undefined {
  if (scan.range.kind === "unbounded") return undefined;
  const { instant } = scan.range;
  return scan.instants.find((candidate) => candidate.name === instant);
}

function rangeOf(scan: Scan, bounds: Bounds): Pick<ScanRequest, "range"> {
  const instant = instantOf(scan);
  if (!instant || (bounds.from === undefined && bounds.to === undefined)) return {};
  return { range: { time: { source: instant.source, unit: instant.unit }, ...bounds } };
}

/** The same range over parsed rows, whose instants are ticks. */
function withinSql(scan: Scan, bounds: Bounds): string {
  const instant = instantOf(scan);
  if (!instant) return "";
  const ticks = (micros: bigint): string =>
    `CAST('${micros * (resolutionOf(instant.unit) === "ns" ? 1000n : 1n)}' AS HUGEINT)`;
  const name = identifier(instant.name);
  const conditions = [
    ...(bounds.from === undefined ? [] : [`${name} >= ${ticks(bounds.from)}`]),
    ...(bounds.to === undefined ? [] : [`${name} < ${ticks(bounds.to)}`]),
  ];
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}
