import { type DType, elementOf, isFloat, isInteger, isList, type ScalarDType } from "../columnar/dtypes.js";
import type { TimeUnit } from "../columnar/instants.js";
import type { SqlSession } from "../engines/sql/session.js";
import { parseType } from "./types.js";

/**
 * Casts that fail closed: a value that the dtype cannot hold fails the query. DuckDB's own casts round 1.5 to 2, take 1e39 as
 * an infinite FLOAT, drop the offset of a timestamp and the sign of a floor; these do not.
 * A failure is a failing CAST and never `error()`: that is volatile, which TRY (diagnosis) and pushdown do not allow.
 */
const NUMBER = String.raw`[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?`;
const EXPONENT_FORM = String.raw`[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,4}`;
const TIMESTAMP = String.raw`[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?`;
const SPECIAL_FLOATS = "('nan', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity')";

const textFloat = (dtype: "FLOAT" | "DOUBLE") => `
  CASE WHEN regexp_full_match(x, '${NUMBER}')
       THEN CASE WHEN isinf(CAST(x AS ${dtype})) THEN CAST('out of range: ' || x AS ${dtype}) ELSE CAST(x AS ${dtype}) END
       WHEN lower(x) IN ${SPECIAL_FLOATS} THEN CAST(x AS ${dtype})
       ELSE CAST('not a number: ' || x AS ${dtype}) END`;

const MACROS: readonly (readonly [signature: string, body: string])[] = [
  [
    "daedalus_digits(x)",
    String.raw`ltrim(regexp_extract(x, '^[+-]?([0-9]*)', 1) || regexp_extract(x, '\.([0-9]*)', 1), '0')`,
  ],
  [
    "daedalus_shift(x)",
    String.raw`CAST(regexp_extract(x, '[eE]([+-]?[0-9]+)$', 1) AS INTEGER) - length(regexp_extract(x, '\.([0-9]*)', 1))`,
  ],
  [
    // The integer that `1e3`, `1.50e1`, `100e-2` spell exactly, as digits; else a text that no integer cast takes.
    "daedalus_exponent_integer(x)",
    `CASE WHEN daedalus_digits(x) = '' THEN '0'
          WHEN daedalus_shift(x) BETWEEN 0 AND 40
          THEN CASE WHEN x[1] = '-' THEN '-' ELSE '' END || daedalus_digits(x) || repeat('0', CAST(daedalus_shift(x) AS BIGINT))
          WHEN daedalus_shift(x) < 0 AND length(daedalus_digits(x)) > -daedalus_shift(x)
               AND ltrim(right(daedalus_digits(x), CAST(-daedalus_shift(x) AS BIGINT)), '0') = ''
          THEN CASE WHEN x[1] = '-' THEN '-' ELSE '' END
               || left(daedalus_digits(x), CAST(length(daedalus_digits(x)) + daedalus_shift(x) AS BIGINT))
          ELSE 'not an integer: ' || x END`,
  ],
  [
    "daedalus_text_integer(x)",
    String.raw`CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN x
          WHEN regexp_full_match(x, '[+-]?[0-9]+\.0*') THEN split_part(x, '.', 1)
          WHEN regexp_full_match(x, '${EXPONENT_FORM}') THEN daedalus_exponent_integer(x)
          ELSE 'not an integer: ' || x END`,
  ],
  ["daedalus_text_float(x)", textFloat("FLOAT")],
  ["daedalus_text_double(x)", textFloat("DOUBLE")],
  [
    "daedalus_text_boolean(x)",
    `CASE WHEN lower(x) IN ('true', 't', '1') THEN TRUE WHEN lower(x) IN ('false', 'f', '0') THEN FALSE
          ELSE CAST('not a boolean: ' || x AS BOOLEAN) END`,
  ],
  [
    "daedalus_text_date(x)",
    `CASE WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN CAST(x AS DATE)
          ELSE CAST('not a date: ' || x AS DATE) END`,
  ],
  [
    // Seconds of the offset that ends the text: `+02:30`, `-0800`, `+01`.
    "daedalus_offset_seconds(x)",
    `CASE WHEN regexp_matches(x, '[0-9][+-][0-9]{2}:?([0-9]{2})?$') AND length(x) > 16
          THEN CASE WHEN CAST(regexp_extract(x, '[+-]([0-9]{2}):?([0-9]{2})?$', 1) AS BIGINT) > 23
                      OR CAST('0' || regexp_extract(x, '[+-]([0-9]{2}):?([0-9]{2})?$', 2) AS BIGINT) > 59
                    THEN CAST('not an offset: ' || x AS BIGINT)
               ELSE (CASE WHEN regexp_matches(x, '-[0-9]{2}:?([0-9]{2})?$') THEN -1 ELSE 1 END)
                    * (CAST(regexp_extract(x, '[+-]([0-9]{2}):?([0-9]{2})?$', 1) AS BIGINT) * 3600
                       + CAST('0' || regexp_extract(x, '[+-]([0-9]{2}):?([0-9]{2})?$', 2) AS BIGINT) * 60) END
          ELSE 0 END`,
  ],
  [
    // Digits of a fraction beyond microseconds are cut off: the floor, since a fraction adds to its second before 1970 too.
    "daedalus_text_timestamp(x)",
    String.raw`CASE WHEN NOT regexp_full_match(x, '${TIMESTAMP}') THEN CAST('not a timestamp: ' || x AS TIMESTAMP)
          WHEN length(x) = 10 THEN CAST(x || ' 00:00:00' AS TIMESTAMP)
          ELSE CAST(left(x, 10) || ' ' || substr(x, 12, 5)
                    || coalesce(nullif(regexp_extract(substr(x, 17), '^:[0-9]{2}(\.[0-9]{1,6})?'), ''), ':00') AS TIMESTAMP)
               - to_seconds(daedalus_offset_seconds(x)) END`,
  ],
  [
    // Nanoseconds beyond the microseconds of `daedalus_text_timestamp`: they add to these, before 1970 too.
    "daedalus_text_nanos(x)",
    String.raw`CAST(rpad(regexp_extract(x, '\.[0-9]{6}([0-9]{1,3})', 1), 3, '0') AS BIGINT)`,
  ],
  [
    "daedalus_integral(x)",
    "CASE WHEN isfinite(x) AND x = trunc(x) THEN x ELSE CAST('not an integer: ' || CAST(x AS VARCHAR) AS DOUBLE) END",
  ],
  ["daedalus_floor_micros(x)", "(x // 1000) - CASE WHEN x % 1000 < 0 THEN 1 ELSE 0 END"],
  [
    "daedalus_micros(x)",
    "CASE WHEN isinf(x) THEN CAST('infinite: ' || CAST(x AS VARCHAR) AS BIGINT) ELSE epoch_us(CAST(x AS TIMESTAMP)) END",
  ],
  [
    "daedalus_finite(x)",
    "CASE WHEN isinf(x) THEN CAST('infinite: ' || CAST(x AS VARCHAR) AS TIMESTAMP) ELSE CAST(x AS TIMESTAMP) END",
  ],
  [
    "daedalus_nanos(x)",
    "CASE WHEN isinf(x) THEN CAST('infinite: ' || CAST(x AS VARCHAR) AS BIGINT) ELSE epoch_ns(x) END",
  ],
  [
    "daedalus_midnight(x)",
    "CASE WHEN CAST(CAST(x AS DATE) AS TIMESTAMP) = x THEN CAST(x AS DATE) ELSE CAST('not a date: ' || CAST(x AS VARCHAR) AS DATE) END",
  ],
];

const installed = new WeakMap<SqlSession, Promise<void>>();

/** Makes the macros that cast expressions call; once per session, and two callers at once wait for the same. */
export function installCasts(session: SqlSession): Promise<void> {
  const known = installed.get(session);
  if (known) return known;
  const statements = MACROS.map(([signature, body]) => `CREATE OR REPLACE MACRO ${signature} AS (${body})`);
  const done = statements.reduce((before, sql) => before.then(() => session.run(sql)), Promise.resolve());
  installed.set(session, done);
  return done;
}

/**
 * The SQL expression of a column of the DuckDB type as the dtype; `canRead` has accepted the pair. `expression` is a column
 * reference: it may appear several times. `text`: the column is text of a text source, whose lists are JSON arrays.
 */
export function castColumn(expression: string, type: string, dtype: DType): string {
  const source = parseType(type);
  if (source.list) {
    const element = elementOf(dtype);
    const cast = castScalar("e", source.scalar, element);
    const list = /\[\d+\]$/.test(type) ? `CAST(${expression} AS ${type.replace(/\[\d+\]$/, "[]")})` : expression;
    return cast === "e" ? list : `list_transform(${list}, lambda e: ${cast})`;
  }
  if (isList(dtype)) {
    const elements = `daedalus_json_array(${expression})`;
    const element = elementOf(dtype);
    return element === "TEXT" ? elements : `list_transform(${elements}, lambda e: ${castText("e", element)})`;
  }
  return castScalar(expression, source.scalar, elementOf(dtype));
}

function castScalar(x: string, type: string, dtype: ScalarDType): string {
  switch (type) {
    case "VARCHAR":
      return castText(x, dtype);
    case "ENUM":
    case "UUID":
      return `CAST(${x} AS VARCHAR)`;
    case "FLOAT":
    case "DOUBLE":
      return isInteger(dtype) ? `CAST(daedalus_integral(${x}) AS ${dtype})` : sameOr(x, type, dtype);
    case "DECIMAL":
      return castText(`CAST(${x} AS VARCHAR)`, dtype);
    case "HUGEINT":
    case "UHUGEINT":
    case "UBIGINT":
      return isFloat(dtype) ? `CAST(CAST(${x} AS VARCHAR) AS ${dtype})` : sameOr(x, type, dtype);
    case "DATE":
    case "TIMESTAMP":
    case "TIMESTAMP_S":
    case "TIMESTAMP_MS":
    case "TIMESTAMP_NS":
    case "TIMESTAMP WITH TIME ZONE":
      return castTime(x, type, dtype);
    default:
      return sameOr(x, type, dtype);
  }
}

function sameOr(x: string, type: string, dtype: ScalarDType): string {
  return type === dtype ? x : `CAST(${x} AS ${dtype === "TEXT" ? "VARCHAR" : dtype})`;
}

function castText(x: string, dtype: ScalarDType): string {
  if (dtype === "TEXT") return x;
  if (isInteger(dtype)) return `CAST(daedalus_text_integer(${x}) AS ${dtype})`;
  return `daedalus_text_${dtype.toLowerCase()}(${x})`;
}

function castTime(x: string, type: string, dtype: ScalarDType): string {
  const timestamp = type === "TIMESTAMP" ? x : zoneless(x, type);
  const checked =
    type === "TIMESTAMP_NS"
      ? `make_timestamp(daedalus_floor_micros(daedalus_nanos(${x})))`
      : `daedalus_finite(${timestamp})`;
  if (dtype === "TIMESTAMP") return checked;
  return type === "DATE" ? `CAST(${checked} AS DATE)` : `daedalus_midnight(${checked})`;
}

function zoneless(x: string, type: string): string {
  return type === "TIMESTAMP WITH TIME ZONE" ? `(${x} AT TIME ZONE 'UTC')` : x;
}

const TICKS_PER_UNIT: Readonly<Record<string, string>> = { s: "1000000", ms: "1000", us: "1", ns: "1" };

/** The SQL expression of a time column as BIGINT ticks: nanoseconds for the units `ns` and `timestamp_ns`, else microseconds. */
export function castInstant(expression: string, type: string, unit: TimeUnit): string {
  const { scalar } = parseType(type);
  if (unit === "date" || unit === "timestamp" || unit === "timestamp_ns") {
    const micros =
      scalar === "VARCHAR"
        ? `epoch_us(${unit === "date" ? "CAST(daedalus_text_date(" : "(daedalus_text_timestamp("}${expression})${unit === "date" ? " AS TIMESTAMP)" : ")"})`
        : `daedalus_micros(${zoneless(expression, scalar)})`;
    if (scalar === "TIMESTAMP_NS")
      return unit === "timestamp_ns"
        ? `daedalus_nanos(${expression})`
        : `daedalus_floor_micros(daedalus_nanos(${expression}))`;
    if (unit !== "timestamp_ns") return micros;
    return scalar === "VARCHAR" ? `(${micros} * 1000 + daedalus_text_nanos(${expression}))` : `(${micros} * 1000)`;
  }
  const ticks = TICKS_PER_UNIT[unit];
  const value = scalar === "BIGINT" ? expression : castScalar(expression, scalar, "BIGINT");
  return ticks === "1" ? value : `(${value} * ${ticks})`;
}
