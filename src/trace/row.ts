import type { ColumnName } from "../operators/operator.js";
import type { Step } from "./steps.js";
import type { Value } from "./values.js";

/** Where a row stands in its source. */
export interface Place {
  readonly view: string;
  /** Relative to the project where it lies inside it. */
  readonly file: string;
  /** From 1; of a text file the header and blank lines are not counted. */
  readonly row: number;
}

/** A value and everything that it passed. */
export interface Cell {
  readonly value: Value;
  readonly steps: readonly Step[];
  /** There is no value: the run would stop here, or finding it would take more rows than are read at once. */
  readonly fault?: Fault;
}

export interface Fault {
  readonly kind: "stops" | "unknown";
  /** A sentence. */
  readonly says: string;
}

/** A row of a relation, grown column by column as it passes the operators. */
export interface Row {
  readonly place?: Place;
  readonly cells: Map<ColumnName, Cell>;
  /** False where the predicate of its scan is not TRUE: such a row enters nothing, and is kept to say so. */
  readonly passes: boolean;
}

const NOTHING: Cell = { value: null, steps: [] };

/** The cell of a column; a row that has none is a mistake of the interpreter. */
export function cellOf(row: Row, column: ColumnName): Cell {
  const cell = row.cells.get(column);
  if (cell === undefined) throw new RangeError(`the row has no column "${column}"`);
  return cell;
}

export function valueIn(row: Row, column: ColumnName): Value {
  return cellOf(row, column).value;
}

/** Ticks of an instant, or null. */
export function ticksIn(row: Row, column: ColumnName): bigint | null {
  const value = valueIn(row, column);
  return typeof value === "bigint" ? value : null;
}

/** The values of the columns; undefined if one of them is NULL, because then the row matches nothing. */
export function keyOf(row: Row, columns: readonly ColumnName[]): readonly Value[] | undefined {
  const values = columns.map((column) => valueIn(row, column));
  return values.includes(null) ? undefined : values;
}

/** A cell that has gone one step further. */
export function further(cell: Cell | undefined, value: Value, step: Step, fault?: Fault): Cell {
  const { steps, fault: before } = cell ?? NOTHING;
  const kept = before ?? fault;
  return {
    value: kept === undefined ? value : null,
    steps: [...steps, step],
    ...(kept === undefined ? {} : { fault: kept }),
  };
}
