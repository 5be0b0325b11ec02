import { arrowUdfTransform } from "./arrow-udf-transform.js";
import { filter } from "./filter.js";
import { join } from "./join.js";
import type { EngineTag, Schema } from "./operator.js";
import type { AnyOperator } from "./pipeline.js";
import { pointInTimeJoin } from "./point-in-time-join.js";
import { project } from "./project.js";
import { rayUdfTransform } from "./ray-udf-transform.js";
import { rollingAggregate } from "./rolling-aggregate.js";
import { scan } from "./scan.js";
import { sink } from "./sink.js";
import { type Form, isMap, oneOf, type YamlValue } from "./yaml-form.js";

/** The nine kinds, by the name that YAML gives them. */
export const OPERATOR_KINDS = Object.freeze({
  scan,
  filter,
  project,
  join,
  pit_join: pointInTimeJoin,
  rolling_aggregate: rollingAggregate,
  arrow_udf_transform: arrowUdfTransform,
  ray_udf_transform: rayUdfTransform,
  sink,
});

export type OperatorKindName = keyof typeof OPERATOR_KINDS;
const aKind = oneOf(...(Object.keys(OPERATOR_KINDS) as readonly OperatorKindName[]));

/** The engine tags that an author may choose for an operator. */
export function canRunOn(operator: { readonly kind: OperatorKindName }): readonly EngineTag[] {
  return OPERATOR_KINDS[operator.kind].canRunOn;
}

/** The output's columns of an operator, given its inputs' in order. */
export function schemaOf(operator: AnyOperator, inputs: readonly Schema[]): Schema {
  switch (operator.kind) {
    case "scan":
      return scan.schema(operator, inputs);
    case "filter":
      return filter.schema(operator, inputs);
    case "project":
      return project.schema(operator, inputs);
    case "join":
      return join.schema(operator, inputs);
    case "pit_join":
      return pointInTimeJoin.schema(operator, inputs);
    case "rolling_aggregate":
      return rollingAggregate.schema(operator, inputs);
    case "arrow_udf_transform":
      return arrowUdfTransform.schema(operator, inputs);
    case "ray_udf_transform":
      return rayUdfTransform.schema(operator, inputs);
    case "sink":
      return sink.schema(operator, inputs);
  }
}

/** An operator of any kind, read from its YAML form. */
export const anOperator: Form<AnyOperator> = {
  read: (value, path) => {
    const kind = aKind.read(value !== undefined && isMap(value) ? value["kind"] : undefined, `${path}.kind`);
    return (OPERATOR_KINDS[kind].form as Form<AnyOperator>).read(value, path);
  },
};

export type { YamlValue };
