import type { FeatureSpec } from "../../definitions/feature-run.js";
import type { FeatureStep, FeatureType, ParameterDefinition } from "../../definitions/feature-type.js";
import { formulaProblem } from "../../errors/formula.js";
import { nearest } from "../../errors/nearest.js";
import type { Problem } from "../../errors/problem.js";
import { FUNCTIONS, nearestFunction } from "../functions/registry.js";
import { ARITHMETIC, COMPARISON } from "../functions/row-wise.js";
import type { BinaryOperator, ColumnName, Formula } from "../grammar/ast.js";
import { FormulaError, placedIn } from "../grammar/formula-error.js";
import { isPlainName, parseFormula } from "../grammar/parse.js";
import type { Parameters } from "../ir/constants.js";

/** What a feature computes: formulas one after the other, each known to the later ones by its name; the last is the feature. */
export interface FeatureFormula {
  readonly parts: readonly { readonly name?: string; readonly text: string; readonly tree: Formula }[];
  readonly parameters: Parameters;
  /** What names of the formulas stand for. */
  readonly inputs: ReadonlyMap<string, ColumnName>;
  /** The inputs of its type. */
  readonly required: ReadonlySet<string>;
}

/** A mistake in a feature's definition, not in the text of a formula. */
export class FeatureError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.says);
  }
}

/** Throws `FeatureError`. */
export function formulaOf(spec: FeatureSpec, types: ReadonlyMap<string, FeatureType>): FeatureFormula {
  const { formula, type } = spec;
  if ((formula === undefined) === (type === undefined)) throw new FeatureError(formulaProblem("formula-or-type", {}));
  if (formula !== undefined) {
    if (spec.inputs !== undefined) throw new FeatureError(formulaProblem("inputs-without-type", {}));
    const parameters = new Map(Object.entries(spec.parameters ?? {}));
    return { parts: [parsed(formula)], parameters, inputs: new Map(), required: new Set() };
  }
  const found = types.get(type ?? "");
  if (found === undefined) {
    const name = type ?? "";
    throw new FeatureError(formulaProblem("unknown-type", { name, nearest: nearest(name, types.keys()) }));
  }
  return {
    parts: partsOf(found),
    parameters: parametersOf(spec, found),
    inputs: inputsOf(spec, found),
    required: new Set(found.requiredInputs),
  };
}

function parsed(text: string): { readonly text: string; readonly tree: Formula } {
  try {
    return { text, tree: parseFormula(text) };
  } catch (error) {
    if (error instanceof FormulaError) throw new FeatureError(placedIn(text, error));
    throw error;
  }
}

function partsOf({ formula, steps = [] }: FeatureType): FeatureFormula["parts"] {
  if (formula !== undefined) return [parsed(formula)];
  return steps.map((step) => {
    const text = callOf(step);
    return { ...parsed(text), ...(step.output === undefined ? {} : { name: step.output }) };
  });
}

const OPERATORS: ReadonlyMap<string, BinaryOperator> = new Map([
  ...Object.entries({ ...ARITHMETIC, ...COMPARISON }).map(
    ([operator, op]) => [op, operator as BinaryOperator] as const,
  ),
  ["and", "and"] as const,
  ["or", "or"] as const,
]);
const PREFIXES: ReadonlyMap<string, string> = new Map([
  ["negate", "-"],
  ["not", "not"],
]);
const GROUPS = { "row-wise": "TRANSFORM", window: "WINDOW", state: "STATE", "cross-section": "EVENT" } as const;

/** A step as the formula that it is. Throws `FeatureError`. */
export function callOf({ primitive, op, params }: FeatureStep): string {
  const operator = OPERATORS.get(op);
  const known = FUNCTIONS.get(op);
  const prefix = PREFIXES.get(op);
  const isOperator = operator !== undefined || prefix !== undefined;
  const own = isOperator ? "TRANSFORM" : known === undefined ? undefined : GROUPS[known.group];
  if (own === undefined) {
    const suggestion = nearestFunction(op, [...OPERATORS.keys(), ...PREFIXES.keys()]);
    throw new FeatureError(formulaProblem("unknown-function", { name: op, nearest: suggestion }));
  }
  if (own !== primitive) throw new FeatureError(formulaProblem("wrong-primitive", { op, primitive, right: own }));
  const shown = Object.entries(params).map(([name, value]) => [name, argumentText(value)] as const);
  const given = new Map(shown);
  if (prefix !== undefined) {
    const only = given.get("x");
    if (only === undefined || given.size !== 1)
      throw new FeatureError(formulaProblem("missing-argument", { name: "x", signature: `${op}(x)` }));
    return `${prefix} ${only}`;
  }
  // Of a function of any number of values, the names that params give say only their order.
  const isOfMany = known?.arguments.some((argument) => argument.kind === "value" && argument.more === true) === true;
  const named = ([name, text]: readonly [string, string]): string => (isOfMany ? text : `${name}=${text}`);
  if (operator === undefined) return `${op}(${shown.map(named).join(", ")})`;
  const [x, y] = [given.get("x"), given.get("y")];
  if (x === undefined || y === undefined || given.size !== 2)
    throw new FeatureError(formulaProblem("missing-argument", { name: "x and y", signature: `${op}(x, y)` }));
  return `${x} ${operator} ${y}`;
}

function argumentText(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  if (value.startsWith("$") || isPlainName(value)) return value;
  const [table, column, ...more] = value.split(".");
  if (column !== undefined && more.length === 0 && isPlainName(table ?? "") && isPlainName(column)) return value;
  return /^[^`]+$/.test(value) ? `\`${value}\`` : value;
}

function parametersOf(spec: FeatureSpec, type: FeatureType): Parameters {
  const given = spec.parameters ?? {};
  for (const name of Object.keys(given))
    if (!Object.hasOwn(type.parameters, name)) {
      const suggestion = nearest(name, Object.keys(type.parameters));
      throw new FeatureError(formulaProblem("unknown-type-parameter", { name, type: type.name, nearest: suggestion }));
    }
  const parameters = new Map<string, number | boolean>();
  for (const [name, definition] of Object.entries(type.parameters)) {
    const value = given[name] ?? definition.default;
    if (value === undefined) throw new FeatureError(formulaProblem("missing-parameter", { name, type: type.name }));
    const expected = misfitOf(definition, value);
    if (expected !== undefined)
      throw new FeatureError(formulaProblem("out-of-range", { name, value: String(value), expected }));
    parameters.set(name, value);
  }
  return parameters;
}

/** What a parameter's value should have been; undefined if it fits. */
export function misfitOf({ type, constraints = {} }: ParameterDefinition, value: number | boolean): string | undefined {
  if (type === "boolean") return typeof value === "boolean" ? undefined : "True or False";
  if (typeof value !== "number" || (type === "integer" && !Number.isInteger(value)))
    return type === "integer" ? "a whole number" : "a number";
  const { min = -Infinity, max = Infinity } = constraints;
  if (value >= min && value <= max) return undefined;
  if (max === Infinity) return `at least ${min}`;
  return min === -Infinity ? `at most ${max}` : `from ${min} to ${max}`;
}

function inputsOf(spec: FeatureSpec, type: FeatureType): ReadonlyMap<string, ColumnName> {
  const inputs = new Map<string, ColumnName>();
  for (const [name, column] of Object.entries(spec.inputs ?? {})) {
    if (!type.requiredInputs.includes(name)) {
      const suggestion = nearest(name, type.requiredInputs);
      throw new FeatureError(formulaProblem("unknown-input", { name, type: type.name, nearest: suggestion }));
    }
    const text = argumentText(column);
    const { tree } = parsed(text);
    if (tree.kind !== "column") throw new FeatureError(formulaProblem("not-a-column", { name, text: column }));
    inputs.set(name, tree);
  }
  return inputs;
}
