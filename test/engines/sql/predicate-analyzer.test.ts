import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPredicateAnalyzer } from "#daedalus/engines/sql/predicate-analyzer.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";

let session: SqlSession;
beforeAll(async () => {
  session = await SqlSession.open({ threads: "1" });
});
afterAll(() => session.close());

/** The SQL that the expression is bound to; the column x is a FLOAT, n a BIGINT. */
async function boundSql(text: string): Promise<string> {
  const analyzer = openPredicateAnalyzer(session);
  const [expression] = await analyzer.parse([text]);
  if (expression?.ok !== true) throw new Error(`${text}: ${expression?.fault.message}`);
  const names = new Map([
    ["x", { name: "x", dtype: "FLOAT" }],
    ["n", { name: "n", dtype: "BIGINT" }],
  ] as const);
  const [bound] = await analyzer.bind([{ expression, names }]);
  if (bound?.ok !== true) throw new Error(`${text}: ${bound?.fault.message}`);
  return bound.sql;
}

const ROW = "(SELECT CAST(0.1 AS FLOAT) AS x, 9007199254740993 AS n)";
async function resultOf(sql: string) {
  const [row] = await session.query(`SELECT typeof((${sql})) AS type, CAST((${sql}) AS VARCHAR) AS value FROM ${ROW}`);
  return row;
}

test.each(["FALSE) AND (TRUE", "TRUE) OR (x > 1", "x > 1)", "(x > 1", "x > 1 --)", "x > 1; SELECT 1"])(
  "%s is one expression or refused",
  async (text) => {
    const [expression] = await openPredicateAnalyzer(session).parse([text]);
    expect(expression?.ok).toBe(text.endsWith("--)"));
  },
);

describe("what is bound means what was written", () => {
  test.each([
    "1e3",
    "5.0e0",
    "0e0",
    "-0e0",
    "-1e3",
    "1e15",
    "1e22",
    "1.5e0",
    "1e-7",
    "1e400",
    "1.5",
    "1.0",
    "0.1",
    "9007199254740993",
    "12345678901234567890",
    "170141183460469231731687303715884105727",
    "x > 0.1e0",
    "x > 0.1",
    "n > 9007199254740992e0",
    "n > 9007199254740992.0",
    "x IN (1e0, 2e0)",
    "list_transform([1e3, 2e0], lambda v: v + 1e0)",
    "'1e3 \\u0001123'",
    `'{"$number":"1"}'`,
    `{'$number': '1'}`,
    "CASE WHEN n > 1e3 THEN 'é' ELSE NULL END",
  ])("%s", async (text) => {
    expect(await resultOf(await boundSql(text))).toEqual(await resultOf(text));
  });

  test("any number token", async () => {
    const digits = fc.stringMatching(/^(0|[1-9]\d{0,21})$/);
    const number = fc
      .tuple(digits, fc.option(digits), fc.option(fc.integer({ min: -320, max: 320 })))
      .map(([whole, part, power]) => `${whole}${part === null ? "" : `.${part}`}${power === null ? "" : `e${power}`}`);
    await fc.assert(
      fc.asyncProperty(number, async (text) => {
        expect(await resultOf(await boundSql(text))).toEqual(await resultOf(text));
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});

describe("what fails whatever the row holds is refused, at the part that fails", () => {
  const faultOf = async (text: string) => {
    const message = await boundSql(text).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    return message;
  };

  test.each([
    ["x = 'abc'", "Could not convert string 'abc' to FLOAT"],
    ["n > 0 AND x = 'abc'", "Could not convert string 'abc' to FLOAT"],
    ["CASE WHEN n > 0 THEN x = 'abc' ELSE NULL END", "Could not convert string 'abc' to FLOAT"],
    ["x IN ('1', 'b')", "Could not convert string 'b' to FLOAT"],
    ["make_timestamp(n) > '2024-13-01'", "timestamp field value out of range"],
    ["regexp_matches(CAST(x AS VARCHAR), '(')", "missing )"],
    ["coalesce(n, 'none')", "Could not convert string 'none' to INT64"],
    ["CASE WHEN x > 1 THEN sqrt(-1) END > x", "square root"],
  ])("%s", async (text, says) => {
    expect(await faultOf(text)).toContain(says);
  });

  test.each([
    "x = '1.5'",
    "n = 1.5",
    "TRY(CAST('abc' AS DOUBLE)) IS NULL",
    "TRY_CAST('abc' AS DOUBLE) IS NULL",
    "CAST(CAST(n AS VARCHAR) AS DOUBLE) > 1",
    "list_filter([1, 2], lambda v: v > n) = []",
    "{'a': x, 'b': 1e0}.a > 1",
  ])("%s is none of them", async (text) => {
    expect(await faultOf(text)).toBeUndefined();
  });
});
