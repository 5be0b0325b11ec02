import { expect, test } from "vitest";
import { prettySql } from "#daedalus/compiler/explain/pretty-sql.js";

test("sub-queries are indented, clauses begin lines, arguments stay in theirs", () => {
  expect(
    prettySql(
      "CREATE TEMP TABLE t AS\n  SELECT a, list(b ORDER BY c) FROM (SELECT * FROM x WHERE (a > 1)) o LEFT JOIN y ON o.a = y.a ASOF LEFT JOIN z ON z.t < y.t UNION ALL SELECT 0, NULL",
    ),
  ).toBe(
    [
      "CREATE TEMP TABLE t AS SELECT a, list(b ORDER BY c)",
      "FROM (",
      "  SELECT *",
      "  FROM x",
      "  WHERE (a > 1)",
      ") o",
      "LEFT JOIN y ON o.a = y.a",
      "ASOF LEFT JOIN z ON z.t < y.t",
      "UNION ALL SELECT 0, NULL",
    ].join("\n"),
  );
});

test("what stands in strings and quoted names is no SQL", () => {
  expect(prettySql(`SELECT 'it''s FROM (SELECT', "a "" FROM b" FROM t`)).toBe(
    `SELECT 'it''s FROM (SELECT', "a "" FROM b"\nFROM t`,
  );
});

test("long lists are broken at commas, and nothing but blanks is changed", () => {
  const sql = `SELECT ${Array.from({ length: 60 }, (_, index) => `"column ${index}"`).join(", ")} FROM t`;
  const pretty = prettySql(sql);
  expect(Math.max(...pretty.split("\n").map((line) => line.length))).toBeLessThan(120);
  expect(pretty.replaceAll(/\s+/g, " ")).toBe(sql);
});
