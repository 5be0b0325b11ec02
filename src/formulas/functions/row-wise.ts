import type { Graph, IrNode, ValueType } from "../ir/node.js";
import { type FormulaFunction, value } from "./signature.js";

/** What is made of the values of one row; each is the op of the same name. */

export const ARITHMETIC = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  "%": "modulo",
  "**": "power",
} as const;
export const COMPARISON = {
  "<": "less",
  "<=": "less_equal",
  ">": "greater",
  ">=": "greater_equal",
  "==": "equal",
  "!=": "not_equal",
} as const;

export function transform(graph: Graph, op: string, inputs: readonly IrNode[], output: ValueType = "Float64"): IrNode {
  return graph.add("TRANSFORM", op, {}, inputs, output);
}

/** A value that all rows have; NULL has the type of what it stands beside. */
export function constant(graph: Graph, given: number | boolean | null): IrNode {
  return graph.add("TRANSFORM", "constant", { value: given }, [], typeof given === "boolean" ? "Boolean" : "Float64");
}

/** `x % y` with the divisor's sign. */
export function modulo(x: number, y: number): number {
  const remainder = x % y;
  return remainder !== 0 && remainder < 0 !== y < 0 ? remainder + y : remainder;
}

/** C's `pow`; JavaScript's differs where the base is ±1. */
export function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

/** To the next integer, half to even. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest < 0.5 || !Number.isFinite(x)) return rest < 0.5 ? below : x;
  return rest > 0.5 || below % 2 !== 0 ? below + 1 : below;
}

const isNull = (node: IrNode): boolean => node.op === "constant" && node.params["value"] === null;

/** Boolean if all values are; NULLs are of any type. */
function commonType(nodes: readonly IrNode[]): ValueType {
  const typed = nodes.filter((node) => !isNull(node));
  return typed.length > 0 && typed.every(({ output }) => output === "Boolean") ? "Boolean" : "Float64";
}

function unary(name: string, says: string, scalar: (x: number) => number): FormulaFunction {
  return {
    name,
    group: "row-wise",
    says,
    arguments: [value("x")],
    build: (graph, [x]) => transform(graph, name, [x as IrNode]),
    scalar,
  };
}

/** From the last two on: f(x, f(y, z)). */
function folded(graph: Graph, op: string, values: readonly IrNode[], type: ValueType): IrNode {
  return values.reduceRight((right, left) => transform(graph, op, [left, right], type));
}

const many = [value("x"), { ...value("y"), more: true }] as const;

export const ROW_WISE: readonly FormulaFunction[] = [
  unary("abs", "Magnitude.", Math.abs),
  unary("sqrt", "Square root; NaN of a negative number.", Math.sqrt),
  unary("log", "Natural logarithm; −inf of 0, NaN of a negative number.", Math.log),
  unary("exp", "e to the power of x.", Math.exp),
  unary("sign", "−1, 0 or 1; NaN of NaN.", Math.sign),
  unary("tanh", "Hyperbolic tangent.", Math.tanh),
  unary("floor", "The largest integer that is not above x.", Math.floor),
  unary("ceil", "The least integer that is not below x.", Math.ceil),
  unary("round", "The nearest integer, half to even.", roundHalfEven),
  {
    name: "clip",
    group: "row-wise",
    says: "`lo` if x < lo, then `hi` if that is above it; a bound that is NULL or NaN does not bound.",
    arguments: [value("x"), value("lo"), value("hi")],
    build: (graph, values) => transform(graph, "clip", values),
    scalar: (x = Number.NaN, lo = Number.NaN, hi = Number.NaN) => {
      const raised = x < lo ? lo : x;
      return raised > hi ? hi : raised;
    },
  },
  {
    name: "min",
    group: "row-wise",
    says: "The least of two or more values; NULL if any is NULL, else NaN if any is NaN.",
    arguments: many,
    build: (graph, values) => folded(graph, "min", values, "Float64"),
    scalar: (...values) => Math.min(...values),
  },
  {
    name: "max",
    group: "row-wise",
    says: "The largest of two or more values; NULL if any is NULL, else NaN if any is NaN.",
    arguments: many,
    build: (graph, values) => folded(graph, "max", values, "Float64"),
    scalar: (...values) => Math.max(...values),
  },
  {
    name: "is_null",
    group: "row-wise",
    says: "True where there is no value; NaN is one.",
    arguments: [value("x")],
    build: (graph, values) => transform(graph, "is_null", values, "Boolean"),
    scalar: () => 0,
  },
  {
    name: "coalesce",
    group: "row-wise",
    says: "The first value that is not NULL.",
    arguments: many,
    build: (graph, values) => folded(graph, "coalesce", values, commonType(values)),
    scalar: (x = Number.NaN) => x,
  },
  {
    name: "if",
    group: "row-wise",
    says: "`a` where the condition is True, else `b`, also where it is NULL; a number is True unless it is 0.",
    arguments: [value("c"), value("a"), value("b")],
    build: (graph, values) => transform(graph, "if", values, commonType(values.slice(1))),
    scalar: (c = 0, a = Number.NaN, b = Number.NaN) => (c !== 0 ? a : b),
  },
];
