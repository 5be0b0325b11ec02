import type { DType } from "../../columnar/dtypes.js";
import type { SqlSession } from "./session.js";
import { expressionTexts, isTree, type Json, locationOf, onlyExpression, type Tree } from "./syntax-tree.js";
import { identifier } from "./text.js";

/**
 * What fails whatever the row holds (a literal that is no value of the column's type, a pattern that is none), found by
 * evaluating the expression and each part of it over a row of NULLs: parts, since a row need not reach every branch.
 */
export async function failureOverNulls(
  session: SqlSession,
  tree: Tree | undefined,
  columns: ReadonlyMap<string, DType>,
): Promise<{ readonly cause: unknown; readonly location: number } | undefined> {
  const expression = tree && onlyExpression(tree);
  if (tree === undefined || expression === undefined) return undefined;
  const parts: Tree[] = [];
  collectParts(expression, parts);
  if (parts.length === 0) return undefined;
  const sqls = await expressionTexts(
    session,
    parts.map((part) => withExpression(tree, { ...part, alias: "" })),
  );
  // NULLs that the optimizer does not know: it would fold them, and evaluate nothing.
  const row = [...columns].map(
    ([name, dtype]) => `CASE WHEN random() < 2 THEN CAST(NULL AS ${dtype}) END AS ${identifier(name)}`,
  );
  const over = (wanted: readonly string[]) =>
    session.query(
      `SELECT ${wanted.map((sql) => `(${sql}) IS NULL`).join(", ")} FROM (SELECT ${row.length === 0 ? "1 AS one" : row.join(", ")})`,
    );
  try {
    await over(sqls);
    return undefined;
  } catch {
    for (const [index, sql] of sqls.entries()) {
      const cause: unknown = await over([sql]).then(
        () => undefined,
        (error: unknown) => error,
      );
      // A part that cannot stand alone says nothing of the whole.
      if (cause === undefined || (cause instanceof Error && NOT_BOUND.test(cause.message))) continue;
      return { cause, location: locationOf(parts[index] ?? {}) };
    }
    return undefined;
  }
}

const NOT_BOUND = /^(Binder|Catalog|Parser) Error/;

/** The parts of an expression that have a value of their own, inner ones first; not those that TRY guards, nor lambdas. */
function collectParts(node: Json, parts: Tree[]): void {
  if (Array.isArray(node)) for (const entry of node) collectParts(entry, parts);
  if (!isTree(node) || node["class"] === "LAMBDA") return;
  if (node["type"] !== "OPERATOR_TRY") for (const value of Object.values(node)) collectParts(value, parts);
  const { class: kind } = node;
  if (typeof kind === "string" && kind !== "COLUMN_REF" && kind !== "CONSTANT") parts.push(node);
}

/** The statement with another expression in the place of its own. */
function withExpression(tree: Tree, expression: Tree): Tree {
  const [statement] = tree["statements"] as [Tree]; // of a statement that `onlyExpression` has looked into
  const node = { ...(statement["node"] as Tree), select_list: [expression] };
  return { ...tree, statements: [{ ...statement, node }] };
}
