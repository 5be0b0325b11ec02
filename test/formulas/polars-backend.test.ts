import { readFileSync } from "node:fs";
import type { FeatureSpec } from "daedalus";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { compileFeatures } from "#daedalus/formulas/features/compile-features.js";
import type { IrNode } from "#daedalus/formulas/ir/node.js";
import { KernelRun } from "#daedalus/formulas/lowering/kernel/symbol-run.js";
import { PolarsBackend } from "#daedalus/formulas/lowering/polars/polars-backend.js";
import { isPolars, POLARS_LOWERINGS, PolarsRun } from "#daedalus/formulas/lowering/polars/polars-run.js";
import type { Cells } from "../oracles/formulas.js";
import { graphOf, kernelCells } from "./graph-run.js";
import { KINDS, nastyColumn, randomFrom } from "./nasty-columns.js";

// Polars against the kernel, which the oracle judges: the same NULLs, NaNs and infinities everywhere; the same values where Polars
// computes exactly, else within 1e-9 on well-conditioned columns.

const EXACT = [
  "x + y",
  "x - y",
  "x * y",
  "x / y",
  "x / 10",
  "3 / x",
  "x ** 2",
  "-x",
  "abs(x)",
  "floor(x)",
  "ceil(x)",
  "round(x)",
  "sign(x)",
  "min(x, y)",
  "max(x, y, 1)",
  "clip(x, -1, y)",
  "x < y",
  "x <= y",
  "x > y",
  "x >= y",
  "x == y",
  "x != y",
  "x > 0 and y > 0",
  "x or y",
  "not x",
  "is_null(x)",
  "coalesce(x, y, 0)",
  "if(x > y, x, y)",
  "if(x, 1, None)",
  "lag(x, 2)",
  "diff(x)",
  "pct_change(x, 2)",
  "rolling_min(x, 4)",
  "rolling_max(x, 5, min_periods=2)",
  "rolling_min(x, 0)",
  "cummax(x)",
  "cummin(y)",
  "cumcount(x)",
  "rolling_median(x, 5, min_periods=1)",
  "rolling_quantile(x, 6, 0.3, min_periods=2)",
  "rolling_quantile(y, 0, 0.75)",
  "rolling_quantile(x, 4, 1)",
  "rolling_std(x, 1)",
  "rolling_var(y, 1)",
  "ema(x, 1)",
] as const;
const NEAR = [
  "sqrt(x)",
  "log(x)",
  "exp(x)",
  "tanh(x)",
  "x ** 0.5",
  "x ** -1",
  "rolling_sum(x, 5)",
  "rolling_sum(x, 4, min_periods=1)",
  "rolling_mean(x, 6)",
  "rolling_mean(y, 0)",
  "rolling_var(x, 5)",
  "rolling_std(x, 7, min_periods=2)",
  "rolling_std(y, 0)",
  "ema(x, 5)",
  "ema(y, 0.25)",
  "cumsum(x)",
  "cumsum(x, 3)",
  "rolling_mean(ema(x, 3), 4) / rolling_std(diff(y), 5)",
  "rolling_zscore(rolling_mean(x, 3), 5) + rolling_sum(decay_accum(y, 0.5), 3)",
] as const;
const PLAIN = new Set(["normal", "prices", "a few integers", "halves and thirds"]);

function polarsCells(formulas: readonly string[], columns: Readonly<Record<string, Cells>>): readonly Cells[] {
  const { graph, nodes } = graphOf(formulas);
  const sources = graph.nodes.filter(({ primitive }) => primitive === "SOURCE");
  const rows = Object.values(columns)[0]?.length ?? 0;
  const given = new Map(
    sources.map(({ id, params }) => {
      const cells = columns[String(params["name"])] ?? [];
      const values = Float64Array.from(cells, (cell) => cell ?? 12.5);
      return [id, { values, valid: Uint8Array.from(cells, (cell) => (cell === null ? 0 : 1)) }];
    }),
  );
  const backend = new PolarsBackend(graph.nodes, new Set(given.keys()), new Set(nodes.map(({ id }) => id)));
  const made = backend.run(rows, given, (id, error) => {
    throw new Error(`${id}: ${error.message}`);
  });
  return nodes.map(({ id }) => {
    const column = made.get(id);
    return Array.from({ length: rows }, (_, row) =>
      column?.valid?.[row] === 0 ? null : (column?.values[row] ?? null),
    );
  });
}

/** Well-conditioned: beside 1e300 no other value is left of a sum. */
function tame(cells: (number | null)[]): void {
  for (const [row, cell] of cells.entries()) if (cell === 1e300) cells[row] = 3;
}

function misfit(found: number | null, wanted: number | null, within: number, scale: number): boolean {
  if (found === null || wanted === null) return found !== wanted;
  if (Number.isNaN(found) || Number.isNaN(wanted)) return Number.isNaN(found) !== Number.isNaN(wanted);
  if (found === wanted) return false;
  if (!Number.isFinite(found) || !Number.isFinite(wanted)) return true;
  return Math.abs(found - wanted) > within * Math.max(Math.abs(wanted), scale);
}

for (const kind of Object.keys(KINDS))
  test(`on columns of ${kind} Polars says what the kernel says`, () => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = randomFrom(seed * 101);
      const rows = 1 + Math.floor(random() * 60);
      const columns = { x: nastyColumn(random, rows, kind), y: nastyColumn(random, rows, kind) };
      const scale = Math.max(
        0,
        ...[...columns.x, ...columns.y].map((cell) =>
          cell !== null && Number.isFinite(cell) && Math.abs(cell) < 1e200 ? Math.abs(cell) : 0,
        ),
      );
      const isPlain = PLAIN.has(kind) && seed % 2 === 0;
      if (isPlain) for (const cells of Object.values(columns)) tame(cells);
      const formulas = [...EXACT, ...(isPlain ? NEAR : [])];
      const { graph, nodes } = graphOf(formulas);
      const kernel = kernelCells(graph.nodes, columns);
      const found = polarsCells(formulas, columns);
      for (const [place, { id }] of nodes.entries()) {
        const formula = formulas[place] ?? "";
        const within = (EXACT as readonly string[]).includes(formula) ? 0 : 1e-9;
        const wanted = kernel.get(id) ?? [];
        const row = wanted.findIndex((cell, at) => misfit(found[place]?.[at] ?? null, cell, within, scale));
        expect([seed, formula, row, row < 0 ? null : found[place]?.[row], row < 0 ? null : wanted[row]]).toEqual([
          seed,
          formula,
          -1,
          null,
          null,
        ]);
      }
    }
  });

test("what Polars lowers is what the reference says", () => {
  expect(Object.values(POLARS_LOWERINGS).flatMap((ops) => Object.keys(ops ?? {}))).toEqual(
    expect.arrayContaining([
      "add",
      "lag",
      "rolling_sum",
      "rolling_mean",
      "rolling_var",
      "rolling_std",
      "rolling_min",
      "rolling_max",
      "rolling_quantile",
      "ema",
      "cumsum",
      "cumcount",
    ]),
  );
  const { graph, nodes } = graphOf(["x ** y", "x ** 2", "rolling_skew(x, 5)"]);
  expect(nodes.map((node) => isPolars(node, (id) => graph.node(id)))).toEqual([false, true, false]);
});

test("most of the hundred formulas of examples/minute_bars run wholly in Polars", () => {
  const { features } = parse(readFileSync("examples/minute_bars/features.yaml", "utf8")) as { features: FeatureSpec[] };
  const specs = features.filter(({ formula }) => formula !== undefined);
  expect(specs.length).toBe(100);
  const columns = new Map(["open", "high", "low", "close", "volume"].map((name) => [name, "Float64"] as const));
  const compiled = compileFeatures({ specs, types: new Map(), tables: [{ name: "bars", columns }] });
  const isWhole = (id: string): boolean => {
    const node = compiled.graph.node(id);
    const own = node.primitive === "SOURCE" || isPolars(node, (input) => compiled.graph.node(input));
    return own && node.inputs.every(isWhole);
  };
  expect(compiled.features.filter(({ node }) => node !== undefined && isWhole(node.id)).length).toBeGreaterThanOrEqual(
    40,
  );
});

test("a node without a lowering is an error that names the backend, the primitive and the op", () => {
  const { graph } = graphOf(["rolling_skew(x, 5)", "cs_rank(x)"]);
  const given = new Set(graph.nodes.filter(({ primitive }) => primitive === "SOURCE").map(({ id }) => id));
  const only = (op: string) => graph.nodes.filter((node) => node.op === op || given.has(node.id));
  expect(() => new PolarsRun(only("rolling_skew"), given, [])).toThrow(
    expect.objectContaining({
      name: "NoLowering",
      message: "the polars backend has no lowering for WINDOW rolling_skew",
    }),
  );
  expect(() => new KernelRun(only("cs_rank"), given)).toThrow(
    expect.objectContaining({ name: "NoLowering", message: "the kernel backend has no lowering for EVENT cs_rank" }),
  );
});

test("what Polars refuses at run time fails alone, with what takes it", () => {
  const { graph, nodes } = graphOf(["rolling_median(x, 3)", "-x"]);
  const [median, minus] = nodes as [IrNode, IrNode];
  const source = graph.nodes.find(({ primitive }) => primitive === "SOURCE") as IrNode;
  // No formula has such a window.
  const refused = { ...median, params: { ...median.params, w: 0.5 } };
  const after = { ...minus, id: "after", inputs: [refused.id] };
  const all = [source, refused, after, minus];
  const backend = new PolarsBackend(all, new Set([source.id]), new Set([refused.id, after.id, minus.id]));
  const failures = new Map<string, string>();
  const given = new Map([[source.id, { values: Float64Array.of(1, 2) }]]);
  const made = backend.run(2, given, (id, { message }) => failures.set(id, message));
  expect([...failures]).toEqual([
    [refused.id, expect.stringContaining("min_periods")],
    [after.id, expect.stringContaining("min_periods")],
  ]);
  expect([...(made.get(minus.id)?.values ?? [])]).toEqual([-1, -2]);
});
