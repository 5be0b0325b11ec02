import { definitionProblem } from "../errors/definition.js";
import {
  DIMENSIONS,
  FEATURE_STATUSES,
  type FeatureStep,
  type FeatureType,
  type ParameterDefinition,
} from "./feature-type.js";
import type { ScalarValue } from "./reading.js";
import { orPlaceholder, type Schema, scalar, wrongType } from "./schema.js";
import { type Here, list, object, optional, record, required } from "./schema-collections.js";
import { boolean, columnName, freeText, name, oneOf, text } from "./schema-scalars.js";

/** A number as it is written, or as a variable gives it. */
function numberOf({ value, substituted }: ScalarValue): number | undefined {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  const digits = substituted && typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  return Number.isNaN(digits) ? undefined : digits;
}

const number: Schema<number> = scalar({
  expects: "a number",
  json: orPlaceholder({ type: "number" }),
  read: (value, site) => numberOf(value) ?? wrongType(site, "a number"),
});

/** The value of a parameter. */
export const parameterValue: Schema<number | boolean> = scalar<number | boolean>({
  expects: "a number, true or false",
  json: orPlaceholder({ type: ["number", "boolean"] }),
  read: (value, site) =>
    typeof value.value === "boolean" ? value.value : (numberOf(value) ?? wrongType(site, "a number, true or false")),
});

const PARAMETER_TYPES = ["integer", "float", "boolean"] as const;

const constraints = object(
  "constraints",
  { min: optional(number, "the least value"), max: optional(number, "the greatest value") },
  (written, here) => {
    const { min = -Infinity, max = Infinity } = written;
    if (min > max) {
      const parameters = { key: "max", value: String(max), expected: `at least min, which is ${min}` };
      here.report(definitionProblem("out-of-range", parameters), "max");
    }
    return { ...written };
  },
);

const parameter: Schema<ParameterDefinition> = object(
  "a parameter",
  {
    type: required(oneOf(PARAMETER_TYPES), "what its value is"),
    default: optional(parameterValue, "its value where a feature gives none"),
    required: optional(boolean, "true: every feature must give it; it has no default then", false),
    constraints: optional(constraints, "bounds of its value, inclusive"),
    description: optional(freeText, "what it means"),
  },
  ({ type, required: needed, ...rest }, here) => {
    if (needed === true && rest.default !== undefined)
      here.report(
        definitionProblem("one-of-two", {
          first: "required",
          second: "default",
          help: "a parameter with a default need not be given",
        }),
        "default",
        "key",
      );
    return type === undefined ? undefined : { ...rest, type };
  },
);

const STEP_PRIMITIVES = ["TRANSFORM", "WINDOW", "STATE", "EVENT"] as const;

const argument: Schema<string | number | boolean> = scalar<string | number | boolean>({
  expects: "a name, a number, true or false",
  json: { type: ["string", "number", "boolean"] },
  read({ value }, site) {
    if (typeof value === "bigint") return Number(value);
    return value === null ? wrongType(site, "a name, a number, true or false") : value;
  },
});

const step: Schema<FeatureStep> = object(
  "a step",
  {
    primitive: required(
      oneOf(STEP_PRIMITIVES),
      "the kind of its operation: TRANSFORM is row-wise (operators too), WINDOW of rolling windows, STATE carried on, EVENT over the symbols of a time (cs_…)",
    ),
    op: required(
      text("the name of a function or operator"),
      "a function, or an operator by its word: add, subtract, multiply, divide, modulo, power, less, less_equal, greater, greater_equal, equal, not_equal, and, or (of x and y), negate, not (of x)",
    ),
    params: required(
      record(argument, { keyIs: "argument", named: true }),
      "its arguments by name: a column, parameter, earlier step or number",
    ),
    output: optional(columnName, "what later steps call it; the last step is the feature"),
  },
  ({ primitive, op, params, ...rest }) =>
    primitive === undefined || op === undefined || params === undefined
      ? undefined
      : { ...rest, primitive, op, params },
);

/** `feature_types/<name>.yaml`. Of what is missing or mistaken (and was reported), something that fits. */
export const featureTypeSchema: Schema<FeatureType> = object(
  "a feature type",
  {
    name: required(name, "name of the type; the name of its file"),
    description: optional(freeText, "what it measures, in which unit"),
    category: optional(freeText, "what it is about: momentum, spread, …"),
    dimension: required(oneOf(DIMENSIONS), "the namespace of its features"),
    version: required(text("a text such as v1.0"), "version of the definition"),
    status: optional(oneOf(FEATURE_STATUSES), "whether it is to be used", "active"),
    tags: optional(list(text("a tag")), "words to find it by"),
    required_inputs: optional(
      list(columnName, { unique: { what: "input", nameOf: (input) => input } }),
      "the columns of the formula; a feature's inputs bind them, else they are columns of that name",
    ),
    parameters: optional(
      record(parameter, { keyIs: "parameter", named: true }),
      "numbers that a feature may set, by name",
    ),
    output_column: optional(columnName, "name of its column where a feature has none"),
    formula: optional(text("a formula"), "what it computes"),
    steps: optional(
      list(step, { nonEmpty: true, unique: { what: "step", key: "output", nameOf: ({ output = "" }) => output } }),
      "what it computes, call by call; instead of formula",
    ),
  },
  (written, here) => {
    checkForm(here);
    const { name: own = "", dimension = "signal", version = "", status = "active", ...rest } = written;
    return {
      ...rest,
      name: own,
      dimension,
      version,
      status,
      tags: written.tags ?? [],
      requiredInputs: written.requiredInputs ?? [],
      parameters: written.parameters ?? {},
    };
  },
);

/** What computes: one of the two. */
function checkForm(here: Here): void {
  if (here.has("formula") && here.has("steps")) {
    const help = "keep the one that is meant";
    here.report(definitionProblem("one-of-two", { first: "formula", second: "steps", help }), "steps", "key");
  } else if (!here.has("formula") && !here.has("steps"))
    here.report(
      definitionProblem("missing-key", { key: "formula", where: "a feature type", expected: "a formula, or steps" }),
    );
}
