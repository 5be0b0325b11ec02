import {
  Bool,
  type DataType,
  DateDay,
  Field,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import { type DType, elementOf, isList, type ScalarDType } from "../columnar/dtypes.js";

const TYPES: Readonly<Record<ScalarDType, () => DataType>> = {
  BOOLEAN: () => new Bool(),
  TINYINT: () => new Int8(),
  SMALLINT: () => new Int16(),
  INTEGER: () => new Int32(),
  BIGINT: () => new Int64(),
  FLOAT: () => new Float32(),
  DOUBLE: () => new Float64(),
  TEXT: () => new Utf8(),
  DATE: () => new DateDay(),
  TIMESTAMP: () => new TimestampMicrosecond(),
};

/** The Arrow type in which a function of the user's gets a dtype. */
export function arrowTypeOf(dtype: DType): DataType {
  const type = TYPES[elementOf(dtype)]();
  return isList(dtype) ? new List(new Field("item", type, true)) : type;
}
