import type { Sink } from "../operators/sink.js";
import { type Row, valueIn } from "./row.js";
import { compareValues } from "./values.js";

/** The rows in the order of the file: by event time, key columns, then the rest; of columns that are not there nothing is asked. */
export function sink(self: Sink, rows: readonly Row[]): readonly Row[] {
  return [...rows].sort((left, right) => {
    for (const column of self.orderBy) {
      if (!left.cells.has(column) || !right.cells.has(column)) continue;
      const order = compareValues(valueIn(left, column), valueIn(right, column));
      if (order !== 0) return order;
    }
    return 0;
  });
}
