import type { DType } from "../columnar/dtypes.js";
import type { ArrowUdfTransform } from "../operators/arrow-udf-transform.js";
import type { ColumnName } from "../operators/operator.js";
import type { Udf } from "../udfs/udf.js";
import { valuesOf, vectorOf } from "./arrow-values.js";
import { cellOf, type Fault, further, type Row, valueIn } from "./row.js";
import { converted, shown, type Value } from "./values.js";

/**
 * Calls a function of the user's, which is what its column means, for a row at a time. `becomes`: the dtype of its column in the
 * output, of one that is filled in late.
 */
export function arrowUdfTransform(
  self: ArrowUdfTransform,
  rows: readonly Row[],
  udf: Udf,
  dtypes: ReadonlyMap<ColumnName, DType>,
  becomes: DType,
): void {
  for (const row of rows) {
    const given = self.arguments.map(({ name, dtype }) => ({
      dtype,
      value: argument(row, name, dtypes.get(name), dtype),
    }));
    const [result, fault] = answerOf(self, udf, given);
    const value = fault === undefined ? converted(result, udf.returns, becomes) : null;
    const step = {
      type: "call" as const,
      operator: self.name,
      function: self.function,
      arguments: Object.fromEntries(
        self.arguments.map(({ name }, i) => [name, shown(given[i]?.value ?? null, given[i]?.dtype ?? "TEXT")]),
      ),
      after: shown(value ?? null, becomes),
    };
    const before =
      fault ?? given.map((_, i) => cellOf(row, self.arguments[i]?.name ?? "").fault).find((one) => one !== undefined);
    // Of a column that is filled in late there is a NULL already, which is not where the value comes from.
    row.cells.set(self.column.name, further(undefined, value ?? null, step, before));
  }
}

function argument(row: Row, name: ColumnName, from: DType | undefined, to: DType): Value {
  const value = valueIn(row, name);
  return from === undefined ? value : (converted(value, from, to) ?? null);
}

function answerOf(
  self: ArrowUdfTransform,
  udf: Udf,
  given: readonly { readonly dtype: DType; readonly value: Value }[],
): readonly [Value, Fault?] {
  try {
    const vectors = given.map(({ dtype, value }) => vectorOf([value], dtype));
    const [value = null] = valuesOf(udf.compute(vectors, 1), udf.returns);
    return [value];
  } catch (error) {
    const says = `the function "${self.function}" fails: ${error instanceof Error ? error.message : String(error)}`;
    return [null, { kind: "stops", says }];
  }
}
