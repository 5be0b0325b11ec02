import {
  type ExplainRowOptions as AuditOptions,
  explainRow as explainRowOf,
  type RowExplanation,
} from "../audit/explain-row.js";
import { parseRowAddress, type RowAddress } from "../audit/row-address.js";
import type { CompiledService } from "./compile-service.js";
import { checkOptions, checkValue, either, isObject, type Shape, TEXT, TEXTS } from "./options.js";
import { type OutputOptions, withTrainingInputs } from "./training-inputs.js";

export interface ExplainRowOptions extends AuditOptions, OutputOptions {}

const ROW: Shape = either(TEXT, {
  is: (value) => isObject(value) && isObject(value["keys"]) && typeof value["time"] === "string",
  expected: "{keys, time}",
});

/**
 * Where the values of one row come from: recomputed from the source rows, naively and without the engine, and compared bit
 * for bit with the written file, if the day is written. `row`: `user_id=1,item_id=2@2024-01-31T12:00:00Z`, or its parts.
 * Throws DaedalusError, exit code 2, for a row that is not there (naming what is near) or a column that is not; exit code 1
 * if a source cannot be read.
 */
export async function explainRow(
  compiled: CompiledService,
  row: string | RowAddress,
  options: ExplainRowOptions = {},
): Promise<RowExplanation> {
  checkOptions("explainRow", options, { outputRoot: TEXT, columns: TEXTS });
  checkValue("row", row, ROW);
  const { resolved } = compiled;
  const address = typeof row === "string" ? parseRowAddress(row, resolved) : row;
  return withTrainingInputs(compiled, options, (inputs) => explainRowOf(inputs, resolved, address, options));
}
