import { expect, test } from "vitest";
import { type Formula, operandsOf } from "#daedalus/formulas/grammar/ast.js";
import { FormulaError, placedIn } from "#daedalus/formulas/grammar/formula-error.js";
import { parseFormula } from "#daedalus/formulas/grammar/parse.js";
import { graphOf } from "./graph-run.js";

/** Every grouping in parentheses. */
function grouped(formula: Formula): string {
  const parts = operandsOf(formula).map(grouped);
  switch (formula.kind) {
    case "literal":
      return formula.value === null ? "None" : String(formula.value);
    case "parameter":
      return `$${formula.name}`;
    case "column":
      return formula.table === undefined ? formula.name : `${formula.table}.${formula.name}`;
    case "unary":
      return `(${formula.operator} ${parts[0]})`;
    case "binary":
      return `(${parts[0]} ${formula.operator} ${parts[1]})`;
    case "call":
      return `${formula.function}(${formula.arguments
        .map(({ keyword }, place) => (keyword === undefined ? "" : `${keyword.name}=`) + parts[place])
        .join(", ")})`;
  }
}

test.each([
  ["-2 ** 2", "(- (2 ** 2))"],
  ["2 ** 3 ** 2", "(2 ** (3 ** 2))"],
  ["2 ** -1", "(2 ** (- 1))"],
  ["-2 ** -2 ** 2", "(- (2 ** (- (2 ** 2))))"],
  ["not a == b", "(not (a == b))"],
  ["not a and b or c", "(((not a) and b) or c)"],
  ["a or b and c", "(a or (b and c))"],
  ["a - b - c", "((a - b) - c)"],
  ["a / b * c % d", "(((a / b) * c) % d)"],
  ["a + b * -c", "(a + (b * (- c)))"],
  ["- - + a", "(- (- (+ a)))"],
  ["a + 1 < b * 2", "((a + 1) < (b * 2))"],
  ["(a + b) * c", "((a + b) * c)"],
  ["not not a", "(not (not a))"],
  ["f(a, b + 1, w=$w / 2)", "f(a, (b + 1), w=($w / 2))"],
  ["trades.price - `odd name`.`and`", "(trades.price - odd name.and)"],
  ["if(a, b, None)", "if(a, b, None)"],
  ["1_000 + 1. + .5 + 1e-3 + 5E+1_0", "((((1000 + 1) + 0.5) + 0.001) + 50000000000)"],
  ["True + nan * inf", "(true + (NaN * Infinity))"],
  ["a # a comment\n + # another\n b", "(a + b)"],
  ["a\t+\r\nb", "(a + b)"],
  ["ema", "ema"],
  ["f()", "f()"],
])("%s is read as Python groups it", (text, expected) => {
  expect(grouped(parseFormula(text))).toBe(expected);
});

function mistake(text: string, parameters: Readonly<Record<string, number>> = {}) {
  try {
    graphOf([text], parameters);
  } catch (error) {
    if (error instanceof FormulaError) return placedIn(text, error);
    throw error;
  }
  throw new Error(`${text} is no mistake`);
}

test.each([
  ["", "empty", 1, 1],
  ["  # nothing", "empty", 1, 12],
  ["a +", "unfinished", 1, 4],
  ["(a + b", "unclosed", 1, 1],
  ["f(a, b", "unclosed", 1, 2],
  ["a b", "unexpected", 1, 3],
  ["a = b", "unexpected", 1, 3],
  ["a if b else c", "unexpected", 1, 3],
  ["* a", "unexpected", 1, 1],
  ["abs(,a)", "unexpected", 1, 5],
  ["abs(a,)", "unexpected", 1, 7],
  ["a ** not b", "unexpected", 1, 6],
  ["a < b < c", "chained", 1, 7],
  ["a == b != c", "chained", 1, 8],
  ["a // b", "not-in-the-language", 1, 3],
  ["a &\nb", "not-in-the-language", 1, 3],
  ["a\n  | b", "not-in-the-language", 2, 3],
  ["'text'", "not-in-the-language", 1, 1],
  ["a[1]", "not-in-the-language", 1, 2],
  ["a ^ 2", "not-in-the-language", 1, 3],
  ["!a", "not-in-the-language", 1, 1],
  ["`", "not-in-the-language", 1, 1],
  ["$", "not-in-the-language", 1, 1],
  ["a € b", "not-in-the-language", 1, 3],
  ["01", "bad-number", 1, 1],
  ["0x10", "bad-number", 1, 1],
  ["2x", "bad-number", 1, 1],
  ["1__0", "bad-number", 1, 1],
  ["ab(x)", "unknown-function", 1, 1],
  ["rolling_mean(x)", "missing-argument", 1, 1],
  ["rolling_mean(x, 3, 4)", "surplus-argument", 1, 20],
  ["rolling_mean(x, 3, w=4)", "doubled-argument", 1, 20],
  ["rolling_mean(x, window=4)", "unknown-argument", 1, 17],
  ["rolling_mean(w=3, x)", "positional-after-keyword", 1, 19],
  ["rolling_mean(x, x)", "not-constant", 1, 17],
  ["rolling_mean(x, 2.5)", "not-integral", 1, 17],
  ["rolling_mean(x, $w / 2)", "not-integral", 1, 17],
  ["rolling_mean(x, $v)", "unknown-parameter", 1, 17],
  ["rolling_mean(x, -1)", "out-of-range", 1, 17],
  ["rolling_mean(x, nan)", "not-integral", 1, 17],
  ["rolling_mean(x, 5, min_periods=0)", "out-of-range", 1, 32],
  ["rolling_mean(x, 5, min_periods=6)", "out-of-range", 1, 32],
  ["rolling_quantile(x, 5, 1.5)", "out-of-range", 1, 24],
  ["historical_var(x, 5, 1)", "out-of-range", 1, 22],
  ["rolling_rank_corr(x, y, 10001)", "out-of-range", 1, 25],
  ["ema(x, 2.5)", "out-of-range", 1, 8],
  ["ema(x, 0)", "out-of-range", 1, 8],
  ["decay_accum(x, 1.5)", "out-of-range", 1, 16],
  ["autocorr(x, 0)", "out-of-range", 1, 13],
  ["diff(x, 0)", "out-of-range", 1, 9],
  ["lag(x, -1)", "future", 1, 8],
  ["shift(x, n=-2)", "future", 1, 12],
  ["diff(x, -1)", "future", 1, 9],
  ["min(x)", "missing-argument", 1, 1],
])("%j is refused: %s", (text, code, line, column) => {
  expect(mistake(text, { w: 21 })).toMatchObject({ code: `formula/${code}`, line, column });
});

test("a mistake is shown with the formula, what to mark, and the nearest name", () => {
  const found = mistake("rolling_mean(close, 10) - rolling_meen(close, 30)");
  expect(found).toMatchObject({
    says: 'there is no function "rolling_meen"',
    suggestion: "rolling_mean",
    excerpt: { text: "rolling_mean(close, 10) - rolling_meen(close, 30)", length: 12 },
  });
  expect(mistake("a < b < c").help).toBe("write a < b and b < c");
});

test("constant arguments are numbers and parameters, reckoned before any row is read", () => {
  const { nodes } = graphOf(
    ["rolling_mean(x, $w / 2)", "rolling_mean(x, w // 1)".replace("//", "*"), "rolling_mean(x, min(w, 2 ** 5) - 10)"],
    { w: 20 },
  );
  expect(nodes.map(({ params }) => params["w"])).toEqual([10, 20, 10]);
});

test("lengths and depths that a formula may have, and more are refused", () => {
  const sum = (terms: number): string => Array.from({ length: terms }, () => "x").join(" + ");
  expect(graphOf([sum(5_000)]).graph.nodes).toHaveLength(5_000);
  expect(mistake(sum(5_001)).code).toBe("formula/too-long");
  const nested = (levels: number): string => `${"(".repeat(levels)}x${")".repeat(levels)}`;
  expect(graphOf([nested(200)]).graph.nodes).toHaveLength(1);
  for (const text of [nested(201), `${"-".repeat(201)}x`, `${"not ".repeat(201)}x`, `${"x ** ".repeat(201)}x`])
    expect(mistake(text).code).toBe("formula/too-deep");
});

test("equal parts are one node, whatever their white space and the names of their functions", () => {
  const { graph, nodes } = graphOf([
    "rolling_mean(x, 3) / zscore(x,3)",
    "rolling_mean( x ,w=3)/rolling_zscore(x, 3, min_periods=3)",
    "shift(x, 2) - x",
    "x - lag(x, 2) + 0 * (lag(x, 2) - x)",
    "-0.0 + 0.0",
  ]);
  expect(nodes[0]).toBe(nodes[1]);
  expect(graph.nodes.filter(({ op }) => op === "lag")).toHaveLength(1);
  expect(Object.isFrozen(nodes[0]) && Object.isFrozen(nodes[0]?.params) && Object.isFrozen(nodes[0]?.inputs)).toBe(
    true,
  );
});
