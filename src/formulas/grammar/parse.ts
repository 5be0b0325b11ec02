import { formulaProblem } from "../../errors/formula.js";
import type { Argument, BinaryOperator, Formula, Span, UnaryOperator } from "./ast.js";
import { FormulaError } from "./formula-error.js";
import { type Token, tokensOf } from "./tokens.js";

/** Levels of parentheses, calls, signs, `not` and powers within one another. */
const MOST_LEVELS = 200;

const COMPARISONS: readonly string[] = ["<", "<=", ">", ">=", "==", "!="];

/** Words that are no names unless they stand in backquotes. */
const LITERALS: ReadonlyMap<string, number | boolean | null> = new Map<string, number | boolean | null>([
  ["True", true],
  ["False", false],
  ["None", null],
  ["nan", Number.NaN],
  ["inf", Infinity],
]);
const WORDS: readonly string[] = ["and", "or", "not"];

/** True for a name that a formula can write without backquotes. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !LITERALS.has(name) && !WORDS.includes(name);
}

/**
 * The tree of a formula, by the grammar of the formula language (docs/formulas.md); precedence and grouping are Python's. Throws
 * `FormulaError` with the place of the first mistake.
 */
export function parseFormula(text: string): Formula {
  return new Parser(text).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #level = 0;

  constructor(private readonly text: string) {
    this.#tokens = tokensOf(text);
  }

  whole(): Formula {
    if (this.#isEnd()) throw this.#error("empty", {}, this.#token);
    const formula = this.#or();
    if (!this.#isEnd()) throw this.#unexpected("an operator or the end");
    return formula;
  }

  #or(): Formula {
    let left = this.#and();
    while (this.#takeWord("or")) left = binary("or", left, this.#and());
    return left;
  }

  #and(): Formula {
    let left = this.#not();
    while (this.#takeWord("and")) left = binary("and", left, this.#not());
    return left;
  }

  #not(): Formula {
    const { from } = this.#token;
    if (!this.#takeWord("not")) return this.#comparison();
    return this.#within(() => unary("not", this.#not(), from));
  }

  #comparison(): Formula {
    const left = this.#sum();
    const operator = this.#takeOperator(COMPARISONS);
    if (operator === undefined) return left;
    const right = this.#sum();
    const again = this.#token;
    const second = this.#takeOperator(COMPARISONS);
    if (second !== undefined) {
      const [a, b, c] = [left, right, this.#sum()].map(({ span }) => this.text.slice(span.from, span.to));
      throw this.#error("chained", { instead: `${a} ${operator} ${b} and ${b} ${second} ${c}` }, again);
    }
    return binary(operator as BinaryOperator, left, right);
  }

  #sum(): Formula {
    let left = this.#term();
    for (let operator = this.#takeOperator(["+", "-"]); operator; operator = this.#takeOperator(["+", "-"]))
      left = binary(operator as BinaryOperator, left, this.#term());
    return left;
  }

  #term(): Formula {
    let left = this.#unary();
    for (let operator = this.#takeOperator(["*", "/", "%"]); operator; operator = this.#takeOperator(["*", "/", "%"]))
      left = binary(operator as BinaryOperator, left, this.#unary());
    return left;
  }

  #unary(): Formula {
    const { from } = this.#token;
    const sign = this.#takeOperator(["-", "+"]);
    if (sign === undefined) return this.#power();
    return this.#within(() => unary(sign as UnaryOperator, this.#unary(), from));
  }

  #power(): Formula {
    const base = this.#primary();
    if (this.#takeOperator(["**"]) === undefined) return base;
    return this.#within(() => binary("**", base, this.#unary()));
  }

  #primary(): Formula {
    const token = this.#token;
    const span = { from: token.from, to: token.to };
    switch (token.kind) {
      case "number":
        this.#next++;
        return Object.freeze({ kind: "literal", value: Number(token.text.replaceAll("_", "")), span });
      case "parameter":
        this.#next++;
        return Object.freeze({ kind: "parameter", name: token.text, span });
      case "name":
        if (WORDS.includes(token.text)) throw this.#unexpected("a value");
        if (this.#tokens[this.#next + 1]?.text === "(" && this.#tokens[this.#next + 1]?.kind === "operator")
          return this.#call();
        if (LITERALS.has(token.text)) {
          this.#next++;
          return Object.freeze({ kind: "literal", value: LITERALS.get(token.text) ?? null, span });
        }
        return this.#column();
      case "quoted":
        return this.#column();
      default: {
        if (this.#takeOperator(["("]) === undefined) throw this.#unexpected("a value");
        return this.#within(() => {
          const formula = this.#or();
          this.#expectClosing(token);
          return formula;
        });
      }
    }
  }

  #column(): Formula {
    const { from, to } = this.#token;
    const first = this.#name();
    if (this.#takeOperator(["."]) === undefined)
      return Object.freeze({ kind: "column", name: first, span: { from, to } });
    const end = this.#token.to;
    const name = this.#name();
    return Object.freeze({ kind: "column", table: first, name, span: { from, to: end } });
  }

  #name(): string {
    const { kind, text } = this.#token;
    if (kind === "quoted" || (kind === "name" && isPlainName(text))) {
      this.#next++;
      return text;
    }
    throw this.#unexpected("a name");
  }

  #call(): Formula {
    const name = this.#token;
    this.#next++;
    const opening = this.#token;
    this.#next++;
    return this.#within(() => {
      const given: Argument[] = [];
      while (!this.#isOperator(")")) {
        if (given.length > 0 && this.#takeOperator([","]) === undefined) this.#expectClosing(opening);
        if (this.#isOperator(")")) throw this.#unexpected("an argument");
        given.push(this.#argument(given));
      }
      const { to } = this.#token;
      this.#next++;
      return Object.freeze({
        kind: "call",
        function: name.text,
        functionSpan: { from: name.from, to: name.to },
        arguments: Object.freeze(given),
        span: { from: name.from, to },
      });
    });
  }

  #argument(before: readonly Argument[]): Argument {
    const token = this.#token;
    const after = this.#tokens[this.#next + 1];
    if (token.kind === "name" && after?.kind === "operator" && after.text === "=") {
      this.#next += 2;
      const keyword = { name: token.text, span: { from: token.from, to: token.to } };
      return Object.freeze({ keyword, value: this.#or() });
    }
    if (before.some(({ keyword }) => keyword !== undefined)) throw this.#error("positional-after-keyword", {}, token);
    return Object.freeze({ value: this.#or() });
  }

  /** One level deeper. */
  #within<Result>(read: () => Result): Result {
    this.#level++;
    if (this.#level > MOST_LEVELS) throw this.#error("too-deep", { most: MOST_LEVELS }, this.#token);
    const result = read();
    this.#level--;
    return result;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #isEnd(): boolean {
    return this.#token.kind === "end";
  }

  #isOperator(text: string): boolean {
    return this.#token.kind === "operator" && this.#token.text === text;
  }

  #takeOperator(among: readonly string[]): string | undefined {
    const { kind, text } = this.#token;
    if (kind !== "operator" || !among.includes(text)) return undefined;
    this.#next++;
    return text;
  }

  #takeWord(word: string): boolean {
    if (this.#token.kind !== "name" || this.#token.text !== word) return false;
    this.#next++;
    return true;
  }

  #expectClosing(opening: Token): void {
    if (this.#takeOperator([")"]) !== undefined) return;
    if (this.#token.kind === "end") throw this.#error("unclosed", {}, opening);
    throw this.#unexpected('an operator, "," or ")"');
  }

  #unexpected(expected: string): FormulaError {
    const token = this.#token;
    if (token.kind === "end") return this.#error("unfinished", { expected }, token);
    const found = this.text.slice(token.from, token.to);
    return this.#error("unexpected", { found, expected, help: instead(token) }, token);
  }

  #error<Code extends Parameters<typeof formulaProblem>[0]>(
    code: Code,
    parameters: Parameters<typeof formulaProblem<Code>>[1],
    { from, to }: Span,
  ): FormulaError {
    return new FormulaError(formulaProblem(code, parameters), { from, to });
  }
}

/** What to write instead of what Python has. */
function instead({ kind, text }: Token): string | undefined {
  if (kind === "operator" && text === "=") return "equality is written ==";
  if (kind !== "name") return undefined;
  if (text === "if" || text === "else") return "a choice is written if(condition, a, b)";
  if (text === "is") return "a missing value is asked for with is_null(x)";
  if (text === "in" || text === "lambda" || text === "for") return `a formula has no "${text}"`;
  return undefined;
}

function unary(operator: UnaryOperator, operand: Formula, from: number): Formula {
  return Object.freeze({ kind: "unary", operator, operand, span: { from, to: operand.span.to } });
}

function binary(operator: BinaryOperator, left: Formula, right: Formula): Formula {
  return Object.freeze({ kind: "binary", operator, left, right, span: { from: left.span.from, to: right.span.to } });
}
