import { formulaProblem } from "../../errors/formula.js";
import { type BoundCall, bindCall } from "../functions/bind-call.js";
import { ARITHMETIC, COMPARISON, constant, transform } from "../functions/row-wise.js";
import { ConstantRefused } from "../functions/signature.js";
import {
  type Binary,
  type Call,
  type ColumnName,
  type Formula,
  foldFormula,
  operandsOf,
  type Unary,
} from "../grammar/ast.js";
import { FormulaError } from "../grammar/formula-error.js";
import { constantsOf, type Parameters, parameterOf } from "./constants.js";
import type { Graph, IrNode } from "./node.js";

/** What the names of a formula are. */
export interface Names {
  readonly parameters: Parameters;
  /** A bare name that is no parameter, or a column of a table. Throws `FormulaError` if there is none. */
  resolve(name: ColumnName): IrNode;
  /** Whether a bare name is one of those. */
  isKnown(name: string): boolean;
}

/** Adds the nodes of a formula; the last one is its value. Throws `FormulaError`. */
export function buildFormula(graph: Graph, formula: Formula, names: Names): IrNode {
  const calls = new Map<Formula, BoundCall>();
  return foldFormula<IrNode>(
    formula,
    (node, parts) => {
      switch (node.kind) {
        case "literal":
          return constant(graph, node.value);
        case "parameter":
          return constant(graph, parameterOf(node, names.parameters, names.isKnown(node.name)));
        case "column": {
          const parameter = node.table === undefined ? names.parameters.get(node.name) : undefined;
          return parameter === undefined ? names.resolve(node) : constant(graph, parameter);
        }
        case "unary":
          return unaryNode(graph, node, parts[0] as IrNode);
        case "binary":
          return binaryNode(graph, node, parts);
        case "call":
          return callNode(graph, node, calls.get(node) as BoundCall, parts, names.parameters);
      }
    },
    (node) => {
      if (node.kind !== "call") return operandsOf(node);
      const bound = bindCall(node);
      calls.set(node, bound);
      return bound.values;
    },
  );
}

function unaryNode(graph: Graph, { operator }: Unary, operand: IrNode): IrNode {
  if (operator === "not") return transform(graph, "not", [operand], "Boolean");
  if (operator === "-") return transform(graph, "negate", [operand]);
  return operand.output === "Boolean" ? transform(graph, "number", [operand]) : operand;
}

function binaryNode(graph: Graph, { operator }: Binary, operands: readonly IrNode[]): IrNode {
  if (operator === "and" || operator === "or") return transform(graph, operator, operands, "Boolean");
  if (operator in COMPARISON)
    return transform(graph, COMPARISON[operator as keyof typeof COMPARISON], operands, "Boolean");
  return transform(graph, ARITHMETIC[operator as keyof typeof ARITHMETIC], operands);
}

function callNode(
  graph: Graph,
  node: Call,
  bound: BoundCall,
  values: readonly IrNode[],
  parameters: Parameters,
): IrNode {
  const constants = constantsOf(bound, parameters);
  try {
    return bound.function.build(graph, values, constants);
  } catch (error) {
    if (!(error instanceof ConstantRefused)) throw error;
    const { argument, expected } = error;
    const span = bound.constants.find((one) => one.argument.name === argument)?.formula.span ?? node.span;
    const value = String(constants.get(argument));
    throw new FormulaError(formulaProblem("out-of-range", { name: argument, value, expected }), span);
  }
}
