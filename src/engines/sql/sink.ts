import { join } from "node:path";
import { type DType, elementOf, isList } from "../../columnar/dtypes.js";
import type { Column } from "../../operators/operator.js";
import type { ColumnStatistics } from "../../training/day.js";
import { dayNumber } from "./clock.js";
import type { DayPlan } from "./plan.js";
import type { SmallRow, SqlSession } from "./session.js";
import { identifier, text } from "./text.js";
import { orderBy } from "./values.js";

/** Rows a reader can hold while it decodes a group; DuckDB's own default, a multiple of its vectors. */
const ROW_GROUP_ROWS = 122_880;

/** No dictionaries: they take −0 and +0 for one value, and building them costs more than what they save of wide lists. */
const DICTIONARY_VALUES = 0;

/** The rows that are left, in the order of the file: a narrow table, sorted before the wide columns are joined. */
export const ORDERED = "ordered";

/** How many leading output columns take part in the first sort; the others decide only among rows equal in these. */
const SORTED_COLUMNS = 3;

/**
 * Orders the rows by event time and the leading columns; where rows are still equal, and only there, all columns are
 * computed and compared. Returns how many rows there are.
 */
export async function orderRows(
  plan: DayPlan,
  run: (name: string, sql: string) => Promise<number>,
  session: SqlSession,
): Promise<number> {
  const dtypes = new Map(plan.output.map((column) => [column.name, column.dtype] as const));
  const dtypeOf = (name: string): DType => dtypes.get(name) ?? "BIGINT";
  const time = identifier(plan.order.time);
  const leading: string[] = [];
  for (const name of plan.order.columns.slice(0, SORTED_COLUMNS)) {
    if (isList(dtypeOf(name)) || plan.reads([name]).joins) break;
    leading.push(name);
  }
  const terms = (names: readonly string[]): string => {
    const order = orderBy(names.map((name) => ({ sql: identifier(name), dtype: dtypeOf(name) })));
    return [`${time} ASC NULLS FIRST`, ...(order === "" ? [] : [order])].join(", ");
  };
  const carry = [...new Set([plan.order.time, ...plan.reads(plan.output.map((column) => column.name)).stored])];
  const rows = await run(
    ORDERED,
    `SELECT * FROM (${plan.select({ from: plan.rows, columns: leading, filtered: true, carry })}) ORDER BY ${terms(leading)}`,
  );
  const group = [time, ...leading.map(identifier)];
  const tied = `SELECT ${group.join(", ")} FROM ${ORDERED} GROUP BY ALL HAVING count(*) > 1`;
  const [ties] = await session.query(`SELECT count(*) AS n FROM (${tied})`);
  if (ties?.["n"] === 0n || leading.length === plan.order.columns.length) return rows;
  const same = group.map((name) => `r.${name} IS NOT DISTINCT FROM d.${name}`).join(" AND ");
  const from = `(SELECT r.*, r.rowid AS "@id" FROM ${ORDERED} r SEMI JOIN (${tied}) d ON ${same})`;
  const compared = plan.select({ from, columns: plan.order.columns, filtered: false, carry: ["@id", plan.order.time] });
  await run(
    "tied",
    `SELECT "@id", row_number() OVER (ORDER BY ${terms(plan.order.columns)}) AS "@tie" FROM (${compared})`,
  );
  await run(
    "untied",
    `SELECT o.* FROM ${ORDERED} o LEFT JOIN tied ON o.rowid = tied."@id" ORDER BY ${terms(leading)}, tied."@tie" ASC NULLS FIRST`,
  );
  await session.run(`DROP TABLE ${ORDERED}; DROP TABLE tied; ALTER TABLE untied RENAME TO ${ORDERED}`);
  return rows;
}

/** Places in the ordered table: `first …` of so many rows. */
export interface Places {
  readonly first: number;
  readonly count: number;
}

/** `SELECT` of the rows at the places as they are written, with `@place`, and `@day` (days since the epoch). */
function finished(plan: DayPlan, { first, count }: Places): string {
  const written = plan.output.map((column) => `${stored(column)} AS ${identifier(column.name)}`).join(", ");
  const from = `(SELECT *, rowid AS "@place" FROM ${ORDERED} WHERE rowid >= ${first} AND rowid < ${first + count})`;
  const columns = plan.output.map((column) => column.name);
  const select = plan.select({ from, columns, filtered: false, carry: ["@place", plan.order.time] });
  const day = dayNumber(identifier(plan.order.time), plan.order.resolution);
  return `SELECT ${written}, "@place", ${day} AS "@day" FROM (${select})`;
}

/** Rows of several days as they are written, made at once: to join the wide columns costs more than to write a short day. */
export const FINISHED = "finished";

/** Makes `FINISHED` of the rows at the places. */
export async function finishRows(
  plan: DayPlan,
  places: Places,
  run: (name: string, sql: string) => Promise<number>,
): Promise<void> {
  await run(FINISHED, finished(plan, places));
}

/**
 * Writes the rows at the places as `part-N-0.parquet`, N = 0, 1, …; one row-less part if there are none. `ready`: they are
 * in `FINISHED`.
 */
export async function writeParts(
  plan: DayPlan,
  places: Places,
  ready: boolean,
  folder: string,
  session: SqlSession,
): Promise<{ name: string; rows: number }[]> {
  const parts: { name: string; rows: number }[] = [];
  const partRows = Number(plan.partRows);
  const columns = plan.output.map((column) => identifier(column.name)).join(", ");
  for (let done = 0; done === 0 || done < places.count; done += partRows) {
    const count = Math.min(partRows, places.count - done);
    const first = places.first + done;
    const rows = ready
      ? `SELECT * FROM ${FINISHED} WHERE "@place" >= ${first} AND "@place" < ${first + count}`
      : finished(plan, { first, count });
    const name = `part-${parts.length}-0.parquet`;
    // A hash join may put rows behind others of their vector (where hashes collide), so the parts are sorted once more.
    await session.run(
      `COPY (SELECT ${columns} FROM (${rows}) ORDER BY "@place" ASC NULLS FIRST) TO ${text(join(folder, name))}` +
        ` (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP_ROWS}, DICTIONARY_SIZE_LIMIT ${DICTIONARY_VALUES})`,
    );
    parts.push({ name, rows: count });
  }
  return parts;
}

/** TIMESTAMP is UTC in the file: only DuckDB's zoned type says so. */
function stored(column: Column): string {
  const name = identifier(column.name);
  if (elementOf(column.dtype) !== "TIMESTAMP") return name;
  return `CAST(${name} AS TIMESTAMPTZ${isList(column.dtype) ? "[]" : ""})`;
}

/** What the manifest says of each column, read back from the written parts of a day. */
export async function statisticsOfParts(
  output: readonly Column[],
  files: readonly string[],
  session: SqlSession,
): Promise<ColumnStatistics[]> {
  const parts = `read_parquet([${files.map(text).join(", ")}])`;
  const [row = {}] = await session.query(`SELECT ${statisticsTerms(output)} FROM ${parts}`);
  return columnStatistics(output, row);
}

/** The same of the days in `FINISHED`, by the number of the day; days without rows are not in it. */
export async function statisticsOfFinished(
  output: readonly Column[],
  session: SqlSession,
): Promise<ReadonlyMap<number, ColumnStatistics[]>> {
  const rows = await session.query(`SELECT "@day", ${statisticsTerms(output)} FROM ${FINISHED} GROUP BY "@day"`);
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
