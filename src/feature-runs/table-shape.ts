import { type DType, isNumeric } from "../columnar/dtypes.js";
import type { TimeUnit } from "../columnar/instants.js";
import type { RunTable } from "../definitions/feature-run.js";
import type { SqlSession } from "../engines/sql/session.js";
import { frameProblem } from "../errors/formula.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { isOutOfMemory } from "../errors/run.js";
import { type ColumnType, EVENT_TIME, SYMBOL } from "../formulas/features/tables.js";
import type { Source, SourceColumn } from "../sources/source.js";
import { columnOf } from "../sources/types.js";

/** Columns that choose rows. */
export const VENUE = "venue";
export const BAR_NAME = "bar_name";

/** A column of the table: where it is in the source, and what it is to a formula. */
export interface KnownColumn {
  readonly source: SourceColumn;
  readonly type: ColumnType;
}

/** What a table has, by the names of formulas, and its times. */
export interface TableShape {
  readonly columns: ReadonlyMap<string, KnownColumn>;
  readonly time: { readonly source: string; readonly unit: TimeUnit };
}

/** Looks at a table's columns; of text, at all values. Throws DaedalusError, exit code 2, for what does not fit. */
export async function shapeOf(table: RunTable, source: Source, session: SqlSession): Promise<TableShape> {
  const columns = await source.everyColumn();
  const sources = namedColumns(table, columns);
  const column = timeColumn(table, columns, sources);
  const words = await wordsOf(source, session, columns);
  const time = { source: column.name, unit: timeUnit(table, column, words) };
  const known = [...sources].map(
    ([name, one]) => [name, { source: one, type: typeOf(name, one, column.name, words) }] as const,
  );
  return { columns: new Map(known), time };
}

/** The columns by the names that formulas know; a constant stands for a column that is not there. */
function namedColumns(table: RunTable, columns: readonly SourceColumn[]): ReadonlyMap<string, SourceColumn> {
  const known = columns.map(({ name }) => name);
  const caseless = new Map<string, string>();
  for (const { name: called, renamed: name = called } of columns) {
    const other = caseless.get(name.toLowerCase());
    if (other !== undefined)
      throw refuse(frameProblem("same-but-case", { table: table.name, first: other, second: name }));
    caseless.set(name.toLowerCase(), name);
  }
  for (const from of Object.keys(table.fieldMapping))
    if (!known.includes(from)) throw refuse(noColumn(table, from, known));
  const sources = new Map<string, SourceColumn>();
  for (const column of columns) {
    const name = table.fieldMapping[column.name] ?? column.name;
    if (sources.has(name)) throw refuse(frameProblem("doubled-column", { table: table.name, name }));
    sources.set(name, column);
  }
  for (const constant of [SYMBOL, VENUE] as const)
    if (table[constant] !== undefined && sources.has(constant))
      throw refuse(frameProblem("constant-beside-column", { table: table.name, column: constant }));
  return sources;
}

function timeColumn(
  table: RunTable,
  columns: readonly SourceColumn[],
  sources: ReadonlyMap<string, SourceColumn>,
): SourceColumn {
  const wanted = table.source?.timestampField;
  const found = wanted === undefined ? sources.get(EVENT_TIME) : columns.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const known = columns.map(({ name }) => name);
  const near = nearest(wanted ?? EVENT_TIME, known);
  const problem = { table: table.name, column: wanted ?? EVENT_TIME, nearest: near, known };
  throw refuse(frameProblem("no-time-column", problem));
}

/** What the unit of the times is: as it is written, else as the column itself says. */
function timeUnit(table: RunTable, column: SourceColumn, words: Words): TimeUnit {
  const written = table.source?.timestampUnit;
  const own = column.text || column.type === "VARCHAR" ? "timestamp" : column.timeUnit;
  if (column.cut === true) {
    // What lies below a microsecond is lost on the way: only who says that it does not matter gets the rest.
    if (written === "us") return "timestamp";
    throw refuse(frameProblem("cut-times", { table: table.name, column: column.name }));
  }
  if (written === undefined && words.fine.has(column.name)) return "timestamp_ns";
  const type = words.whole.has(column.name) ? "a whole number" : own === undefined ? column.type : undefined;
  const unit = written ?? own;
  if (unit === undefined || (written === undefined && type !== undefined))
    throw refuse(frameProblem("no-time-unit", { table: table.name, column: column.name, type: type ?? column.type }));
  return unit;
}

/** What the texts of a text file are. */
interface Words {
  /** Columns whose values are all true or false. */
  readonly boolean: ReadonlySet<string>;
  /** Columns none of whose values is a number. */
  readonly wordy: ReadonlySet<string>;
  /** Columns whose values are all whole numbers. */
  readonly whole: ReadonlySet<string>;
  /** Columns with instants of more digits than microseconds have. */
  readonly fine: ReadonlySet<string>;
}

async function wordsOf(source: Source, session: SqlSession, columns: readonly SourceColumn[]): Promise<Words> {
  const texts = columns.filter((column) => column.text || column.type === "VARCHAR");
  const [boolean, wordy, whole, fine] = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()];
  if (texts.length === 0) return { boolean, wordy, whole, fine };
  const asked = texts.map(({ name }, place) => ({ name: `c${place}`, source: name, dtype: "TEXT" as const }));
  const { sql } = await source.scan({ columns: asked, instants: [] });
  const tests = texts.flatMap((_, place) => [
    `bool_and(lower(c${place}) IN ('true', 'false')) AS b${place}`,
    `NOT bool_or(TRY_CAST(c${place} AS DOUBLE) IS NOT NULL) FILTER (c${place} IS NOT NULL) AS w${place}`,
    `bool_and(regexp_full_match(c${place}, '-?[0-9]+')) AS i${place}`,
    String.raw`bool_or(regexp_matches(c${place}, ':[0-9]{2}\.[0-9]{7}')) AS f${place}`,
  ]);
  const [row] = await session.query(`SELECT ${tests.join(", ")} FROM (${sql})`).catch(async (error: unknown) => {
    const problem = isOutOfMemory(error) ? undefined : await source.diagnose({ columns: asked, instants: [] });
    throw problem === undefined ? error : new DaedalusError([problem], 1, { cause: error });
  });
  for (const [place, { name, text: isText }] of texts.entries()) {
    if (isText && row?.[`b${place}`] === true) boolean.add(name);
    if (isText && row?.[`w${place}`] === true) wordy.add(name);
    if (isText && row?.[`i${place}`] === true) whole.add(name);
    if (row?.[`f${place}`] === true) fine.add(name);
  }
  return { boolean, wordy, whole, fine };
}

function isNumber(dtype: DType | undefined): boolean {
  return dtype !== undefined && isNumeric(dtype);
}

/** Columns of text files are booleans or numbers to formulas, if any of their values is one: what is not is told when it is read. */
function typeOf(name: string, column: SourceColumn, time: string, words: Words): ColumnType {
  if (column.name === time || name === EVENT_TIME) return { refused: "a time" };
  if (name === SYMBOL || name === VENUE || name === BAR_NAME) return { refused: "a text" };
  if (words.boolean.has(column.name)) return "Boolean";
  if (words.wordy.has(column.name)) return { refused: "a text" };
  if (column.text) return "Float64";
  const { dtype, type, timeUnit: ownUnit } = column;
  if (column.mixed?.every((one) => isNumber(columnOf(name, one, false).dtype))) return "Float64";
  if (dtype === "BOOLEAN") return "Boolean";
  if (dtype === undefined || ownUnit !== undefined || dtype === "TEXT" || dtype.endsWith("[]"))
    return { refused: type };
  return "Float64";
}

function noColumn({ name }: RunTable, column: string, known: readonly string[]): Problem {
  return frameProblem("no-column", { table: name, column, nearest: nearest(column, known) });
}

function refuse(problem: Problem): DaedalusError {
  return new DaedalusError([problem], 2);
}
