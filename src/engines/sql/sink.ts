import { join } from "node:path";
import { type DType, elementOf, isList } from "../../columnar/dtypes.js";
import type { Column } from "../../operators/operator.js";
import type { ColumnStatistics } from "../../training/day.js";
import { dayNumber } from "./clock.js";
import type { Answers, DayPlan, SelectRequest } from "./plan.js";
import type { SmallRow, SqlSession } from "./session.js";
import { answersBetween } from "./spilled-kernels.js";
import { identifier, text } from "./text.js";
import { orderBy } from "./values.js";

/** No dictionaries: they take −0 and +0 for one value, and building them costs more than what they save of wide lists. */
const DICTIONARY_VALUES = 0;

/** The rows that are left, in the order of the file: a narrow table, sorted before the wide columns are joined. */
export const ORDERED = "ordered";

/** How many leading output columns take part in the first sort; the others decide only among rows equal in these. */
const SORTED_COLUMNS = 3;

/** The rows before they are sorted, where some are equal in the leading columns. */
export const UNORDERED = "unordered";

/** The rows that are equal in the leading columns, and in the narrow ones that follow; their rank by more columns. */
export const TIES = ["narrow_ties", "wide_ties", "narrow_ranks", "wide_ranks"] as const;

/** Asks kernels that are spilled about the rows of a table: see `SpilledKernels`. */
export type AskSpilled = <T>(
  kernels: readonly string[],
  table: string,
  use: (answers: Answers | undefined) => Promise<T>,
) => Promise<T>;

/**
 * Orders the rows by event time and the leading columns, which is all where no two are equal in them. Where some are, and only
 * there, by the narrow columns that follow, and where even these are equal, all columns are computed and compared. The rows are
 * sorted once. Returns how many there are.
 */
export async function orderRows(
  plan: DayPlan,
  run: (name: string, sql: string) => Promise<number>,
  ask: AskSpilled,
  session: SqlSession,
): Promise<number> {
  const dtypes = new Map(plan.output.map((column) => [column.name, column.dtype] as const));
  const dtypeOf = (name: string): DType => dtypes.get(name) ?? "BIGINT";
  const { columns, time } = plan.order;
  const isLeading = (name: string): boolean => !isList(dtypeOf(name)) && plan.isStored([name]);
  const leading = columns.slice(0, lengthWhile(columns.slice(0, SORTED_COLUMNS), isLeading));
  const narrow = columns.slice(
    0,
    lengthWhile(columns, (name) => plan.isSettled([name])),
  );
  const terms = (names: readonly string[]): string => {
    const order = orderBy(names.map((name) => ({ sql: identifier(name), dtype: dtypeOf(name) })));
    return [`${identifier(time)} ASC NULLS FIRST`, ...(order === "" ? [] : [order])].join(", ");
  };
  const { computed, stored: found } = plan.settled;
  const carry = [time, ...found];
  const make = (name: string, request: SelectRequest, of: (select: string) => string): Promise<number> =>
    ask(plan.kernelsOf(request), request.from, (answers) => run(name, of(plan.select({ ...request, answers }))));
  const first = { from: plan.rows, columns: leading, filtered: true, carry, settle: computed };
  const group = [time, ...leading].map(identifier);
  const tiedIn = (from: string): string => `SELECT ${group.join(", ")} FROM ${from} GROUP BY ALL HAVING count(*) > 1`;
  const all = `(${plan.select({ from: plan.rows, columns: leading, filtered: false, carry: [time] })})`;
  if (leading.length === columns.length || !(await isSome(session, tiedIn(all))))
    return make(ORDERED, first, (select) => `${select} ORDER BY ${terms(leading)}`);
  await make(UNORDERED, first, (select) => select);
  const joins: string[] = [];
  const order = [terms(leading)];
  /** Ranks the rows that `equal` (a FROM item `d`) finds by more columns; returns whether some are equal in these too. */
  const rank = async (table: string, ranks: string, equal: string, by: readonly string[]): Promise<boolean> => {
    await run(table, `SELECT r.*, r.rowid AS "@id" FROM ${UNORDERED} r SEMI JOIN ${equal}`);
    const compared = { from: table, settled: true, columns: by, filtered: false, carry: ["@id", time] };
    await make(
      ranks,
      compared,
      (rows) => `SELECT "@id", rank() OVER (ORDER BY ${terms(by)}) AS "@rank" FROM (${rows})`,
    );
    joins.push(` LEFT JOIN ${ranks} ON o.rowid = ${ranks}."@id"`);
    order.push(`${ranks}."@rank" ASC NULLS FIRST`);
    return isSome(session, `SELECT "@rank" FROM ${ranks} GROUP BY ALL HAVING count(*) > 1`);
  };
  const [narrowTies, wideTies, narrowRanks, wideRanks] = TIES;
  const same = group.map((name) => `r.${name} IS NOT DISTINCT FROM d.${name}`).join(" AND ");
  let equal = `(${tiedIn(UNORDERED)}) d ON ${same}`;
  let isTied = true;
  if (narrow.length > leading.length) {
    isTied = await rank(narrowTies, narrowRanks, equal, narrow);
    equal = `(SELECT "@id" FROM ${narrowRanks} QUALIFY count(*) OVER (PARTITION BY "@rank") > 1) d ON r.rowid = d."@id"`;
  }
  if (isTied && narrow.length < columns.length) await rank(wideTies, wideRanks, equal, columns);
  const rows = await run(ORDERED, `SELECT o.* FROM ${UNORDERED} o${joins.join("")} ORDER BY ${order.join(", ")}`);
  await session.run([UNORDERED, ...TIES].map((table) => `DROP TABLE IF EXISTS ${table}`).join("; "));
  return rows;
}

function lengthWhile<T>(list: readonly T[], holds: (entry: T) => boolean): number {
  const end = list.findIndex((entry) => !holds(entry));
  return end < 0 ? list.length : end;
}

async function isSome(session: SqlSession, sql: string): Promise<boolean> {
  return (await session.query(`SELECT 1 FROM (${sql}) LIMIT 1`)).length > 0;
}

/** Places in the ordered table: `first …` of so many rows. */
export interface Places {
  readonly first: number;
  readonly count: number;
}

/** `SELECT` of ordered rows as they are written, with `@place`, and `@day` (days since the epoch). */
function finished(plan: DayPlan, from: string, { first, count }: Places, answers: Answers | undefined): string {
  const written = plan.output.map((column) => `${stored(column)} AS ${identifier(column.name)}`).join(", ");
  const own = answers && answersBetween({ ...answers, row: 'o."@place"' }, first, first + count);
  const select = plan.select({ ...writing(plan, from), carry: ["@place", plan.order.time], answers: own });
  const day = dayNumber(identifier(plan.order.time), plan.order.resolution);
  return `SELECT ${written}, "@place", ${day} AS "@day" FROM (${select})`;
}

/** What is asked of the ordered rows where they are written. */
export function writing(plan: DayPlan, from: string): SelectRequest {
  return { from, settled: true, columns: plan.output.map((column) => column.name), filtered: false };
}

function placed({ first, count }: Places): string {
  return `(SELECT *, rowid AS "@place" FROM ${ORDERED} WHERE rowid >= ${first} AND rowid < ${first + count})`;
}

/** Rows of several days as they are written, made at once: to join the wide columns costs more than to write a short day. */
export const FINISHED = "finished";

/** Makes `FINISHED` of the rows at the places. `answers`: of spilled kernels to the ordered rows. */
export async function finishRows(
  plan: DayPlan,
  places: Places,
  answers: Answers | undefined,
  run: (name: string, sql: string) => Promise<number>,
): Promise<void> {
  await run(FINISHED, finished(plan, placed(places), places, answers));
}

/**
 * Writes the rows at the places as `part-N-0.parquet`, N = 0, 1, …; one row-less part if there are none. `ready`: they are
 * in `FINISHED`. `seeing`: ` WHERE …` of `ListLengths`, or nothing. `run`: on any connection of the session.
 */
export async function writeParts(
  plan: DayPlan,
  places: Places,
  ready: boolean,
  answers: Answers | undefined,
  folder: string,
  seeing: string,
  run: (sql: string) => Promise<void>,
): Promise<{ name: string; rows: number }[]> {
  const parts: { name: string; rows: number }[] = [];
  const partRows = Number(plan.partRows);
  const columns = plan.output.map((column) => identifier(column.name)).join(", ");
  for (let done = 0; done === 0 || done < places.count; done += partRows) {
    const part = { first: places.first + done, count: Math.min(partRows, places.count - done) };
    const name = `part-${parts.length}-0.parquet`;
    const copy = (rows: string): string =>
      `COPY (SELECT ${columns} FROM ${rows}) TO ${text(join(folder, name))}` + ` (${partOptions(plan.rowGroupRows)})`;
    if (ready) {
      const end = part.first + part.count;
      const own = `SELECT * FROM ${FINISHED} WHERE "@place" >= ${part.first} AND "@place" < ${end}`;
      await run(copy(`(${own}) ORDER BY "@place" ASC NULLS FIRST`));
    } else if (plan.joinsAtEnd || answers !== undefined) {
      // A hash join may put rows behind others of their vector (where hashes collide): the part is sorted once more.
      const rows = `(${finished(plan, placed(part), part, answers)})${seeing}`;
      await run(copy(`${rows} ORDER BY "@place" ASC NULLS FIRST`));
    } else {
      // The bytes of a part depend on where its row groups begin: rows that stream begin with those of the table, sorted ones
      // with the part. Narrow rows are sorted, before the kernels add lists to them.
      const sorted = `(SELECT * FROM ${placed(part)} ORDER BY "@place" ASC NULLS FIRST)`;
      await run(copy(`(${finished(plan, sorted, part, undefined)})${seeing}`));
    }
    const { count } = part;
    parts.push({ name, rows: count });
  }
  return parts;
}

/** How a part is written: the options of a `COPY`. */
export function partOptions(rowGroupRows: number): string {
  return `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows}, DICTIONARY_SIZE_LIMIT ${DICTIONARY_VALUES}`;
}

/** TIMESTAMP is UTC in the file: only DuckDB's zoned type says so. */
export function stored(column: Column, value = identifier(column.name)): string {
  if (elementOf(column.dtype) !== "TIMESTAMP") return value;
  return `CAST(${value} AS TIMESTAMPTZ${isList(column.dtype) ? "[]" : ""})`;
}

/** What the manifest says of each column, read back from the written parts of a day; it may run while the next is written. */
export async function statisticsOfParts(
  output: readonly Column[],
  files: readonly string[],
  session: SqlSession,
): Promise<ColumnStatistics[]> {
  if (output.length === 0) return [];
  const parts = `read_parquet([${files.map(text).join(", ")}])`;
  const [row = {}] = await session.queryBeside(`SELECT ${statisticsTerms(output)} FROM ${parts}`);
  return columnStatistics(output, row);
}

/** Statistics of several days, by the number of the day; days without rows are not in it. */
export type DayStatistics = ReadonlyMap<number, ColumnStatistics[]>;

/** The same of the days in `FINISHED`. */
export function statisticsOfFinished(output: readonly Column[], session: SqlSession): Promise<DayStatistics> {
  return statisticsByDay(output, FINISHED, session);
}

/** The same of all ordered rows, which are as they are written but for their types. */
export function statisticsOfOrdered(plan: DayPlan, places: Places, session: SqlSession): Promise<DayStatistics> {
  return statisticsByDay(plan.output, `(${finished(plan, placed(places), places, undefined)})`, session);
}

async function statisticsByDay(output: readonly Column[], from: string, session: SqlSession): Promise<DayStatistics> {
  const rows = await session.query(`SELECT "@day", ${statisticsTerms(output)} FROM ${from} GROUP BY "@day"`);
  return new Map(rows.map((row) => [Number(row["@day"]), columnStatistics(output, row)]));
}

function statisticsTerms(output: readonly Column[]): string {
  const terms = output.flatMap((column, index) => {
    const name = identifier(column.name);
    const nulls = `count(*) - count(${name}) AS nulls${index}`;
    return isList(column.dtype)
      ? [
          nulls,
          `min(len(${name})) AS min${index}`,
          `max(len(${name})) AS max${index}`,
          `avg(len(${name})) AS mean${index}`,
        ]
      : [
          nulls,
          `CAST(min(${name}) AS VARCHAR) AS min${index}`,
          `CAST(max(${name}) AS VARCHAR) AS max${index}`,
          `approx_count_distinct(${name}) AS distinct${index}`,
        ];
  });
  return terms.join(", ");
}

/** Of the answer to `statisticsTerms`; of an empty row, those of no rows. */
export function columnStatistics(output: readonly Column[], row: SmallRow): ColumnStatistics[] {
  return output.map((column, index): ColumnStatistics => {
    const value = (name: string): unknown => row[`${name}${index}`];
    const base = { name: column.name, dtype: column.dtype, nulls: Number(value("nulls") ?? 0) };
    const [min, max] = [value("min"), value("max")];
    if (min === null || min === undefined) return base;
    if (isList(column.dtype))
      return { ...base, lengths: { min: Number(min), max: Number(max), mean: Number(value("mean")) } };
    return { ...base, min: String(min), max: String(max), distinct: Number(value("distinct")) };
  });
}
