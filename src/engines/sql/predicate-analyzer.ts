import type { DType } from "../../columnar/dtypes.js";
import type {
  BindRequest,
  BoundExpression,
  ColumnMention,
  ExpressionFault,
  ParsedExpression,
  PredicateAnalyzer,
} from "../../compiler/ports.js";
import { failureOverNulls } from "./expression-trial.js";
import { type Functions, functionsOf, mayChange } from "./functions.js";
import type { SqlSession } from "./session.js";
import {
  castDoubles,
  expressionTexts,
  isTree,
  type Json,
  locationOf,
  onlyExpression,
  parseTree,
  type Tree,
} from "./syntax-tree.js";
import { identifier, text as quoted } from "./text.js";

/** Text before the expression in the statement that is parsed; a line of its own, so that a comment ends with its line. */
const PREFIX = "SELECT (\n";

/** Parses with DuckDB's own parser and binds with its own binder; no row is read. */
export function openPredicateAnalyzer(session: SqlSession): PredicateAnalyzer {
  return {
    parse: async (texts) => {
      if (texts.length === 0) return [];
      const catalogue = await functionsOf(session);
      const statements = texts.map((text) => `${PREFIX}${text}\n)`);
      // What closes the parenthesis and opens another is one expression only between the two.
      const bare = texts.map((text) => `SELECT\n${text}\n`);
      const trees = await serialize(session, [...statements, ...bare]);
      return texts.map((text, index) => {
        const isSplit = trees[index]?.["error"] !== true && trees[index + texts.length]?.["error"] === true;
        return readExpression(text, isSplit ? {} : (trees[index] ?? {}), catalogue);
      });
    },
    bind: async (requests) => (requests.length === 0 ? [] : bind(session, requests)),
  };
}

async function serialize(session: SqlSession, statements: readonly string[]): Promise<readonly Tree[]> {
  const rows = await session.query(
    `SELECT json_serialize_sql(statement) AS tree FROM (VALUES ${statements
      .map((statement, index) => `(${index}, ${quoted(statement)})`)
      .join(", ")}) AS given(position, statement) ORDER BY position ASC NULLS FIRST`,
  );
  return rows.map(({ tree }) => parseTree(String(tree)));
}

function readExpression(text: string, json: Tree, functions: Functions): ParsedExpression {
  const refused = (fault: ExpressionFault): ParsedExpression => ({ ok: false, text, fault });
  const offsets = characterOffsets(text);
  if (json["error"] === true) {
    const offset = json["error_type"] === "parser" ? offsets(Number(json["position"])) : undefined;
    const message = String(json["error_message"] ?? "not SQL").split("\n")[0] ?? "";
    return refused({ kind: "syntax", message, ...(offset === undefined ? {} : { offset }) });
  }
  const expression = onlyExpression(json);
  if (expression === undefined) return refused({ kind: "refused", message: "anything but one expression" });

  const columns: ColumnMention[] = [];
  let fault: ExpressionFault | undefined;
  const refuse = (message: string, node: Tree) => {
    const offset = offsets(locationOf(node));
    fault ??= { kind: "refused", message, ...(offset === undefined ? {} : { offset }) };
  };
  visit(expression, new Set(), {
    column: (node, parts) => {
      const offset = offsets(locationOf(node));
      columns.push({ parts, ...(offset === undefined ? {} : { offset }) });
    },
    other: (node) => {
      const kind = node["class"];
      if (kind === "SUBQUERY") refuse("a subquery", node);
      else if (kind === "WINDOW") refuse("a window function", node);
      else if (kind === "STAR") refuse("a star", node);
      else if (kind === "PARAMETER") refuse("a parameter", node);
      else if (kind === "FUNCTION") {
        const why = refusalOf(node, functions);
        if (why !== undefined) refuse(why, node);
      }
    },
  });
  return fault === undefined ? { ok: true, text, columns, tree: json } : refused(fault);
}

/** Why a function may not be called; undefined if it may, or if it does not exist (the binder says that better). */
function refusalOf(node: Tree, functions: Functions): string | undefined {
  const name = String(node["function_name"]).toLowerCase();
  const schema = String(node["schema"] ?? "");
  if (schema !== "" && schema !== "main" && schema !== "pg_catalog")
    return `the method call ${schema}.${name}(): write ${name}(${schema})`;
  if (name === "unnest" || name === "generate_subscripts") return `${name}(), which makes several rows`;
  if (functions.aggregates.has(name) || name === "count_star") return `the aggregate ${name}()`;
  return mayChange(name, functions) ? `${name}(), whose value may change between two calls,` : undefined;
}

interface Visitor {
  readonly column: (node: Tree, parts: readonly string[]) => void;
  readonly other: (node: Tree) => void;
}

/** Walks an expression in the order of the text; names that a lambda binds are no columns. */
function visit(node: Json, bound: ReadonlySet<string>, visitor: Visitor): void {
  if (Array.isArray(node)) {
    for (const entry of node) visit(entry, bound, visitor);
    return;
  }
  if (!isTree(node)) return;
  if (node["class"] === "COLUMN_REF") {
    const parts = partsOf(node);
    if (parts[0] === undefined || !bound.has(parts[0])) visitor.column(node, parts);
    return;
  }
  if (node["class"] === "LAMBDA") {
    const inner = new Set(bound);
    visit(node["lhs"] ?? null, new Set(), { column: (_, parts) => inner.add(parts[0] ?? ""), other: () => {} });
    visit(node["expr"] ?? null, inner, visitor);
    return;
  }
  if (typeof node["class"] === "string") visitor.other(node);
  for (const value of Object.values(node)) visit(value, bound, visitor);
}

function partsOf(node: Tree): readonly string[] {
  const names = node["column_names"];
  return Array.isArray(names) ? names.map(String) : [];
}

/** DuckDB counts bytes of the statement; excerpts count characters of the text. */
function characterOffsets(text: string): (location: number) => number | undefined {
  const bytes = Buffer.from(text, "utf8");
  return (location) => {
    const offset = location - PREFIX.length;
    return Number.isInteger(offset) && offset >= 0 && offset <= bytes.length
      ? bytes.subarray(0, offset).toString("utf8").length
      : undefined;
  };
}

async function bind(session: SqlSession, requests: readonly BindRequest[]): Promise<readonly BoundExpression[]> {
  const trees = requests.map(({ expression, names }) => {
    const tree = structuredClone(expression.tree) as Tree; // made by `parse` above
    visit(onlyExpression(tree) ?? null, new Set(), {
      column: (node, parts) => {
        const column = names.get(parts.join("."));
        if (column !== undefined) node["column_names"] = [column.name];
      },
      other: () => {},
    });
    castDoubles(tree);
    return tree;
  });
  const sqls = await expressionTexts(session, trees);
  const columns = new Map<string, DType>();
  for (const { names } of requests) for (const { name, dtype } of names.values()) columns.set(name, dtype);
  const types = await describe(session, sqls, columns);
  return Promise.all(
    requests.map(async ({ expression, constant }, index): Promise<BoundExpression> => {
      const sql = sqls[index] ?? "";
      const type = types[index];
      if (type === undefined || typeof type !== "string")
        return { ok: false, fault: type ?? { kind: "binding", message: "cannot be bound" } };
      const failed = constant === undefined ? await failureOverNulls(session, trees[index], columns) : undefined;
      if (failed !== undefined) {
        const offset = characterOffsets(expression.text)(failed.location);
        const { message } = bindingFault(failed.cause);
        return { ok: false, fault: { kind: "evaluation", message, ...(offset === undefined ? {} : { offset }) } };
      }
      const value = onlyExpression(expression.tree as Tree)?.["value"]; // the tree of `parse` above
      const isNull = isTree(value) && value["is_null"] === true;
      const valueFault = constant === undefined ? undefined : await faultOfConstant(session, sql, constant);
      return { ok: true, sql, type, isNull, ...(valueFault === undefined ? {} : { valueFault }) };
    }),
  );
}

/** The types of the expressions over a row of the columns; all in one query, one by one only if that fails. */
async function describe(
  session: SqlSession,
  sqls: readonly string[],
  columns: ReadonlyMap<string, DType>,
): Promise<readonly (string | ExpressionFault)[]> {
  const row = [...columns].map(([name, dtype]) => `CAST(NULL AS ${dtype}) AS ${identifier(name)}`).join(", ");
  const over = (expressions: readonly string[]) =>
    `DESCRIBE SELECT ${expressions.map((sql, index) => `(${sql}) AS e${index}`).join(", ")} FROM (SELECT ${row === "" ? "1 AS one" : row})`;
  try {
    return (await session.query(over(sqls))).map(({ column_type }) => String(column_type));
  } catch (cause) {
    if (sqls.length === 1) return [bindingFault(cause)];
    const each: (string | ExpressionFault)[] = [];
    for (const sql of sqls) each.push(...(await describe(session, [sql], columns)));
    return each;
  }
}

function bindingFault(cause: unknown): ExpressionFault {
  const lines = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  const nearest = /Did you mean "([^"]+)"/.exec(lines.join("\n"))?.[1];
  const message = (lines[0] ?? "").replace(/^\w+ Error: /, "");
  return { kind: "binding", message, ...(nearest === undefined ? {} : { nearest }) };
}

async function faultOfConstant(session: SqlSession, sql: string, dtype: DType): Promise<string | undefined> {
  try {
    await session.query(`SELECT CAST((${sql}) AS ${dtype}) AS value`);
    return undefined;
  } catch (cause) {
    return bindingFault(cause).message;
  }
}
