import type { ArrowUdfTransform } from "../operators/arrow-udf-transform.js";
import type { Row } from "./row.js";

/** No version executes users' own functions yet, so their column has no value to compare. */
export function arrowUdfTransform(self: ArrowUdfTransform, rows: readonly Row[]): void {
  const says = `this version does not execute the function "${self.function}"`;
  for (const row of rows) row.cells.set(self.column.name, { value: null, steps: [], fault: { kind: "unknown", says } });
}
