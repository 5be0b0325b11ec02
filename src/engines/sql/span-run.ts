import { createHash } from "node:crypto";
import { join } from "node:path";
import { isList } from "../../columnar/dtypes.js";
import { type Day, dayStartMicros, type Instant, MICROS_PER_DAY, resolutionOf } from "../../columnar/instants.js";
import { DaedalusError } from "../../errors/problem.js";
import { isOutOfMemory } from "../../errors/run.js";
import type { Scan } from "../../operators/scan.js";
import type { ScanRequest, Source } from "../../sources/source.js";
import type { DayResult, DaysRequest } from "../../training/day.js";
import type { KernelFunctions } from "../kernel/kernel-functions.js";
import { dayNumber } from "./clock.js";
import { type Culprit, findCulprit } from "./culprit.js";
import { QID_MAP } from "./day-plan.js";
import type { ListLengths } from "./list-lengths.js";
import type { MemoryShares } from "./memory-shares.js";
import type { Meter } from "./meter.js";
import type { Answers, DayPlan, KernelPlan, PolarsPlan, TablePlan } from "./plan.js";
import { engineProblem, isUnexplained, problemOfFailure } from "./problems.js";
import type { HistoryRange, ResidentHistory } from "./resident-history.js";
import { boundsOf, instantOf, rangeOf, withinSql } from "./scan-range.js";
import type { SqlSession } from "./session.js";
import {
  type AskSpilled,
  columnStatistics,
  type DayStatistics,
  FINISHED,
  finishRows,
  ORDERED,
  orderRows,
  type Places,
  statisticsOfFinished,
  statisticsOfOrdered,
  statisticsOfParts,
  TIES,
  UNORDERED,
  writeParts,
  writing,
} from "./sink.js";
import type { SpilledKernels } from "./spilled-kernels.js";
import { identifier, text } from "./text.js";
import { withWindows } from "./windows-by-polars.js";
import type { WritingLanes } from "./writing-lanes.js";

/** Tables that do not depend on the day, with their row counts. */
export type KeptTables = Map<string, number>;

/** What outlives a span on a session. */
export interface SessionState {
  readonly session: SqlSession;
  readonly sources: ReadonlyMap<string, Source>;
  readonly kept: KeptTables;
  readonly kernels: KernelFunctions;
  readonly spilled: SpilledKernels;
  readonly shares: MemoryShares;
  readonly history: ResidentHistory;
  readonly lengths: ListLengths;
  readonly lanes: WritingLanes;
}

/** Figures of each day of the span, by the operator that they belong to. */
type ByDay = ReadonlyMap<Day, number>;

/**
 * A span of days: the plan's tables once for all of them, then their rows in order, then each day for itself: parts and
 * statistics.
 */
export class SpanRun {
  readonly #session: SqlSession;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #kept: KeptTables;
  readonly #kernels: KernelFunctions;
  readonly #spilled: SpilledKernels;
  readonly #shares: MemoryShares;
  readonly #history: ResidentHistory;
  readonly #lengths: ListLengths;
  readonly #lanes: WritingLanes;
  readonly #plan: DayPlan;
  readonly #request: DaysRequest;
  readonly #days: readonly Day[];
  readonly #meter: Meter | undefined;
  readonly #views: string[] = [];
  readonly #tables = new Map<string, number>();
  readonly #requests: { source: Source; request: ScanRequest }[] = [];
  readonly #relations = new Map<string, string>();
  readonly #drops: string[] = [];
  /** Rows that each scan fetched, by the first day that they serve. */
  readonly #scanned = new Map<string, ByDay>();
  #seconds: Record<string, number> = {};
  /** When the last timed work ended. */
  #ended = 0;
  #operator = "";

  /** `meter`: weighs what it makes. */
  constructor(state: SessionState, plan: DayPlan, request: DaysRequest, meter?: Meter) {
    this.#session = state.session;
    this.#sources = state.sources;
    this.#kept = state.kept;
    this.#kernels = state.kernels;
    this.#spilled = state.spilled;
    this.#shares = state.shares;
    this.#history = state.history;
    this.#lengths = state.lengths;
    this.#lanes = state.lanes;
    this.#plan = plan;
    this.#request = request;
    this.#days = request.days.map(({ day }) => day);
    this.#meter = meter;
  }

  async run(written: (day: Day, result: DayResult) => void): Promise<void> {
    const plan = this.#plan;
    const dropped = new Map<string, (day: Day) => number>();
    for (const scan of plan.scans) await this.#timed(scan.name, () => this.#createScan(scan));
    if (this.#request.qidMap !== undefined)
      await this.#createView(QID_MAP, `SELECT session_id, qid FROM read_parquet(${text(this.#request.qidMap)})`);
    const counts = new Map<string, ByDay>();
    const counted = new Set([
      plan.target,
      ...plan.steps.flatMap((step) => (step.kind === "table" && step.filters ? [step.name, step.filters] : [])),
    ]);
    for (const step of plan.steps) {
      if (step.kind === "kernel") {
        await this.#timed(step.operator, () => this.#loadKernel(step));
        continue;
      }
      await this.#leaveMemory();
      if (step.kind === "polars") {
        await this.#timed(step.operator, () => this.#makeWindows(step));
        continue;
      }
      await this.#timed(step.operator, async () => {
        const count = await this.#create(step);
        if (counted.has(step.name)) counts.set(step.name, await this.#byDay(step.name, plan.order.time, count));
      });
      if (step.filters !== undefined) {
        const [before, after] = [counts.get(step.filters), counts.get(step.name)];
        dropped.set(step.operator, (day) => (before?.get(day) ?? 0) - (after?.get(day) ?? 0));
      }
      for (const name of step.drops) this.#dropTable(name);
    }
    const scanned = this.#scanned;
    for (const scan of plan.scans)
      if (scan.range.kind === "target_day") scanned.set(scan.name, counts.get(plan.target) ?? new Map());
      else if (!scanned.has(scan.name)) scanned.set(scan.name, await this.#timed("count", () => this.#countScan(scan)));
    await this.#leaveMemory();
    const rows = await this.#order(dropped);
    const tell: Tell = ({ day, parts, columns, seconds }) => {
      written(day, {
        rows: rows.get(day) ?? 0,
        parts,
        scanned: Object.fromEntries([...scanned].map(([name, byDay]) => [name, byDay.get(day) ?? 0])),
        targetRows: counts.get(plan.target)?.get(day) ?? 0,
        dropped: Object.fromEntries([...dropped].map(([name, of]) => [name, of(day)])),
        columns,
        seconds,
      });
    };
    const groups = groupsOf(this.#request.days, rows);
    const all = { first: 0, count: [...rows.values()].reduce((sum, count) => sum + count, 0) };
    // Where nothing is left to compute, one look at the ordered rows tells the statistics of all days.
    const statistics = plan.isSettled(plan.output.map(({ name }) => name))
      ? await this.#timed("statistics", () => statisticsOfOrdered(plan, all, this.#session))
      : undefined;
    const begun = performance.now();
    this.#operator = "write";
    await this.#ask(plan.kernelsOf(writing(plan, ORDERED)), ORDERED, async (answers) => {
      this.#seconds["write"] = (performance.now() - begun) / 1000;
      for (const group of groups) await this.#write(group, answers, statistics, tell);
    });
  }

  /** Long days are written as they are computed; short ones are computed together before. */
  async #write(
    { days, together }: DayGroup,
    answers: Answers | undefined,
    known: DayStatistics | undefined,
    tell: Tell,
  ): Promise<void> {
    const { output, rowGroupRows } = this.#plan;
    let statistics = known;
    if (together) {
      const places = { first: days[0]?.first ?? 0, count: days.reduce((sum, { count }) => sum + count, 0) };
      await this.#timed("write", () =>
        finishRows(this.#plan, places, answers, (name, sql) => this.#createTable(name, sql)),
      );
      statistics ??= await this.#timed("statistics", () => statisticsOfFinished(output, this.#session));
    }
    // A meter weighs one thing at a time; spilled answers have little memory.
    const isSingle = this.#meter !== undefined || answers !== undefined;
    const most = Math.max(...days.map(({ count }) => count));
    const lanes = isSingle ? 1 : this.#lanes.lanesFor(Math.ceil(most / rowGroupRows));
    await this.#lanes.inOrder(
      days,
      lanes,
      async ({ staging, ...places }, lane) => {
        const seeing = statistics === undefined ? this.#lengths.seeing(output, lane.number) : "";
        const parts = await this.#timed("write", () =>
          writeParts(this.#plan, places, together, answers, staging, seeing, lane.run),
        );
        const seconds = this.#seconds;
        this.#seconds = {};
        return { parts, seconds, lists: statistics === undefined ? this.#lengths.statistics(output, lane.number) : [] };
      },
      async ({ day, staging }, { parts, seconds, lists }) => {
        if (statistics !== undefined) {
          tell({ day, parts, columns: statistics.get(numberOf(day)) ?? columnStatistics(output, {}), seconds });
          return;
        }
        const begun = performance.now();
        const scalars = output.filter(({ dtype }) => !isList(dtype));
        const files = parts.map(({ name }) => join(staging, name));
        const scalarStatistics = await statisticsOfParts(scalars, files, this.#session);
        const byName = new Map([...scalarStatistics, ...lists].map((column) => [column.name, column]));
        const columns = output.flatMap(({ name }) => byName.get(name) ?? []);
        tell({ day, parts, columns, seconds: { ...seconds, statistics: (performance.now() - begun) / 1000 } });
      },
    );
    if (together) this.#dropTable(FINISHED);
  }

  /** The cause in the reader's words: a value or file of a source if one is to blame. */
  async explainFailure(error: unknown): Promise<unknown> {
    if (error instanceof DaedalusError) return error;
    if (error instanceof Error && /interrupt/i.test(error.message)) return error;
    // Looking for a value to blame would need memory too.
    for (const { source, request } of isOutOfMemory(error) ? [] : this.#requests) {
      const problem = await source.diagnose(request);
      if (problem) return new DaedalusError([problem], 1, { cause: error });
    }
    const plan = this.#plan;
    const ofRows = ROW_STAGES.get(this.#operator);
    const told = problemOfFailure(ofRows === undefined ? this.#operator : plan.sink, error);
    if (!isUnexplained(told)) return told;
    const culprit = await this.#findCulprit(ofRows);
    if (culprit === undefined) return told;
    const { rule, ...what } = culprit;
    if (rule === undefined) return engineProblem("query-failed", what);
    const written = this.#request.rules?.find(
      (one) => one.text === rule && (one.operator === undefined || one.operator === culprit.operator),
    );
    return engineProblem("rule-failed", { ...what, rule }, written?.place);
  }

  async #findCulprit(ofRows: "all" | "left" | undefined): Promise<Culprit | undefined> {
    const { checks, rows, output, settled } = this.#plan;
    if (ofRows === undefined) return findCulprit(this.#session, checks.sides, { table: rows, ordered: false });
    const ordered = ofRows === "left";
    const table = ordered ? ORDERED : rows;
    const columns = output.map(({ name }) => name);
    const asked = ordered ? writing(this.#plan, table) : { columns, filtered: true, settle: settled.computed };
    // Where spilled kernels cannot answer, what failed first is told.
    return this.#ask(this.#plan.kernelsOf(asked), table, (answers) =>
      findCulprit(this.#session, checks.steps, { table, ordered, answers }),
    ).catch(() => undefined);
  }

  /** The relation that a scan was made of, before its predicate; it can be read until `cleanUp`. */
  relationOf(scan: Scan): string {
    const relation = this.#relations.get(scan.name);
    if (relation === undefined) throw new RangeError(`scan "${scan.name}" has not run`);
    return relation;
  }

  async cleanUp(): Promise<void> {
    for (const step of this.#plan.steps) {
      if (step.kind !== "kernel" || step.keep === "run") continue;
      this.#kernels.forget(step);
      this.#spilled.forget(step);
    }
    const drops = [
      ...this.#views.map((view) => `DROP VIEW IF EXISTS ${view}`),
      ...[ORDERED, UNORDERED, ...TIES, FINISHED, ...this.#tables.keys()].map(
        (table) => `DROP TABLE IF EXISTS ${table}`,
      ),
    ];
    await this.#session.run(drops.join("; "));
  }

  async #timed<T>(operator: string, work: () => Promise<T>): Promise<T> {
    this.#operator = operator;
    const start = performance.now();
    const aside = this.#meter?.aside ?? 0;
    const result = await work();
    await this.#meter?.statement();
    const measuring = (this.#meter?.aside ?? 0) - aside;
    // Of works beside each other, each has the time since the one before it ended: together they have what went by.
    const end = performance.now();
    const seconds = (end - Math.max(start, this.#ended)) / 1000;
    this.#ended = end;
    this.#seconds[operator] = (this.#seconds[operator] ?? 0) + seconds - measuring;
    return result;
  }

  /** The rows that are written, in order, and how many each day has; the rows of a day stand together. */
  async #order(dropped: Map<string, (day: Day) => number>): Promise<ByDay> {
    const plan = this.#plan;
    return this.#timed("order", async () => {
      const judged = plan.contentFilters.length > 0;
      const before = judged
        ? await this.#byDay(plan.rows, plan.order.time, this.#tables.get(plan.rows) ?? 0)
        : new Map<Day, number>();
      const create = (name: string, sql: string): Promise<number> => this.#createTable(name, sql);
      const count = await orderRows(plan, create, this.#ask, this.#session);
      const rows = await this.#byDay(ORDERED, plan.order.time, count);
      for (const name of plan.contentFilters) dropped.set(name, (day) => (before.get(day) ?? 0) - (rows.get(day) ?? 0));
      this.#dropTable(plan.rows);
      return rows;
    });
  }

  /** The first and the last day of the run. */
  get #ofRun(): readonly Day[] {
    const { ofRun } = this.#request;
    return ofRun === undefined ? this.#days : [ofRun.from, ofRun.to];
  }

  async #createScan(scan: Scan): Promise<void> {
    const source = this.#sources.get(scan.view);
    if (!source) throw new RangeError(`no source for view "${scan.view}"`);
    const { ofRun } = this.#plan;
    const bounds = boundsOf(scan, ofRun.has(scan.output) ? this.#ofRun : this.#days);
    const request: ScanRequest = { columns: scan.columns, instants: scan.instants, ...rangeOf(scan, bounds) };
    this.#requests.push({ source, request });
    const relation = await source.scan(request);
    let sql = relation.sql;
    if (relation.costly) {
      // Text is parsed once for all days: the typed rows are kept, and each span's view is a range of them.
      const everything: ScanRequest = { columns: scan.columns, instants: scan.instants };
      this.#requests.push({ source, request: everything });
      const whole = await source.scan(everything);
      const name = identifier(`parsed_${createHash("sha256").update(whole.sql).digest("hex").slice(0, 12)}`);
      await this.#keepTable(name, whole.sql);
      sql = `SELECT * FROM ${name} WHERE ${withinSql(scan, bounds) ?? "TRUE"}`;
    } else if (
      this.#request.keepHistory &&
      scan.range.kind === "history" &&
      !ofRun.has(scan.output) &&
      bounds.to !== undefined
    ) {
      await this.#createView(identifier(scan.output), await this.#resident(scan, source, { ...bounds, to: bounds.to }));
      return;
    }
    this.#relations.set(scan.name, sql);
    if (scan.predicate) sql = `SELECT * FROM (${sql}) WHERE ${scan.predicate.sql}`;
    await this.#createView(identifier(scan.output), sql);
  }

  /** `SELECT` of a history scan's rows from the table that the session keeps, after what it lacks was fetched. */
  async #resident(scan: Scan, source: Source, range: HistoryRange): Promise<string> {
    const missing = this.#history.missing(scan, range);
    const request: ScanRequest = { columns: scan.columns, instants: scan.instants, ...rangeOf(scan, missing) };
    const { sql } = await source.scan(request);
    const wanted = scan.predicate ? `SELECT * FROM (${sql}) WHERE ${scan.predicate.sql}` : sql;
    const fetched = identifier(`fetched_${scan.output}`);
    await this.#createTable(fetched, wanted);
    this.#scanned.set(scan.name, await this.#countServed(scan, fetched));
    this.#tables.delete(fetched);
    await this.#history.take(scan, range, fetched, withinSql(scan, { from: range.from }) ?? "TRUE");
    return `SELECT * FROM ${this.#history.tableOf(scan)}`;
  }

  async #createView(name: string, sql: string): Promise<void> {
    this.#views.push(name);
    await this.#session.run(`CREATE OR REPLACE VIEW ${name} AS ${sql}`);
  }

  /** An index that workers ask or that does not fit beside those that are there is spilled; what they leave is for the parts of such. */
  async #loadKernel(kernel: KernelPlan): Promise<void> {
    const name = `index of ${kernel.name}`;
    if (kernel.keep === "run" && this.#kept.has(name)) return;
    await this.#shares.leave(this.#shares.kernels);
    this.#spilled.forget(kernel);
    this.#kernels.forget(kernel);
    const room = this.#shares.kernels * (1 - LEAST_FOR_PARTS) - this.#kernels.held;
    const held = kernel.inWorkers ? undefined : await this.#kernels.load(kernel, room);
    const bytes = held ?? (await this.#spilled.spill(kernel));
    this.#meter?.add(kernel.operator, bytes);
    if (kernel.keep === "run") this.#kept.set(name, 0);
  }

  /** DuckDB gets what the loaded kernels do not need. */
  async #leaveMemory(): Promise<void> {
    const kernels = this.#plan.steps.filter((step) => step.kind === "kernel");
    if (kernels.length === 0 || kernels.some((kernel) => this.#spilled.has(kernel))) return;
    this.#kernels.trim();
    await this.#shares.leave(this.#kernels.bytes);
  }

  /** The rows of a table with the answers of those of the kernels that are spilled. */
  readonly #ask: AskSpilled = (kernels, table, use) =>
    this.#spilled.answer(
      kernels,
      table,
      {
        room: Math.max(this.#shares.kernels - this.#kernels.held, this.#shares.kernels * LEAST_FOR_PARTS),
        log: this.#request.log,
      },
      use,
    );

  #makeWindows(plan: PolarsPlan): Promise<void> {
    return withWindows(plan, this.#session, async (made) => {
      await this.#createTable(plan.name, made);
    });
  }

  #create({ name, sql, keep, asks }: TablePlan): Promise<number> {
    if (keep === "run") return this.#keepTable(name, sql);
    if (asks === undefined) return this.#createTable(name, sql);
    return this.#ask(asks.kernels, asks.rows, (answers) =>
      this.#createTable(name, answers === undefined ? sql : asks.sql(answers)),
    );
  }

  async #createTable(name: string, sql: string): Promise<number> {
    this.#tables.set(name, 0);
    const drops = this.#drops.splice(0).join("");
    // A meter weighs before and after: what goes with the new table would be taken off its weight.
    if (this.#meter !== undefined && drops !== "") await this.#session.run(drops);
    const count = await this.#weighed(() =>
      createTable(this.#session, name, sql, this.#meter === undefined ? drops : ""),
    );
    this.#tables.set(name, count);
    return count;
  }

  async #keepTable(name: string, sql: string): Promise<number> {
    const known = this.#kept.get(name);
    if (known !== undefined) return known;
    const count = await this.#weighed(() => createTable(this.#session, name, sql));
    this.#kept.set(name, count);
    return count;
  }

  #weighed(make: () => Promise<number>): Promise<number> {
    return this.#meter === undefined ? make() : this.#meter.table(this.#operator, make);
  }

  /** With the next statement: a call into the engine costs more than the drop. */
  #dropTable(name: string): void {
    if (this.#tables.has(name)) this.#drops.push(`DROP TABLE IF EXISTS ${name}; `);
  }

  /** Rows of a relation by the day of a spine instant; `count` are all of them. */
  async #byDay(relation: string, time: string, count: number): Promise<ByDay> {
    const [first = ""] = this.#days;
    if (this.#days.length === 1) return new Map([[first, count]]);
    return this.#countByDay(relation, { column: time, resolution: this.#plan.order.resolution }, (number) => number);
  }

  /** Rows that a scan brought, with the first day that they serve. */
  async #countScan(scan: Scan): Promise<ByDay> {
    const [first = ""] = this.#days;
    const relation = identifier(scan.output);
    const sql = `SELECT count(*) AS n FROM ${relation}`;
    if (this.#plan.ofRun.has(scan.output) || scan.range.kind === "unbounded") {
      const name = identifier(`count_${scan.output}`);
      const known = this.#kept.has(name);
      await this.#keepTable(name, sql);
      if (known) return new Map();
      const [row] = await this.#session.query(`SELECT n FROM ${name}`);
      return new Map([[first, Number(row?.["n"])]]);
    }
    return this.#countServed(scan, relation);
  }

  /** Rows of a history by the first day of the span that they serve: the day that they are of, or the next one. */
  async #countServed(scan: Scan, relation: string): Promise<ByDay> {
    const [first = ""] = this.#days;
    const instant = instantOf(scan);
    if (this.#days.length === 1 || instant === undefined) {
      const [row] = await this.#session.query(`SELECT count(*) AS n FROM ${relation}`);
      return new Map([[first, Number(row?.["n"])]]);
    }
    const numbers = this.#days.map(numberOf);
    const time = { column: instant.name, resolution: resolutionOf(instant.unit) };
    return this.#countByDay(relation, time, (number) => numbers.find((own) => own >= number) ?? number);
  }

  async #countByDay(relation: string, time: Instant, servedBy: (number: number) => number): Promise<ByDay> {
    const rows = await this.#session.query(
      `SELECT ${dayNumber(identifier(time.column), time.resolution)} AS day, count(*) AS n FROM ${relation} GROUP BY day`,
    );
    const days = new Map(this.#days.map((day) => [numberOf(day), day]));
    const counts = new Map<Day, number>();
    for (const row of rows) {
      const day = days.get(servedBy(Number(row["day"])));
      if (day !== undefined) counts.set(day, (counts.get(day) ?? 0) + Number(row["n"]));
    }
    return counts;
  }
}

type Tell = (written: { readonly day: Day } & Pick<DayResult, "parts" | "columns" | "seconds">) => void;

/** A day with the places of its rows in the ordered table. */
interface PlacedDay extends Places {
  readonly day: Day;
  readonly staging: string;
}

/** Days that are written from one table: made for them `together`, or the ordered rows. */
interface DayGroup {
  readonly together: boolean;
  readonly days: readonly PlacedDay[];
}

/** What is joined at once for several days: about the rows of one vectorised pass, so that it stays in memory. */
const ROWS_TOGETHER = 20_000;

/** Of the kernels' memory: the least that is left to load parts of spilled histories. */
const LEAST_FOR_PARTS = 1 / 4;

/** Stages that compute the rows' own steps: of the rows before they are filtered, or of those that are left. */
const ROW_STAGES: ReadonlyMap<string, "all" | "left"> = new Map([
  ["order", "all"],
  ["write", "left"],
  ["statistics", "left"],
]);

/** Days in order: short ones together, and others that follow each other. */
function groupsOf(days: DaysRequest["days"], rows: ByDay): readonly DayGroup[] {
  const short: PlacedDay[][] = [];
  let first = 0;
  let together = 0;
  for (const { day, staging } of days) {
    const count = rows.get(day) ?? 0;
    const group = short.at(-1);
    if (group !== undefined && together + count <= ROWS_TOGETHER) group.push({ day, staging, first, count });
    else short.push([{ day, staging, first, count }]);
    together = short.at(-1) === group ? together + count : count;
    first += count;
  }
  const groups: { together: boolean; days: PlacedDay[] }[] = [];
  for (const own of short) {
    const last = groups.at(-1);
    if (own.length === 1 && last?.together === false) last.days.push(...own);
    else groups.push({ together: own.length > 1, days: own });
  }
  return groups;
}

async function createTable(session: SqlSession, name: string, sql: string, before = ""): Promise<number> {
  const [row] = await session.query(`${before}CREATE OR REPLACE TABLE ${name} AS ${sql}`);
  return Number(row?.["Count"] ?? 0);
}

/** Days since the epoch, as `dayNumber` counts them. */
function numberOf(day: Day): number {
  return Number(dayStartMicros(day) / MICROS_PER_DAY);
}
