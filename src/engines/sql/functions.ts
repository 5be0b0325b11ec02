import type { SqlSession } from "./session.js";

/** What DuckDB says of its functions: which are aggregates, which scalar ones always give the same. */
export interface Functions {
  readonly consistent: ReadonlySet<string>;
  readonly aggregates: ReadonlySet<string>;
  readonly macros: ReadonlySet<string>;
}

/** Consistent by DuckDB's word only: they read settings, the environment or the clock. */
const NOT_CONSISTENT = new Set([
  "current_setting",
  "getenv",
  "getvariable",
  "version",
  "pragma_version",
  "read_text",
  "read_blob",
  "query",
  "query_table",
]);
/** Names that stand for the clock or the session where no column has them. */
const CLOCK = /^(current_.*|localtime|localtimestamp|now|today|user|session_user)$/;
/** Macros over one row; others read the catalogue or the clock, or are aggregates. */
const ROW_MACROS =
  /^(list_.*|array_.*|nullif|split_part|fmod|fdiv|round_even|roundbankers|date_add|days_in_month|map_contains_.*|md5_number_.*|json)$/;

/** Scalar functions that DuckDB itself marks as changing; named so that a misspelt function is not called one of them. */
const VOLATILE = new Set(
  (
    "random uuid gen_random_uuid uuidv4 uuidv7 setseed sleep_ms error stats write_log nextval currval txid_current " +
    "get_current_time get_current_timestamp transaction_timestamp in_search_path"
  ).split(" "),
);

const known = new WeakMap<SqlSession, Promise<Functions>>();

export function functionsOf(session: SqlSession): Promise<Functions> {
  const functions = known.get(session) ?? readFunctions(session);
  known.set(session, functions);
  return functions;
}

/** True if a scalar function or macro may give another value between two calls; false for one that does not exist. */
export function mayChange(name: string, functions: Functions): boolean {
  if (functions.consistent.has(name) || (functions.macros.has(name) && ROW_MACROS.test(name))) return false;
  return functions.macros.has(name) || NOT_CONSISTENT.has(name) || CLOCK.test(name) || VOLATILE.has(name);
}

async function readFunctions(session: SqlSession): Promise<Functions> {
  const rows = await session.query(
    "SELECT function_name AS name, function_type AS type, bool_and(stability IS NOT DISTINCT FROM 'CONSISTENT') AS consistent " +
      "FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro') GROUP BY ALL",
  );
  const consistent = new Set<string>();
  const aggregates = new Set<string>();
  const macros = new Set<string>();
  for (const { name, type, consistent: always } of rows) {
    if (typeof name !== "string") continue;
    if (type === "aggregate") aggregates.add(name);
    else if (type === "macro") macros.add(name);
    else if (always === true && !NOT_CONSISTENT.has(name) && !CLOCK.test(name)) consistent.add(name);
  }
  return { consistent, aggregates, macros };
}
