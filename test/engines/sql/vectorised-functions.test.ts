import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScalarDType } from "#daedalus/columnar/dtypes.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { keepLastPositions, registerVectorisedFunctions } from "#daedalus/engines/sql/vectorised-functions.js";

let session: SqlSession;
beforeAll(async () => {
  session = await SqlSession.open({ threads: "2" });
  registerVectorisedFunctions(session.connection);
});
afterAll(() => session.close());

async function value(sql: string): Promise<unknown> {
  const [row] = await session.query(`SELECT CAST(${sql} AS VARCHAR) AS v`);
  return row?.["v"];
}

describe("each distinct value is kept at its latest occurrence", () => {
  const long = "a text of more than twelve bytes";
  test.each<[ScalarDType, string, string]>([
    ["BIGINT", "[1, 2, 1, 3, 2]::BIGINT[]", "[1, 3, 2]"],
    [
      "BIGINT",
      "[9007199254740993, 9007199254740992, 9007199254740993]::BIGINT[]",
      "[9007199254740992, 9007199254740993]",
    ],
    ["INTEGER", "[-1, 1, -1]::INTEGER[]", "[1, -1]"],
    ["SMALLINT", "[5, 5]::SMALLINT[]", "[5]"],
    ["TINYINT", "[-5, 5, -5]::TINYINT[]", "[5, -5]"],
    ["BOOLEAN", "[true, false, true]", "[false, true]"],
    ["DOUBLE", "[0.0, 1.5, '-0.0'::DOUBLE, 'nan'::DOUBLE, 'nan'::DOUBLE]::DOUBLE[]", "[1.5, -0.0, nan]"],
    ["FLOAT", "[0.1, 0.1, 0.2]::FLOAT[]", "[0.1, 0.2]"],
    ["TEXT", `['${long}', 'b', '${long}', '']`, `[b, '${long}', '']`],
    ["DATE", "[DATE '2020-01-01', DATE '1960-01-01', DATE '2020-01-01']", "[1960-01-01, 2020-01-01]"],
    ["TIMESTAMP", "[TIMESTAMP '2020-01-01', TIMESTAMP '2020-01-01']", "['2020-01-01 00:00:00']"],
    ["BIGINT", "[]::BIGINT[]", "[]"],
  ])("%s %s", async (dtype, list, expected) => {
    const kept = await value(`list_select(${list}, ${keepLastPositions(list, dtype)})`);
    expect(String(kept).replaceAll("'", "")).toBe(expected.replaceAll("'", ""));
  });

  test("over many rows, slices and filtered lists, as many values as list_distinct finds", async () => {
    const lists = `SELECT list_filter(list_slice(l, 2 + g % 5, 40), lambda x: x <> 3) AS l FROM (SELECT g, list((hash(i) % 20)::BIGINT ORDER BY i) AS l FROM (SELECT i, i // 50 AS g FROM range(300000) r(i)) GROUP BY g)`;
    const [row] = await session.query(
      `SELECT count(*) FILTER (WHERE len(list_select(l, ${keepLastPositions("l", "BIGINT")})) <> len(list_distinct(l))) AS bad, count(*) AS n FROM (${lists})`,
    );
    expect(row).toEqual({ bad: 0n, n: 6000n });
  });
});

describe("exact sums of lists", () => {
  test("rows that SQL masks out do not disturb the others", async () => {
    const rows = await session.query(
      "SELECT CASE WHEN i % 2 = 0 THEN daedalus_exact_sum([1e16, i, -1e16]) END AS s FROM range(5) r(i)",
    );
    expect(rows.map((row) => row["s"])).toEqual([0, null, 2, null, 4]);
  });
  test("a constant argument", async () => {
    expect(await value("daedalus_exact_sum([0.1, 0.2, 0.3]::DOUBLE[])")).toBe("0.6");
  });
});

test("an exact quotient is rounded once", async () => {
  expect(await value("daedalus_exact_quotient(1, 1, 3)")).toBe(String(4 / 3));
  expect(await value("daedalus_exact_quotient(9007199254740993, 0, 1)")).toBe("9007199254740992.0");
});
