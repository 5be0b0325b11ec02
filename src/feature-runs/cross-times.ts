import { doublesChunk, ticksChunk } from "../columnar/parquet-chunks.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { CrossSections } from "../formulas/features/cross-sections.js";
import type { Crossing } from "../formulas/features/stages.js";
import { GroupWriter } from "./group-writer.js";
import { RowStream, type Rows } from "./row-stream.js";
import type { StagedFile } from "./table-rows.js";

/** Rows that are read at a time; those of one time are held together, however many. */
const BLOCK = 65_536;
const WORD = 2n ** 32n;

/**
 * Computes cross-sections of staged columns of one table, whose times `clock` has: DuckDB brings the rows by their times, and what is made is written beside
 * the rows' numbers, to be read in their order again.
 */
export async function crossTimes(
  session: SqlSession,
  crossings: readonly Crossing[],
  staged: ReadonlyMap<string, StagedFile>,
  clock: StagedFile,
  path: string,
): Promise<void> {
  const inputs = [...new Set(crossings.map(({ input }) => input.id))];
  const { sql, rows } = await byTime(session, inputs, staged, clock);
  const writer = await GroupWriter.create(path, [
    { name: "t", type: "BIGINT", nullable: false },
    ...crossings.map(({ node }) => ({ name: node.id, type: "DOUBLE" as const, nullable: true })),
  ]);
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
        const made = sections.compute(node.op, column, ends);
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
