import { type Vector, vectorFromArray } from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DType, SCALAR_DTYPES } from "#daedalus/columnar/dtypes.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { registerUserFunctions } from "#daedalus/engines/sql/user-functions.js";
import { valuesOf, vectorOf } from "#daedalus/trace/arrow-values.js";
import type { Value } from "#daedalus/trace/values.js";

// What goes to a user's function and comes back, of every dtype: through DuckDB's vectors, and as the interpreter has it.

const DTYPES: readonly DType[] = SCALAR_DTYPES.flatMap((dtype): readonly DType[] => [dtype, `${dtype}[]`]);

/** Edges of each dtype, as SQL and as the interpreter's values. */
const EDGES: Readonly<Record<(typeof SCALAR_DTYPES)[number], readonly (readonly [sql: string, value: Value])[]>> = {
  BOOLEAN: [
    ["true", true],
    ["false", false],
  ],
  TINYINT: [
    ["(-128)", -128n],
    ["127", 127n],
  ],
  SMALLINT: [
    ["(-32768)", -32768n],
    ["32767", 32767n],
  ],
  INTEGER: [
    ["(-2147483648)", -(2n ** 31n)],
    ["7", 7n],
  ],
  BIGINT: [
    ["(-9223372036854775808)", -(2n ** 63n)],
    ["9007199254740993", 9007199254740993n],
  ],
  FLOAT: [
    ["1.5", 1.5],
    ["'-0.0'", -0],
    ["'nan'", Number.NaN],
  ],
  DOUBLE: [
    ["0.1", 0.1],
    ["'-inf'", -Infinity],
  ],
  TEXT: [
    ["''", ""],
    ["'twelve bytes'", "twelve bytes"],
    ["'longer than twelve bytes: é\u2028'", "longer than twelve bytes: é\u2028"],
  ],
  DATE: [
    ["'1969-12-31'", -1n],
    ["'2024-02-29'", 19782n],
  ],
  TIMESTAMP: [
    ["'1969-12-31 23:59:59.999999'", -1n],
    ["'2024-02-29 12:00:00.000001'", 1709208000000001n],
  ],
};

function cases(dtype: DType): readonly (readonly [sql: string, value: Value])[] {
  const element = dtype.replace("[]", "") as (typeof SCALAR_DTYPES)[number];
  const edges = EDGES[element];
  if (element === dtype)
    return [...edges.map(([sql, value]) => [`CAST(${sql} AS ${dtype})`, value] as const), ["NULL", null]];
  const all = edges.map(([sql]) => `CAST(${sql} AS ${element})`).join(", ");
  const values = edges.map(([, value]) => value);
  return [
    [`[${all}]`, values],
    [`[NULL, ${all}, NULL]`, [null, ...values, null]],
    ["[]", []],
    ["[NULL]", [null]],
    ["NULL", null],
  ];
}

let session: SqlSession;
/** What the function was called with last, copied while it may be looked at. */
let seen: Value[];
beforeAll(async () => {
  session = await SqlSession.open();
  const identity = (dtype: DType) => ({
    arguments: [dtype],
    returns: dtype,
    compute: (columns: readonly Vector[]) => {
      const [column] = columns;
      if (column === undefined) throw new RangeError("no column");
      seen.push(...valuesOf(column, dtype));
      return column;
    },
  });
  registerUserFunctions(
    session,
    new Map(DTYPES.map((dtype) => [dtype.toLowerCase().replace("[]", "_list"), identity(dtype)])),
  );
});
afterAll(() => session.close());

test.each(DTYPES)("%s goes through DuckDB and back as it is", async (dtype) => {
  const own = cases(dtype);
  const called = `daedalus_udf_${dtype.toLowerCase().replace("[]", "_list")}`;
  const sqlType = dtype.replace("TEXT", "VARCHAR");
  const values = own.map(([sql], place) => `(${place}, CAST(${sql} AS ${sqlType}))`).join(", ");
  // Many times over, and in two orders: lists of one vector then lie in any order in their elements.
  for (const order of ["n ASC NULLS FIRST, x ASC NULLS FIRST", "x DESC NULLS LAST, n ASC NULLS FIRST"]) {
    seen = [];
    const rows = await session.query(
      `SELECT x, ${called}(v) IS NOT DISTINCT FROM v AS same, CAST(${called}(v) AS VARCHAR) IS NOT DISTINCT FROM CAST(v AS VARCHAR) AS shown` +
        ` FROM (SELECT * FROM (VALUES ${values}) t(x, v), range(900) r(n) ORDER BY ${order})`,
    );
    expect(rows).toHaveLength(own.length * 900);
    expect(rows.filter(({ same, shown }) => same !== true || shown !== true)).toEqual([]);
    const expected = rows.map(({ x }) => own[Number(x)]?.[1]);
    expect(seen.slice(0, own.length)).toEqual(expected.slice(0, own.length));
  }
});

test.each(DTYPES)("%s of the interpreter makes the same vector", (dtype) => {
  const values = cases(dtype).map(([, value]) => value);
  expect(valuesOf(vectorOf(values, dtype), dtype)).toEqual(values);
  expect(valuesOf(vectorOf([], dtype), dtype)).toEqual([]);
});

test("a dictionary of texts is TEXT too", () => {
  expect(valuesOf(vectorFromArray(["a", null, "b", "a"]), "TEXT")).toEqual(["a", null, "b", "a"]);
});
