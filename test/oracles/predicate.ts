import { compareValues, equalValues, type Value } from "./values.js";

/**
 * A small grammar of DuckDB's predicates with three-valued logic: comparisons, IN, BETWEEN, IS [NOT] NULL, AND, OR, NOT,
 * literals and column references. The text is what stands in the YAML; the oracle parses and evaluates it by itself.
 */
export type Predicate =
  | { readonly op: "column"; readonly name: string }
  | { readonly op: "literal"; readonly value: Value }
  | { readonly op: "compare"; readonly sign: string; readonly left: Predicate; readonly right: Predicate }
  | { readonly op: "in"; readonly left: Predicate; readonly items: readonly Predicate[] }
  | { readonly op: "null"; readonly of: Predicate }
  | { readonly op: "and" | "or"; readonly left: Predicate; readonly right: Predicate }
  | { readonly op: "not"; readonly of: Predicate };

const TOKEN =
  /\s*(?:('(?:[^']|'')*')|("(?:[^"]|"")*")|(\d+\.\d+(?:e-?\d+)?|\d+)|([A-Za-z_][A-Za-z_0-9]*)|(<>|<=|>=|!=|[=<>(),.-]))/y;

const PARSED = new Map<string, Predicate>();

export function parsePredicate(text: string): Predicate {
  const known = PARSED.get(text);
  if (known) return known;
  const predicate = parse(text);
  PARSED.set(text, predicate);
  return predicate;
}

function parse(text: string): Predicate {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`the oracle does not read this predicate: ${text}`);
    tokens.push(match[0].trim());
  }
  let at = 0;
  const peek = (): string => (tokens[at] ?? "").toUpperCase();
  const accept = (word: string): boolean => {
    if (peek() !== word) return false;
    at++;
    return true;
  };
  const expect = (word: string): void => {
    if (!accept(word)) throw new Error(`${word} expected at token ${at} of: ${text}`);
  };

  const disjunction = (): Predicate => {
    let left = conjunction();
    while (accept("OR")) left = { op: "or", left, right: conjunction() };
    return left;
  };
  const conjunction = (): Predicate => {
    let left = negation();
    while (accept("AND")) left = { op: "and", left, right: negation() };
    return left;
  };
  const negation = (): Predicate => (accept("NOT") ? { op: "not", of: negation() } : comparison());
  const comparison = (): Predicate => {
    const left = operand();
    if (accept("IS")) {
      const negated = accept("NOT");
      expect("NULL");
      return negated ? { op: "not", of: { op: "null", of: left } } : { op: "null", of: left };
    }
    const negated = accept("NOT");
    if (accept("IN")) {
      expect("(");
      const items = [operand()];
      while (accept(",")) items.push(operand());
      expect(")");
      return negated ? { op: "not", of: { op: "in", left, items } } : { op: "in", left, items };
    }
    if (accept("BETWEEN")) {
      const low = operand();
      expect("AND");
      const between: Predicate = {
        op: "and",
        left: { op: "compare", sign: ">=", left, right: low },
        right: { op: "compare", sign: "<=", left, right: operand() },
      };
      return negated ? { op: "not", of: between } : between;
    }
    for (const sign of ["=", "<>", "!=", "<=", ">=", "<", ">"])
      if (accept(sign)) return { op: "compare", sign: sign === "!=" ? "<>" : sign, left, right: operand() };
    return left;
  };
  const operand = (): Predicate => {
    if (accept("(")) {
      const inner = disjunction();
      expect(")");
      return inner;
    }
    if (accept("-")) {
      const number = operand();
      if (number.op !== "literal" || (typeof number.value !== "bigint" && typeof number.value !== "number"))
        throw new Error(`a number expected after - in: ${text}`);
      return { op: "literal", value: -number.value };
    }
    const token = tokens[at++];
    if (token === undefined) throw new Error(`the predicate ends too early: ${text}`);
    if (token.startsWith("'")) return { op: "literal", value: token.slice(1, -1).replaceAll("''", "'") };
    if (/^\d+$/.test(token)) return { op: "literal", value: BigInt(token) };
    if (/^\d/.test(token)) return { op: "literal", value: Number(token) };
    const upper = token.toUpperCase();
    if (upper === "TRUE" || upper === "FALSE") return { op: "literal", value: upper === "TRUE" };
    if (upper === "NULL") return { op: "literal", value: null };
    let name = identifier(token);
    if (accept(".")) name += `.${identifier(tokens[at++] ?? "")}`;
    return { op: "column", name };
  };

  const predicate = disjunction();
  if (at !== tokens.length) throw new Error(`unexpected ${tokens[at]} in: ${text}`);
  return predicate;
}

function identifier(token: string): string {
  return token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token;
}

/** TRUE, FALSE or NULL (unknown). `column` gives the value of a name. */
export function evaluate(predicate: Predicate, column: (name: string) => Value): Value {
  switch (predicate.op) {
    case "column":
      return column(predicate.name);
    case "literal":
      return predicate.value;
    case "null":
      return evaluate(predicate.of, column) === null;
    case "not":
      return not(evaluate(predicate.of, column));
    case "and":
      return and(evaluate(predicate.left, column), evaluate(predicate.right, column));
    case "or":
      return not(and(not(evaluate(predicate.left, column)), not(evaluate(predicate.right, column))));
    case "compare":
      return compare(predicate.sign, evaluate(predicate.left, column), evaluate(predicate.right, column));
    case "in": {
      const left = evaluate(predicate.left, column);
      return predicate.items
        .map((item) => compare("=", left, evaluate(item, column)))
        .reduce((a, b) => not(and(not(a), not(b))), false);
    }
  }
}

function not(value: Value): Value {
  return value === null ? null : !value;
}

function and(a: Value, b: Value): Value {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

function compare(sign: string, left: Value, right: Value): Value {
  if (left === null || right === null) return null;
  const [a, b] =
    typeof left === "bigint" && typeof right === "number"
      ? [Number(left), right]
      : typeof left === "number" && typeof right === "bigint"
        ? [left, Number(right)]
        : [left, right];
  const order = equalValues(a, b) ? 0 : compareValues(a, b);
  switch (sign) {
    case "=":
      return order === 0;
    case "<>":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    default:
      return order >= 0;
  }
}

/** The names that the predicate reads. */
export function namesIn(predicate: Predicate): readonly string[] {
  switch (predicate.op) {
    case "column":
      return [predicate.name];
    case "literal":
      return [];
    case "null":
    case "not":
      return namesIn(predicate.of);
    case "in":
      return [predicate.left, ...predicate.items].flatMap(namesIn);
    default:
      return [...namesIn(predicate.left), ...namesIn(predicate.right)];
  }
}
