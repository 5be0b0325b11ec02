import duckdb from "@duckdb/node-bindings";
import { type DataType, Vector } from "apache-arrow";
import { dtypeOfArrow } from "../../columnar/arrow-columns.js";
import { faultOfBuffers } from "../../columnar/buffer-faults.js";
import { vectorisedFunction } from "../../columnar/duckdb-vectors.js";
import type { ArrowUdfTransform } from "../../operators/arrow-udf-transform.js";
import { arrowTypeOf } from "../../udfs/arrow-types.js";
import type { Udf } from "../../udfs/udf.js";
import { dataOfVector, duckdbType, writerOf } from "./arrow-tables.js";
import type { SqlSession } from "./session.js";
import { identifier } from "./text.js";
import { typeName } from "./values.js";

/** What SQL says of a user's function that failed, before its name and what it said. */
export const UDF_FAILED = "daedalus:udf-failed:";
/** Before its name, what it must give, and what it gave. */
export const UDF_WRONG_RESULT = "daedalus:udf-wrong-result:";

/** Makes the session's connection know the user's functions; SQL calls them by `callOf`. */
export function registerUserFunctions(session: SqlSession, udfs: ReadonlyMap<string, Udf>): void {
  for (const [name, udf] of udfs) {
    const types = udf.arguments.map(arrowTypeOf);
    session.connection.registerScalarFunction(
      vectorisedFunction({
        name: sqlName(name),
        parameterTypes: udf.arguments.map(duckdbType),
        returnType: duckdbType(udf.returns),
        specialHandling: true,
        mainFunction: (info, input, output) => {
          try {
            const rows = duckdb.data_chunk_get_size(input);
            const columns = types.map(
              (type, place) => new Vector([dataOfVector(duckdb.data_chunk_get_vector(input, place), rows, type)]),
            );
            writerOf(checkedResult(name, udf, udf.compute(columns, rows), rows))(output, 0, rows);
          } catch (error) {
            const message = error instanceof WrongResult ? error.message : `${UDF_FAILED}${name}|${wordsOf(error)}`;
            duckdb.scalar_function_set_error(info, message);
          }
        },
      }),
    );
  }
}

/** The operator's value as SQL over rows that have its arguments. */
export function callOf({ function: name, arguments: columns }: ArrowUdfTransform): string {
  const given = columns.map((column) => `CAST(${identifier(column.name)} AS ${typeName(column.dtype)})`);
  return `${identifier(sqlName(name))}(${given.join(", ")})`;
}

function sqlName(name: string): string {
  return `daedalus_udf_${name}`;
}

class WrongResult extends Error {}

function checkedResult(name: string, { returns }: Udf, result: unknown, rows: number): Vector {
  const wanted = `a vector of ${rows} ${returns}`;
  const refuse = (got: string): never => {
    throw new WrongResult(`${UDF_WRONG_RESULT}${name}|${wanted}|${got}`);
  };
  if (!(result instanceof Vector)) return refuse(kindOf(result));
  const type: DataType = result.type;
  if (dtypeOfArrow(type) !== returns) return refuse(`a vector of ${String(type)}`);
  if (result.length !== rows) return refuse(`one of ${result.length}`);
  const fault = faultOfBuffers(result);
  if (fault !== undefined) return refuse(`one with ${fault}`);
  return result;
}

function kindOf(result: unknown): string {
  if (result instanceof Promise) return "a promise: a function answers at once";
  return typeof result === "object" ? "no Arrow vector" : typeof result;
}

function wordsOf(error: unknown): string {
  try {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return message.split("\n")[0] ?? "";
  } catch {
    return "something that cannot be told";
  }
}
