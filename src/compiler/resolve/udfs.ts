import type { DType } from "../../columnar/dtypes.js";
import type { UdfColumn } from "../../definitions/runtime.js";
import { compilerProblem } from "../../errors/compiler.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import type { ColumnName } from "../../operators/operator.js";
import type { Context } from "./context.js";
import { converts } from "./conversions.js";
import type { At } from "./reporter.js";
import type { ResolvedUdf } from "./resolved-service.js";

/** What an argument names; undefined and told if it names nothing. */
export type ArgumentOf = (name: string, at: At) => { readonly column: ColumnName; readonly dtype: DType } | undefined;

/** The function that a udf column names, with its arguments bound and their types checked. */
export function resolveUdf(context: Context, udf: UdfColumn, argumentOf: ArgumentOf): ResolvedUdf | undefined {
  const { report, udfs } = context;
  const before = report.faults;
  const at = { definition: udf, key: "function" };
  const declared = udfs?.functions.get(udf.function);
  if (udfs === undefined) report.problem((place) => compilerProblem("no-udfs", { name: udf.function }, place), at);
  else if (declared === undefined) {
    const known = [...udfs.functions.keys()];
    const parameters = { name: udf.function, nearest: nearestName(udf.function, known), known };
    report.problem((place) => compilerProblem("unknown-udf", parameters, place), at);
  } else if (declared.arguments.length !== udf.arguments.length) {
    const parameters = { name: udf.function, wanted: declared.arguments, given: udf.arguments.length };
    report.problem((place) => compilerProblem("udf-arguments", parameters, place), {
      definition: udf,
      key: "arguments",
    });
  }
  const bound = udf.arguments.map((name, index) => {
    const place = { definition: udf.arguments, key: index };
    const found = argumentOf(name, place);
    const wanted = declared?.arguments[index];
    if (found === undefined || wanted === undefined) return undefined;
    if (!converts(found.dtype, wanted))
      report.problem(
        (where) =>
          compilerProblem("udf-argument-type", { name: udf.function, wanted, column: name, dtype: found.dtype }, where),
        place,
      );
    return { name: found.column, dtype: wanted };
  });
  if (report.faults > before || udfs === undefined || declared === undefined) return undefined;
  return {
    name: udf.name,
    function: udf.function,
    bundle: udfs.bundle,
    arguments: bound.filter((argument) => argument !== undefined),
    returns: declared.returns,
  };
}

/** Arguments of a function that runs with the embeddings: columns of the contract that none of its like makes. */
export function contractArgument(context: Context): ArgumentOf {
  const { report, service, runtime, project } = context;
  const late = new Set(runtime.udfColumns.filter(({ engine }) => engine === "pythonic").map(({ name }) => name));
  const columns = new Map(
    service.columns.filter(({ name }) => !late.has(name)).map(({ name, dtype }) => [name, dtype]),
  );
  return (name, at) => {
    const dtype = columns.get(name);
    if (dtype !== undefined) return { column: name, dtype };
    const parameters = { name, nearest: nearestName(name, columns.keys()) };
    report.problem(
      (place) => compilerProblem("udf-argument-unknown", parameters, place),
      at,
      project.mayLack(service, "columns") || project.mayLack(service.columns, name),
    );
    return undefined;
  };
}
