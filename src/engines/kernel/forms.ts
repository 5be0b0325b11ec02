import {
  BIGINT,
  BOOLEAN,
  DATE,
  DOUBLE,
  type DuckDBType,
  FLOAT,
  INTEGER,
  LIST,
  SMALLINT,
  TIMESTAMP,
  TINYINT,
} from "@duckdb/node-api";
import { type DType, elementOf, isList, type ScalarDType } from "../../columnar/dtypes.js";
import { DOUBLE_CODES, FLOAT_CODES, INTEGER_CODES } from "../../kernels/kernels.js";
import type { ValueForm } from "../../kernels/window-columns.js";

/** Dtypes whose values have a width; the others are numbered by a dictionary. */
export type FixedDType = Exclude<ScalarDType, "TEXT">;

const FORMS: Readonly<Record<FixedDType, readonly [DuckDBType, ValueForm]>> = {
  BOOLEAN: [BOOLEAN, { kind: INTEGER_CODES, width: 1 }],
  TINYINT: [TINYINT, { kind: INTEGER_CODES, width: 1 }],
  SMALLINT: [SMALLINT, { kind: INTEGER_CODES, width: 2 }],
  INTEGER: [INTEGER, { kind: INTEGER_CODES, width: 4 }],
  BIGINT: [BIGINT, { kind: INTEGER_CODES, width: 8 }],
  FLOAT: [FLOAT, { kind: FLOAT_CODES, width: 4 }],
  DOUBLE: [DOUBLE, { kind: DOUBLE_CODES, width: 8 }],
  DATE: [DATE, { kind: INTEGER_CODES, width: 4 }],
  TIMESTAMP: [TIMESTAMP, { kind: INTEGER_CODES, width: 8 }],
};

export function isFixed(dtype: DType): dtype is FixedDType {
  return !isList(dtype) && dtype !== "TEXT";
}

/** How values of the dtype (of a list its elements) lie in DuckDB's vectors. */
export function formOf(dtype: DType): ValueForm {
  return FORMS[fixed(elementOf(dtype))][1];
}

/** DuckDB's type of a dtype of fixed width, or a list of one. */
export function duckdbType(dtype: DType): DuckDBType {
  const [type] = FORMS[fixed(elementOf(dtype))];
  return isList(dtype) ? LIST(type) : type;
}

function fixed(dtype: ScalarDType): FixedDType {
  if (dtype === "TEXT") throw new RangeError("TEXT has no fixed width");
  return dtype;
}
