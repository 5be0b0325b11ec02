import { formulaProblem } from "../../errors/formula.js";
import { nearest } from "../../errors/nearest.js";
import type { Call, Formula } from "../grammar/ast.js";
import { FormulaError } from "../grammar/formula-error.js";
import { FUNCTIONS, nearestFunction } from "./registry.js";
import { type ConstantArgument, type FormulaFunction, signatureOf } from "./signature.js";

/** A call, with what each argument of the function was given. */
export interface BoundCall {
  readonly function: FormulaFunction;
  readonly values: readonly Formula[];
  /** Those that were given. */
  readonly constants: readonly { readonly argument: ConstantArgument; readonly formula: Formula }[];
}

/** Throws `FormulaError` where the call does not fit the function's signature. */
export function bindCall(call: Call): BoundCall {
  const found = FUNCTIONS.get(call.function);
  if (found === undefined) {
    const suggestion = nearestFunction(call.function);
    const problem = formulaProblem("unknown-function", { name: call.function, nearest: suggestion });
    throw new FormulaError(problem, call.functionSpan);
  }
  const signature = signatureOf(found);
  const given = new Map<string, Formula>();
  const further: Formula[] = [];
  const positional = found.arguments.filter((one) => one.kind === "value" || !one.keywordOnly);
  const last = positional[positional.length - 1];
  call.arguments.forEach(({ keyword, value }, place) => {
    if (keyword === undefined) {
      const argument = positional[place];
      if (argument !== undefined) given.set(argument.name, value);
      else if (last?.kind === "value" && last.more) further.push(value);
      else throw new FormulaError(formulaProblem("surplus-argument", { signature }), value.span);
      return;
    }
    const { name, span } = keyword;
    if (found.arguments.every((argument) => argument.name !== name)) {
      const suggestion = nearest(
        name,
        found.arguments.map((argument) => argument.name),
      );
      throw new FormulaError(formulaProblem("unknown-argument", { name, signature, nearest: suggestion }), span);
    }
    if (given.has(name)) throw new FormulaError(formulaProblem("doubled-argument", { name, signature }), span);
    given.set(name, value);
  });
  const values: Formula[] = [];
  const constants: BoundCall["constants"][number][] = [];
  for (const argument of found.arguments) {
    const formula = given.get(argument.name);
    if (formula === undefined) {
      if (argument.kind === "constant" && (argument.optional || argument.default !== undefined)) continue;
      throw new FormulaError(formulaProblem("missing-argument", { name: argument.name, signature }), call.span);
    }
    if (argument.kind === "value") values.push(formula);
    else constants.push({ argument, formula });
  }
  return { function: found, values: [...values, ...further], constants };
}
