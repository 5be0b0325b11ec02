import type { SqlSession } from "./session.js";
import { text } from "./text.js";

/** DuckDB's own syntax tree of a statement, as `json_serialize_sql` writes it. */
export type Tree = { [key: string]: Json };
export type Json = null | boolean | number | string | Json[] | Tree;

const TOKENS = /"(?:[^"\\]|\\.)*"|-?(?:Infinity|NaN|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/g;

/**
 * The tree of the JSON. A number whose digits or form a JavaScript number would lose (`1000.0` is a DOUBLE to DuckDB, `1000`
 * is none; integers beyond 2^53; Infinity) is kept as `{"$number": "1000.0"}`.
 */
export function parseTree(json: string): Tree {
  const exact = json.replace(TOKENS, (token) =>
    token.startsWith('"') || JSON.stringify(Number(token)) === token ? token : `{"$number":"${token}"}`,
  );
  return JSON.parse(exact) as Tree; // what json_serialize_sql writes is an object
}

/** The JSON that `parseTree` read, to the letter. */
export function printTree(tree: Tree): string {
  // Inside a text of the user's the quotes would be escaped.
  return JSON.stringify(tree).replace(/\{"\$number":"([^"]*)"\}/g, "$1");
}

export function isTree(value: Json | undefined): value is Tree {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/**
 * Constants of type DOUBLE as casts of their text: printed as SQL, `1e3` would become `1000.0`, which is a DECIMAL, and
 * compares differently with a FLOAT or a large integer. Changes the tree.
 */
export function castDoubles(node: Json): void {
  if (Array.isArray(node)) for (const entry of node) castDoubles(entry);
  if (!isTree(node)) return;
  const { value } = node;
  const type = isTree(value) ? value["type"] : undefined;
  if (node["class"] !== "CONSTANT" || !isTree(value) || !isTree(type) || type["id"] !== "DOUBLE") {
    for (const entry of Object.values(node)) castDoubles(entry);
    return;
  }
  if (value["is_null"] === true) return;
  const number = value["value"] ?? null;
  const text = isTree(number) ? String(number["$number"]) : String(number);
  const child = {
    ...node,
    alias: "",
    value: { type: { id: "VARCHAR", type_info: null }, is_null: false, value: text },
  };
  delete node["value"];
  Object.assign(node, { class: "CAST", type: "OPERATOR_CAST", child, cast_type: type, try_cast: false });
}

/** The one expression of `SELECT (…)`; undefined if the text broke out of the parentheses. */
export function onlyExpression(json: Tree): Tree | undefined {
  const statements = json["statements"];
  if (!Array.isArray(statements) || statements.length !== 1 || !isTree(statements[0])) return undefined;
  const node = statements[0]["node"];
  if (node === undefined || !isTree(node) || node["type"] !== "SELECT_NODE") return undefined;
  const list = node["select_list"];
  const from = node["from_table"];
  const rest = ["where_clause", "having", "sample", "qualify"].every((key) => node[key] === null);
  const empty = ["modifiers", "group_expressions", "group_sets"].every((key) => {
    const value = node[key];
    return Array.isArray(value) && value.length === 0;
  });
  if (!Array.isArray(list) || list.length !== 1 || !isTree(list[0]) || !rest || !empty) return undefined;
  return from !== undefined && isTree(from) && from["type"] === "EMPTY" ? list[0] : undefined;
}

/** Where a part stands in the statement, in bytes; NaN if the parser does not say. */
export function locationOf(node: Tree): number {
  return typeof node["query_location"] === "number" ? node["query_location"] : Number.NaN;
}

/** The expressions of statements `SELECT …`, as SQL. */
export async function expressionTexts(session: SqlSession, trees: readonly Tree[]): Promise<readonly string[]> {
  const rows = await session.query(
    `SELECT json_deserialize_sql(tree) AS statement FROM (VALUES ${trees
      .map((tree, index) => `(${index}, ${text(printTree(tree))}::JSON)`)
      .join(", ")}) AS given(position, tree) ORDER BY position ASC NULLS FIRST`,
  );
  return rows.map(({ statement }) =>
    String(statement)
      .replace(/^SELECT\s+/, "")
      .replace(/;\s*$/, ""),
  );
}
