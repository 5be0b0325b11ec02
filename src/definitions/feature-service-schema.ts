import { type DType, elementOf } from "../columnar/dtypes.js";
import { definitionProblem } from "../errors/definition.js";
import { COLUMN_KINDS, type FeatureService, type ServiceColumn } from "./feature-service.js";
import type { Literal } from "./literal.js";
import { mapped, type Schema } from "./schema.js";
import { defaulted, list, object, optional, required } from "./schema-collections.js";
import {
  boolean,
  columnName,
  columnReference,
  dtype,
  freeText,
  type LateLiteral,
  lateLiteral,
  name,
  oneOf,
  plainLiteral,
  text,
  viewName,
} from "./schema-scalars.js";

const column: Schema<ServiceColumn> = object(
  "a column",
  {
    name: required(columnName, "name of the column; unique in the service"),
    kind: required(oneOf(COLUMN_KINDS), "where its values come from"),
    dtype: required(dtype, "what it holds in every file"),
    column: optional(columnReference, "spine, static: column or view.column, where it is called otherwise"),
    nullable: defaulted(boolean, true, "false: a NULL cell becomes the default; without a default it stops the run"),
    default: optional(
      lateLiteral,
      "value of a column that nothing produces, and of NULL cells where nullable is false",
    ),
  },
  (written, here) => {
    const { name: called, kind, dtype: type, default: late, ...rest } = written;
    if (rest.column !== undefined && kind !== undefined && kind !== "spine" && kind !== "static") {
      const help = "remove it: the name says where the value comes from";
      const parameters = { key: "column", because: `for a column of kind ${kind}`, help };
      here.report(definitionProblem("key-not-allowed", parameters), "column", "key");
    }
    // DuckDB's number of a row, by which ordered rows are found again.
    if (called?.toLowerCase() === "rowid") here.report(definitionProblem("reserved-column", { name: called }), "name");
    if (called === undefined || kind === undefined || type === undefined) return undefined;
    return {
      ...rest,
      name: called,
      kind,
      dtype: type,
      ...(late === undefined ? {} : { default: literalAs(late, type) }),
    };
  },
);

/** A default whose text was substituted is read as its column's dtype. */
function literalAs({ value, text: substituted }: LateLiteral, type: DType): Literal {
  if (substituted === undefined) return value;
  return elementOf(type) === "TEXT" ? substituted : plainLiteral(substituted);
}

const columns: Schema<readonly ServiceColumn[]> = mapped(
  list(column, { nonEmpty: true, unique: { what: "column", key: "name", nameOf: (one) => one.name, caseless: true } }),
  (all, { reading, location }) => {
    const isWhole = !reading.context.mistakes.has(all);
    if (isWhole && !all.some(({ kind }) => kind === "key"))
      reading.report(definitionProblem("no-key-column", {}), location);
    return all;
  },
);

export const featureServiceSchema: Schema<Partial<FeatureService>> = object(
  "a feature service",
  {
    name: required(name, "name of the service: what the command line takes"),
    version: required(text('a version such as "1"'), "version of the contract"),
    owner: optional(freeText, "who answers for it"),
    description: optional(freeText, "what it is for"),
    spine: required(viewName, "the feature view whose rows are the rows of the training set"),
    columns: required(columns, "the contract: exactly these columns, of these dtypes, are in every file"),
  },
  (written) => ({ ...written }),
);
