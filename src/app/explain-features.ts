import { tmpdir } from "node:os";
import { join } from "node:path";
import { isoMicros } from "../columnar/instants.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { featureRunProblem } from "../errors/formula.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError } from "../errors/problem.js";
import { OpenTable } from "../feature-runs/run-table.js";
import type { CompiledFeatures } from "../formulas/features/compile-features.js";
import { type ExplainedFeatures, explainFeatures } from "../formulas/features/explain-features.js";
import { onClock } from "../formulas/features/stages.js";
import { SYMBOL } from "../formulas/features/tables.js";
import { lowerings } from "../formulas/lowering/lowerings.js";
import { chosenFeatures, compiledOf, type OpenedFeatureRun, withTables, writeFeatures } from "./features-service.js";

/** The graph of a run's features, or of one of them. Throws DaedalusError, exit code 2, for a feature that there is not. */
export async function explainRun(opened: OpenedFeatureRun, feature?: string): Promise<ExplainedFeatures> {
  return withTables(opened, tmpdir(), async ({ tables }) => {
    const compiled = chosenFeatures(compiledOf(opened, tables), feature);
    const { backend } = opened.run;
    return explainFeatures(compiled, tables[0]?.columns.name ?? "", backend, await lowerings(compiled.graph, backend));
  });
}

export interface ExplainedRow {
  readonly explained: ExplainedFeatures;
  readonly symbol: string | null;
  /** Microseconds since 1970. */
  readonly time: bigint;
  /** Rows of the symbol that have this time; the values are the last one's. */
  readonly rows: number;
  /** By the names of the nodes; NULL is null. Of what is computed on another table's rows, that of its last row before this time. */
  readonly values: Readonly<Record<string, number | boolean | null>>;
  /** By the names of the nodes that failed: why. */
  readonly failures: Readonly<Record<string, string>>;
}

/** The value of every node at a row of the clock, as the row sees it. Throws DaedalusError: exit code 2 where there is no such row. */
export async function explainFeaturesRow(
  opened: OpenedFeatureRun,
  row: { readonly symbol: string | undefined; readonly time: bigint },
  feature?: string,
): Promise<ExplainedRow> {
  const { time, symbol } = row;
  const only = { ...opened, run: { ...opened.run, start: time, end: time + 1n } };
  return withTables(only, tmpdir(), async (open) => {
    const { session, tables, staging } = open;
    const compiled = chosenFeatures(compiledOf(only, tables), feature);
    const clock = tables[0]?.columns.name ?? "";
    const { backend } = opened.run;
    const explained = explainFeatures(compiled, clock, backend, await lowerings(compiled.graph, backend));
    const nodes = nodesOf(compiled, clock);
    const path = join(staging, "row.parquet");
    const asFeatures = nodes.map(({ node, table }) => ({ name: node.id, table, node }));
    const noSuchRow = () => refuseRow(opened, session, symbol, time);
    const written = await writeFeatures(open, { graph: compiled.graph, features: asFeatures }, path).catch(
      (error: unknown) => {
        if (error instanceof DaedalusError && error.problems[0]?.code === "frame/no-rows") return undefined;
        throw error;
      },
    );
    if (written === undefined) return noSuchRow();
    const isOf = symbol === undefined ? "true" : `symbol = ${text(symbol)}`;
    // The times are there where no feature has a node.
    const hasSymbols = tables[0]?.columns.columns.has(SYMBOL) ?? false;
    const columns = ["event_time", ...(hasSymbols ? [SYMBOL] : []), ...nodes.map(({ node }) => identifier(node.id))];
    const rows = await session.query(`SELECT ${columns.join(", ")} FROM read_parquet(${text(path)}) WHERE ${isOf}`);
    const last = rows[rows.length - 1];
    if (last === undefined) return noSuchRow();
    const symbols = [...new Set(rows.map((one) => String(one[SYMBOL])))];
    if (hasSymbols && symbols.length > 1)
      throw new DaedalusError([featureRunProblem("row-of-several", { time: isoMicros(time), symbols })], 2);
    const failed = new Map(
      written.features.flatMap(({ name, problem }) => (problem === undefined ? [] : [[name, problem.says] as const])),
    );
    const made = new Set(nodes.map(({ node }) => node.id));
    const values = Object.fromEntries(
      explained.nodes
        .filter(({ id, op }) => (made.has(id) && !failed.has(id)) || op === "constant")
        .map(({ id, op, name }) => {
          const value = op === "constant" ? compiled.graph.node(id).params["value"] : last[id];
          return [name, (value ?? null) as number | boolean | null];
        }),
    );
    const failures = Object.fromEntries(
      explained.nodes.flatMap(({ id, name }) => (failed.has(id) ? [[name, failed.get(id) ?? ""]] : [])),
    );
    return { explained, symbol: symbol ?? null, time, rows: rows.length, values, failures };
  });
}

/** Throws DaedalusError, exit code 2, with what the first table has near the row. */
async function refuseRow(
  { run, read }: OpenedFeatureRun,
  session: SqlSession,
  symbol: string | undefined,
  time: bigint,
): Promise<never> {
  const { warehouse, symbols, venue } = run;
  const choice = {
    warehouse,
    ...(symbols === undefined ? {} : { symbols }),
    ...(venue === undefined ? {} : { venue }),
  };
  const [table] = run.tables;
  const near = table && (await (await OpenTable.open(choice, table, read.directory, session)).near(symbol, time));
  const known = near?.symbols ?? [];
  throw new DaedalusError(
    [
      symbol !== undefined && known.length > 0
        ? featureRunProblem("no-such-symbol", { symbol, nearest: nearest(symbol, known), known })
        : featureRunProblem("no-such-row", {
            symbol: symbol ?? "the table",
            time: isoMicros(time),
            near: (near?.times ?? []).map(isoMicros),
          }),
    ],
    2,
  );
}

/** Every node but constants, with the table on whose rows it has values. */
function nodesOf({ graph, features }: CompiledFeatures, clock: string) {
  const tables = new Map<string, string>();
  const open = features.flatMap(({ node, table }) =>
    node === undefined ? [] : [{ node: onClock(graph, node, table, clock), table: clock }],
  );
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, table } = next;
    if (tables.has(node.id)) continue;
    tables.set(node.id, table);
    const from = node.op === "latest" ? String(node.params["from"]) : table;
    open.push(...node.inputs.map((id) => ({ node: graph.node(id), table: from })));
  }
  return graph.nodes
    .filter(({ op }) => op !== "constant")
    .flatMap((node) => {
      const table = tables.get(node.id);
      return table === undefined ? [] : [{ node, table }];
    });
}
