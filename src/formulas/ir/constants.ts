import { formulaProblem } from "../../errors/formula.js";
import { nearest } from "../../errors/nearest.js";
import { type BoundCall, bindCall } from "../functions/bind-call.js";
import { modulo, power } from "../functions/row-wise.js";
import { type ConstantArgument, signatureOf } from "../functions/signature.js";
import { type BinaryOperator, type Formula, foldFormula, type ParameterName } from "../grammar/ast.js";
import { FormulaError } from "../grammar/formula-error.js";

export type Parameters = ReadonlyMap<string, number | boolean>;

const BINARY: Readonly<Record<BinaryOperator, (x: number, y: number) => number>> = {
  "+": (x, y) => x + y,
  "-": (x, y) => x - y,
  "*": (x, y) => x * y,
  "/": (x, y) => x / y,
  "%": modulo,
  "**": power,
  "<": (x, y) => Number(x < y),
  "<=": (x, y) => Number(x <= y),
  ">": (x, y) => Number(x > y),
  ">=": (x, y) => Number(x >= y),
  "==": (x, y) => Number(x === y),
  "!=": (x, y) => Number(x !== y),
  and: (x, y) => Number(x !== 0 && y !== 0),
  or: (x, y) => Number(x !== 0 || y !== 0),
};

/** A declared parameter. Throws `FormulaError` if there is none. */
export function parameterOf(
  { name, span }: ParameterName,
  parameters: Parameters,
  isColumn: boolean,
): number | boolean {
  const value = parameters.get(name);
  if (value !== undefined) return value;
  const suggestion = nearest(name, parameters.keys());
  throw new FormulaError(formulaProblem("unknown-parameter", { name, nearest: suggestion, column: isColumn }), span);
}

/** The constants that a call gives and those that it leaves to their defaults. Throws `FormulaError`. */
export function constantsOf(call: BoundCall, parameters: Parameters): ReadonlyMap<string, number> {
  const given = new Map(call.constants.map(({ argument, formula }) => [argument.name, formula]));
  const constants = new Map<string, number>();
  for (const argument of call.function.arguments) {
    if (argument.kind === "value") continue;
    const formula = given.get(argument.name);
    if (formula !== undefined) constants.set(argument.name, checked(argument, formula, call, parameters));
    else if (argument.default !== undefined) constants.set(argument.name, argument.default);
  }
  return constants;
}

function checked(argument: ConstantArgument, formula: Formula, call: BoundCall, parameters: Parameters): number {
  const { name } = argument;
  const refuse = (code: FormulaError): never => {
    throw code;
  };
  const value = foldFormula<number>(
    formula,
    (node, parts) => {
      const [left = Number.NaN, right = Number.NaN] = parts;
      switch (node.kind) {
        case "literal":
          if (node.value !== null) return Number(node.value);
          break;
        case "parameter":
          return Number(parameterOf(node, parameters, false));
        case "column":
          if (node.table === undefined && parameters.has(node.name)) return Number(parameters.get(node.name));
          break;
        case "unary":
          return node.operator === "not" ? Number(left === 0) : node.operator === "-" ? -left : left;
        case "binary":
          return BINARY[node.operator](left, right);
        case "call": {
          const { scalar } = bindCall(node).function;
          if (scalar !== undefined) return scalar(...parts);
        }
      }
      const signature = signatureOf(call.function);
      return refuse(new FormulaError(formulaProblem("not-constant", { name, signature }), node.span));
    },
    (node) => (node.kind === "call" ? bindCall(node).values : partsOf(node)),
  );
  if (argument.rows && name === "n" && value < 0 && Number.isInteger(value) && call.function.group === "window")
    return refuse(new FormulaError(formulaProblem("future", { rows: -value }), formula.span));
  if (argument.rows && !Number.isInteger(value))
    return refuse(new FormulaError(formulaProblem("not-integral", { name, value }), formula.span));
  const expected =
    argument.refuse?.(value) ?? (argument.rows && value > MOST_ROWS ? `at most ${MOST_ROWS}` : undefined);
  if (expected !== undefined)
    return refuse(
      new FormulaError(formulaProblem("out-of-range", { name, value: String(value), expected }), formula.span),
    );
  return value;
}

/** Rows of a symbol are counted in 31 bits. */
const MOST_ROWS = 2 ** 31 - 1;

function partsOf(node: Formula): readonly Formula[] {
  if (node.kind === "unary") return [node.operand];
  return node.kind === "binary" ? [node.left, node.right] : [];
}
