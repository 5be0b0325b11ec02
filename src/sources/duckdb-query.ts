import { type Functions, mayChange } from "../engines/sql/functions.js";
import { isTree, type Json, type Tree } from "../engines/sql/syntax-tree.js";

/** A table as a query names it, and where (in bytes of the statement). */
export interface NamedTable {
  readonly schema: string;
  readonly table: string;
  readonly place: number;
}

/** What a query reads; `refused`: the first thing that it may not use. */
export interface QueryReads {
  readonly tables: readonly NamedTable[];
  readonly refused?: string;
}

/** Table functions that read nothing. */
const MAKES_ROWS = new Set(["unnest", "range", "generate_series"]);
/** Macros over many rows that always give the same. */
const AGGREGATE_MACROS = /^(geomean|geometric_mean|wavg|weighted_avg|json_group_.*)$/;
/** The parser reads these as columns, the binder as the clock or the session. */
const CLOCK =
  /^(current_(date|time|timestamp|localtime|localtimestamp|user|role|schema|catalog|database)|localtime|localtimestamp|session_user)$/i;

/**
 * Looks through the tree of one SELECT: tables that it names (not its own WITH), and anything but tables and functions that
 * always give the same. What it reads must be what the source's identity tells of.
 */
export function readsOfQuery(statements: Json, functions: Functions): QueryReads {
  const tables: NamedTable[] = [];
  const refused: string[] = [];
  look(statements, new Set(), { tables, refuse: (what) => refused.push(what), functions });
  const [first] = refused;
  return { tables, ...(first === undefined ? {} : { refused: first }) };
}

interface Looking {
  readonly tables: NamedTable[];
  readonly refuse: (what: string) => void;
  readonly functions: Functions;
}

function look(node: Json, outer: ReadonlySet<string>, looking: Looking): void {
  if (Array.isArray(node)) {
    for (const entry of node) look(entry, outer, looking);
    return;
  }
  if (!isTree(node)) return;
  const own = namesOfWith(node);
  const names = own.length === 0 ? outer : new Set([...outer, ...own]);
  judge(node, names, looking);
  for (const value of Object.values(node)) look(value, names, looking);
}

function judge(node: Tree, names: ReadonlySet<string>, { tables, refuse, functions }: Looking): void {
  if (isTree(node["sample"])) refuse("a sample");
  switch (node["type"]) {
    case "BASE_TABLE": {
      const [catalog, schema, table] = ["catalog_name", "schema_name", "table_name"].map((key) =>
        String(node[key] ?? ""),
      );
      if (catalog !== "") refuse(`the table ${catalog}.${schema}.${table} of another database`);
      else if (schema === "" && names.has((table ?? "").toLowerCase())) return;
      else tables.push({ schema: schema ?? "", table: table ?? "", place: Number(node["query_location"]) });
      return;
    }
    case "TABLE_FUNCTION": {
      const called = isTree(node["function"]) ? String(node["function"]["function_name"]).toLowerCase() : "";
      if (!MAKES_ROWS.has(called)) refuse(`${called}(), which reads something else,`);
      return;
    }
    case "SHOW_REF":
      refuse("DESCRIBE, SUMMARIZE or SHOW");
      return;
  }
  switch (node["class"]) {
    case "PARAMETER":
      refuse("a parameter");
      return;
    case "FUNCTION": {
      const called = String(node["function_name"]).toLowerCase();
      const changes = mayChange(called, functions) && !AGGREGATE_MACROS.test(called);
      if (changes || called === "reservoir_quantile") refuse(`${called}(), whose value may change between two calls,`);
      return;
    }
    case "COLUMN_REF": {
      const parts = node["column_names"];
      const [only, ...more] = Array.isArray(parts) ? parts.map(String) : [];
      if (only !== undefined && more.length === 0 && CLOCK.test(only))
        refuse(`${only}, whose value may change between two calls,`);
      return;
    }
  }
}

function namesOfWith(node: Tree): readonly string[] {
  const map = isTree(node["cte_map"]) ? node["cte_map"]["map"] : undefined;
  return Array.isArray(map) ? map.flatMap((entry) => (isTree(entry) ? [String(entry["key"]).toLowerCase()] : [])) : [];
}
