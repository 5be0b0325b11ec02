import { formulaProblem } from "../../errors/formula.js";
import type { Span } from "./ast.js";
import { FormulaError } from "./formula-error.js";

export type TokenKind = "number" | "name" | "quoted" | "parameter" | "operator" | "end";

export interface Token extends Span {
  readonly kind: TokenKind;
  /** Of a quoted name and a parameter without its marks. */
  readonly text: string;
}

const MOST_TOKENS = 10_000;

const SPACE = /(?:[ \t\r\n\f]|#[^\n]*)*/y;
// As Python's decimal literals: `1`, `1_000`, `1.`, `.5`, `1e-3`; an integer has no leading zero.
const DIGITS = "[0-9](?:_?[0-9])*";
const NUMBER = new RegExp(`(?:${DIGITS}(?:\\.(?:${DIGITS})?)?|\\.${DIGITS})(?:[eE][+-]?${DIGITS})?`, "y");
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const QUOTED = /`([^`]+)`/y;
const PARAMETER = /\$([A-Za-z_][A-Za-z0-9_]*)/y;
const OPERATOR = /\*\*|<=|>=|==|!=|[-+*/%<>(),.=]/y;

/** What Python has and a formula has not, with what to write. */
const REFUSED: readonly (readonly [RegExp, string | undefined])[] = [
  [/\/\//y, "write floor(a / b)"],
  [/&&?/y, "write `and`"],
  [/\|\|?/y, "write `or`"],
  [/[~!]/y, "write `not`"],
  [/\^/y, "a power is written a ** b"],
  [/["']/y, "a formula has no texts; a column whose name is no word is written in backquotes"],
  [/[[{]/y, "the value n rows before is lag(x, n)"],
  [/\?/y, "write if(condition, a, b)"],
];

/** Throws `FormulaError` at what no formula has. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  for (;;) {
    at += take(SPACE)?.[0].length ?? 0;
    if (at >= text.length) break;
    const token = tokenAt(text, at, take);
    tokens.push(token);
    at = token.to;
    if (tokens.length > MOST_TOKENS)
      throw new FormulaError(formulaProblem("too-long", { most: MOST_TOKENS }), { from: token.from, to: token.to });
  }
  tokens.push({ kind: "end", text: "", from: text.length, to: text.length });
  return tokens;
}

function tokenAt(text: string, at: number, take: (pattern: RegExp) => RegExpExecArray | null): Token {
  const number = take(NUMBER);
  if (number !== null) return numberToken(text, at, number[0]);
  for (const [kind, pattern] of [
    ["name", NAME],
    ["quoted", QUOTED],
    ["parameter", PARAMETER],
  ] as const) {
    const found = take(pattern);
    if (found !== null) return { kind, text: found[1] ?? found[0], from: at, to: at + found[0].length };
  }
  for (const [pattern, help] of REFUSED) {
    const found = pattern.source === "[~!]" && text.startsWith("!=", at) ? null : take(pattern);
    if (found === null) continue;
    const span = { from: at, to: at + found[0].length };
    throw new FormulaError(formulaProblem("not-in-the-language", { text: found[0], help }), span);
  }
  const operator = take(OPERATOR);
  if (operator !== null) return { kind: "operator", text: operator[0], from: at, to: at + operator[0].length };
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  throw new FormulaError(formulaProblem("not-in-the-language", { text: character, help: unclosed(character) }), {
    from: at,
    to: at + character.length,
  });
}

function unclosed(character: string): string | undefined {
  if (character === "`") return "a name in backquotes has at least one character and ends with a backquote";
  return character === "$" ? "a parameter is written $name" : undefined;
}

function numberToken(text: string, at: number, digits: string): Token {
  const to = at + digits.length;
  const after = /[A-Za-z0-9_]*/y;
  after.lastIndex = to;
  const more = after.exec(text)?.[0] ?? "";
  if (more !== "") {
    const span = { from: at, to: to + more.length };
    throw new FormulaError(formulaProblem("bad-number", { text: digits + more, help: undefined }), span);
  }
  if (/^0[0-9_]*[1-9]/.test(digits) && /^[0-9_]+$/.test(digits))
    throw new FormulaError(formulaProblem("bad-number", { text: digits, help: "remove the leading zeros" }), {
      from: at,
      to,
    });
  return { kind: "number", text: digits, from: at, to };
}
