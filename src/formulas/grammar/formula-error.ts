import type { Problem } from "../../errors/problem.js";
import type { Span } from "./ast.js";

/** A mistake in a formula, and where in its text; whoever knows where the text stands tells it as a problem with a place. */
export class FormulaError extends Error {
  override readonly name = "FormulaError";
  constructor(
    readonly problem: Problem,
    readonly span: Span,
  ) {
    super(problem.says);
  }
}

/** The problem with its place in the formula's own text: line and column from 1, and the line with what to mark. */
export function placedIn(text: string, { problem, span }: FormulaError): Problem {
  const before = text.slice(0, span.from).split("\n");
  const line = before.length;
  const column = (before[line - 1] ?? "").length + 1;
  const excerpt = text.split("\n")[line - 1] ?? "";
  const length = Math.max(1, Math.min(span.to - span.from, excerpt.length - column + 1));
  return Object.freeze({ ...problem, line, column, excerpt: { text: excerpt, length } });
}
