import { join } from "node:path";
import type { DType } from "../columnar/dtypes.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import type { ColumnName, Schema } from "../operators/operator.js";
import type { DayManifest } from "../storage/day-manifest.js";
import type { InterpretedRow } from "../trace/interpreter.js";
import { readable, valueRead } from "../trace/sql-values.js";
import { identical, shown, type Value } from "../trace/values.js";

/** The parts of a written day. */
export interface WrittenDay {
  readonly folder: string;
  readonly manifest: Pick<DayManifest, "schema" | "parts" | "state">;
}

/** A row of a written day: its values by column. */
export interface WrittenRow {
  readonly part: string;
  /** From 1, in the part. */
  readonly row: number;
  readonly values: ReadonlyMap<ColumnName, Value>;
}

/** In conditions on written rows: a row's number in its part, from 0 on. */
export const PLACE = '"@place"';

/** The rows of a day that SQL over the output's columns and `PLACE` selects, in the order of the day. */
export async function writtenRows(
  { folder, manifest }: WrittenDay,
  columns: readonly ColumnName[],
  condition: string,
  session: SqlSession,
): Promise<readonly WrittenRow[]> {
  const rows: WrittenRow[] = [];
  const wanted = manifest.schema.filter(({ name }) => columns.includes(name));
  const terms = wanted.map(({ name, dtype }, index) => `${readable(identifier(name), dtype)} AS c${index}`);
  for (const part of manifest.parts) {
    const file = `${text(join(folder, part.name))}, hive_partitioning = false`;
    // The reader's own number, which may be filtered by, unless a column has its name.
    const placed = manifest.schema.some(({ name }) => name.toLowerCase() === "file_row_number")
      ? `SELECT *, row_number() OVER () - 1 AS ${PLACE} FROM read_parquet(${file})`
      : `SELECT *, file_row_number AS ${PLACE} FROM read_parquet(${file}, file_row_number = true)`;
    const found = await session.query(
      `SELECT ${[`${PLACE} AS place`, ...terms].join(", ")} FROM (${placed}) WHERE ${condition} ORDER BY place`,
    );
    for (const answer of found) {
      const values = new Map(wanted.map(({ name }, index) => [name, valueRead(answer[`c${index}`])]));
      rows.push({ part: part.name, row: Number(answer["place"]) + 1, values });
    }
  }
  return rows;
}

/** A value of the file that is not what was derived. */
export interface Difference {
  readonly column: ColumnName;
  readonly dtype: DType;
  readonly derived: string;
  readonly written: string;
}

/** A row of the spine against the file. */
export interface ComparedRow {
  readonly interpreted: InterpretedRow;
  /** `same`: bit for bit; `missing`: it should be in the file. A row that a filter drops is the `same` if it is not there. */
  readonly outcome: "same" | "different" | "missing";
  readonly written?: WrittenRow;
  readonly differences: readonly Difference[];
}

export interface ComparedGroup {
  readonly rows: readonly ComparedRow[];
  /** Rows of the file that no row of the spine gives. */
  readonly surplus: readonly WrittenRow[];
}

/**
 * Compares the rows of a group: as many of each kind, whatever their order. Columns that the interpreter could not find a
 * value for are left out.
 */
export function compareGroup(
  interpreted: readonly InterpretedRow[],
  written: readonly WrittenRow[],
  columns: Schema,
): ComparedGroup {
  const left = [...written];
  const partners = new Map<InterpretedRow, { readonly row: WrittenRow; readonly differences: readonly Difference[] }>();
  const kept = interpreted.filter(({ dropped }) => dropped === undefined);
  const pair = (one: InterpretedRow, index: number, differences: readonly Difference[]) => {
    const [row] = left.splice(index, 1);
    if (row !== undefined) partners.set(one, { row, differences });
  };
  // Rows that are the same first; what is left is paired by how little it differs.
  for (const one of kept) {
    const index = left.findIndex((row) => differencesOf(one, row, columns).length === 0);
    if (index >= 0) pair(one, index, []);
  }
  for (const one of kept) {
    if (partners.has(one) || left.length === 0) continue;
    const candidates = left.map((row, index) => ({ index, differences: differencesOf(one, row, columns) }));
    const [nearest] = candidates.sort((a, b) => a.differences.length - b.differences.length);
    if (nearest !== undefined) pair(one, nearest.index, nearest.differences);
  }
  const rows = interpreted.map((one): ComparedRow => {
    const partner = partners.get(one);
    if (one.dropped !== undefined) return { interpreted: one, outcome: "same", differences: [] };
    if (partner === undefined) return { interpreted: one, outcome: "missing", differences: [] };
    const { row, differences } = partner;
    return { interpreted: one, outcome: differences.length === 0 ? "same" : "different", written: row, differences };
  });
  return { rows, surplus: left };
}

function differencesOf({ output }: InterpretedRow, written: WrittenRow, columns: Schema): readonly Difference[] {
  return columns.flatMap(({ name, dtype }): readonly Difference[] => {
    const cell = output.get(name);
    const value = written.values.get(name);
    if (cell === undefined || value === undefined || cell.fault?.kind === "unknown") return [];
    if (cell.fault === undefined && identical(cell.value, value)) return [];
    const derived = cell.fault === undefined ? shown(cell.value, dtype) : `none: ${cell.fault.says}`;
    return [{ column: name, dtype, derived, written: shown(value, dtype) }];
  });
}
