import { doublesChunk, type ParquetChunk, ticksChunk } from "../columnar/parquet-chunks.js";
import type { ParquetColumn } from "../columnar/parquet-file.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { CrossSections } from "../formulas/features/cross-sections.js";
import { ORDERING_BYTES, type RowsByTime, rowsByTime } from "../formulas/features/rows-by-time.js";
import type { Crossing } from "../formulas/features/stages.js";
import { type GroupsPart, GroupWriter } from "./group-writer.js";
import { RowStream, type Rows } from "./row-stream.js";
import type { OpenTable, SymbolCount } from "./run-table.js";
import { type StagedFile, TableRows } from "./table-rows.js";

/** Rows of a group of what is held. */
const GROUP = 131_072;

/** Rows that are read at a time; those of one time are held together, however many. */
const BLOCK = 65_536;
const WORD = 2n ** 32n;

/** Cross-sections of columns of one table, and where they go. */
export interface CrossTimes {
  readonly session: SqlSession;
  readonly table: OpenTable;
  readonly symbols: readonly SymbolCount[];
  readonly crossings: readonly Crossing[];
  readonly staged: ReadonlyMap<string, StagedFile>;
  readonly path: string;
}

/** Bytes of a row in memory: of a column with its validity, and what puts rows in the order of their times. */
const COLUMN_BYTES = 9;

/** How many columns can be held in so many bytes while what is made of each is computed; 0: not even one. */
export function columnsHeld(symbols: readonly SymbolCount[], bytes: number): number {
  const rows = symbols.reduce((sum, one) => sum + one.rows, 0);
  return Math.max(0, Math.floor((bytes / rows - ORDERING_BYTES) / COLUMN_BYTES) - 1);
}

/** Computes cross-sections of columns that are held in memory, some at a time; what is made is written in the table's order. */
export async function crossHeld(
  { session, table, symbols, crossings, staged, path }: CrossTimes,
  most: number,
): Promise<void> {
  const inputs = [...new Map(crossings.map(({ input }) => [input.id, input])).values()];
  const rows = symbols.reduce((sum, one) => sum + one.rows, 0);
  const writer = await GroupWriter.create(path, columnsOf(crossings));
  const sections = new CrossSections();
  try {
    let byTime: RowsByTime | undefined;
    for (let at = 0; at < inputs.length; at += most) {
      const own = inputs.slice(at, at + most);
      const held = await heldRows(await TableRows.open(session, table, own, staged), rows);
      if (byTime === undefined) {
        byTime = rowsByTime(held.ticks, rangesOf(symbols));
        await writeGroups(writer.part([0]), rows, (from, to) => ticksChunk(held.ticks.slice(from, to)));
      }
      for (const [place, { node, input }] of crossings.entries()) {
        const column = held.columns[own.indexOf(input)];
        if (column === undefined) continue;
        const { values, valid } = sections.compute(node.op, column, byTime);
        await writeGroups(writer.part([place + 1]), rows, (from, to) =>
          doublesChunk(values.slice(from, to), valid.subarray(from, to)),
        );
      }
    }
    await writer.finish(new Set(), {});
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

async function heldRows(table: TableRows, rows: number): Promise<Rows> {
  try {
    const held = table.room(rows);
    await table.fill(held, 0, rows);
    return held;
  } finally {
    await table.close();
  }
}

function rangesOf(symbols: readonly SymbolCount[]): readonly { readonly from: number; readonly to: number }[] {
  let from = 0;
  return symbols.map(({ rows }) => {
    const range = { from, to: from + rows };
    from = range.to;
    return range;
  });
}

async function writeGroups(
  part: GroupsPart,
  rows: number,
  chunkOf: (from: number, to: number) => ParquetChunk,
): Promise<void> {
  for (let number = 0; number * GROUP < rows; number++)
    await part.add(number, [chunkOf(number * GROUP, Math.min((number + 1) * GROUP, rows))]);
}

function columnsOf(crossings: readonly Crossing[]): readonly ParquetColumn[] {
  return [
    { name: "t", type: "BIGINT", nullable: false },
    ...crossings.map(({ node }) => ({ name: node.id, type: "DOUBLE" as const, nullable: true })),
  ];
}

/**
 * Computes cross-sections of staged columns of any number of rows, whose times `clock` has: DuckDB brings the rows by their times, and what
 * is made is written beside the rows' numbers, to be read in their order again.
 */
export async function crossSorted({ session, crossings, staged, path }: CrossTimes, clock: StagedFile): Promise<void> {
  const inputs = [...new Set(crossings.map(({ input }) => input.id))];
  const { sql, rows } = await byTime(session, inputs, staged, clock);
  const writer = await GroupWriter.create(path, columnsOf(crossings));
  const part = writer.part();
  const sections = new CrossSections();
  let stream: RowStream | undefined;
  try {
    stream = await RowStream.open(session, sql);
    let carried: Rows = RowStream.room(0, inputs.length + 2);
    let read = 0;
    for (let number = 0; read < rows || carried.ticks.length > 0; ) {
      const more = Math.min(Math.max(BLOCK, carried.ticks.length), rows - read);
      const block = RowStream.room(carried.ticks.length + more, inputs.length + 2);
      copy(carried, block);
      await stream.fill(block, carried.ticks.length, more);
      read += more;
      const ends = endsOfTimes(block, read === rows);
      const whole = ends[ends.length - 1] ?? 0;
      carried = from(block, whole);
      if (whole === 0) continue;
      const chunks = crossings.map(({ node, input }) => {
        const column = block.columns[inputs.indexOf(input.id) + 2] as Rows["columns"][number];
        const made = sections.compute(node.op, column, { ends });
        return doublesChunk(made.values as Float64Array<ArrayBuffer>, made.valid);
      });
      await part.add(number, [ticksChunk(block.ticks.slice(0, whole)), ...chunks]);
      number += 1;
    }
    await writer.finish(new Set(), {});
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await stream?.close();
  }
}

/** Rows' numbers, their times in two words that doubles hold, and the columns; by time. `clock`: a staged file in the table's order. */
async function byTime(
  session: SqlSession,
  inputs: readonly string[],
  staged: ReadonlyMap<string, StagedFile>,
  clock: StagedFile,
) {
  const files = [...new Set([clock, ...inputs.map((id) => staged.get(id) as StagedFile)])];
  const numberOf = (place: number): string => (files[place]?.numbered ? `f${place}.t` : `f${place}.file_row_number`);
  const parts = files.map(({ path }, place) => `read_parquet(${text(path)}, file_row_number = true) f${place}`);
  const joins = parts.slice(1).map((part, place) => `JOIN ${part} ON ${numberOf(place + 1)} = ${numberOf(0)}`);
  const asked = inputs.map((id) => {
    const place = files.indexOf(staged.get(id) as StagedFile);
    return `CAST(f${place}.${identifier(id)} AS DOUBLE)`;
  });
  const words = [`CAST(f0.t // ${WORD} AS DOUBLE)`, `CAST(f0.t % ${WORD} AS DOUBLE)`];
  const sql = `SELECT ${[numberOf(0), ...words, ...asked].join(", ")} FROM ${[parts[0], ...joins].join(" ")}
    ORDER BY f0.t ASC NULLS FIRST, ${numberOf(0)} ASC NULLS FIRST`;
  const [count] = await session.query(`SELECT count(*) AS n FROM ${parts[0]}`);
  return { sql, rows: Number(count?.["n"]) };
}

/** Where the rows of each time end; of the last time only if no row follows. */
function endsOfTimes({ ticks, columns }: Rows, isLast: boolean): Int32Array {
  const [high, low] = [columns[0]?.values, columns[1]?.values];
  const ends: number[] = [];
  for (let row = 1; row < ticks.length; row++)
    if (high?.[row] !== high?.[row - 1] || low?.[row] !== low?.[row - 1]) ends.push(row);
  if (isLast && ticks.length > 0) ends.push(ticks.length);
  return Int32Array.from(ends);
}

function copy(rows: Rows, into: Rows): void {
  into.ticks.set(rows.ticks);
  for (const [place, { values, valid }] of rows.columns.entries()) {
    into.columns[place]?.values.set(values);
    into.columns[place]?.valid.set(valid);
  }
}

function from({ ticks, columns }: Rows, row: number): Rows {
  return {
    ticks: ticks.slice(row),
    columns: columns.map(({ values, valid }) => ({ values: values.slice(row), valid: valid.slice(row) })),
  };
}
