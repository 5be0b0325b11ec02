import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FUNCTIONS } from "#daedalus/formulas/functions/registry.js";
import type { IrNode } from "#daedalus/formulas/ir/node.js";
import { PolarsBackend } from "#daedalus/formulas/lowering/polars/polars-backend.js";
import { isPolars } from "#daedalus/formulas/lowering/polars/polars-run.js";
import { type Cells, nodeOracle } from "../oracles/formulas.js";
import { graphOf, kernelCells } from "./graph-run.js";
import { KINDS, randomFrom } from "./nasty-columns.js";

// docs/accuracy.md: how far each function is from the exact value of its inputs, measured. `DAEDALUS_WRITE=1` writes it; else what
// is measured here must not be worse than what stands there.

const PAGE = "docs/accuracy.md";
const ROWS = 300;
const COLUMNS = ["normal", "prices", "1e6 and noise", "prices after one of 1e9"] as const;
/** What is in the place of the first row of a column. */
const AFTER = / after one of (.+)$/;

/** A call of each function that is not made of others row by row. */
const CALLS: Readonly<Record<string, string>> = {
  "+ − *": "x * y + x - y",
  "/": "x / y",
  "%": "x % y",
  "**": "x ** 2",
  "** (of a column)": "abs(x) ** y1",
  abs: "abs(x)",
  sqrt: "sqrt(abs(x))",
  log: "log(abs(x))",
  exp: "exp(y1)",
  sign: "sign(x)",
  tanh: "tanh(y1)",
  floor: "floor(x)",
  ceil: "ceil(x)",
  round: "round(x)",
  clip: "clip(x, y, 7)",
  min: "min(x, y)",
  max: "max(x, y)",
  is_null: "is_null(x)",
  coalesce: "coalesce(x, y)",
  if: "if(x > y, x, y)",
  rolling_sum: "rolling_sum(x, 20)",
  rolling_mean: "rolling_mean(x, 20)",
  rolling_var: "rolling_var(x, 20)",
  rolling_std: "rolling_std(x, 20)",
  rolling_min: "rolling_min(x, 20)",
  rolling_max: "rolling_max(x, 20)",
  rolling_median: "rolling_median(x, 20)",
  rolling_quantile: "rolling_quantile(x, 20, 0.3)",
  rolling_skew: "rolling_skew(x, 20)",
  rolling_kurt: "rolling_kurt(x, 20)",
  rolling_zscore: "rolling_zscore(x, 20)",
  rolling_rank: "rolling_rank(x, 20)",
  rolling_cov: "rolling_cov(x, y, 20)",
  rolling_corr: "rolling_corr(x, y, 20)",
  rolling_rank_corr: "rolling_rank_corr(x, y, 20)",
  linear_regression_slope: "linear_regression_slope(x, 20)",
  historical_var: "historical_var(x, 20)",
  autocorr: "autocorr(x, 1, 20)",
  neg_autocorr: "neg_autocorr(x, 1, 20)",
  lag: "lag(x, 3)",
  diff: "diff(x)",
  pct_change: "pct_change(x)",
  ema: "ema(x, 20)",
  decay_accum: "decay_accum(x, 0.9)",
  cumsum: "cumsum(x)",
  cummax: "cummax(x)",
  cummin: "cummin(x)",
  cumcount: "cumcount(x)",
};
/** The same function under another name. */
const SAME: Readonly<Record<string, string>> = { zscore: "rolling_zscore", shift: "lag" };
/** Of all symbols of a time: the same exact code in both backends. */
const CROSS = ["cs_rank", "cs_demean", "cs_zscore"];

interface Measured {
  readonly name: string;
  readonly kernel: number;
  /** Undefined: the kernel computes it in a run on Polars too. */
  readonly polars: number | undefined;
}

function columnsOf(kind: string): Record<string, Cells> {
  const random = randomFrom(7);
  const draw = KINDS[kind.replace(AFTER, "")] as (random: () => number) => number;
  const first = AFTER.exec(kind)?.[1];
  return {
    x: Array.from({ length: ROWS }, (_, row) => (row === 0 && first !== undefined ? Number(first) : draw(random))),
    y: Array.from({ length: ROWS }, () => draw(random)),
    y1: Array.from({ length: ROWS }, () => random() * 4 - 2),
  };
}

function polarsCells(nodes: readonly IrNode[], columns: Readonly<Record<string, Cells>>): ReadonlyMap<string, Cells> {
  const sources = nodes.filter(({ primitive }) => primitive === "SOURCE");
  const given = new Map(
    sources.map(({ id, params }) => [
      id,
      { values: Float64Array.from(columns[String(params["name"])] as readonly number[]) },
    ]),
  );
  const ids = nodes.map(({ id }) => id);
  const made = new PolarsBackend(nodes, new Set(given.keys()), new Set(ids)).run(ROWS, given, () => undefined);
  return new Map(
    ids.map((id) => [
      id,
      Array.from({ length: ROWS }, (_, row) =>
        made.get(id)?.valid?.[row] === 0 ? null : (made.get(id)?.values[row] ?? null),
      ),
    ]),
  );
}

/** The worst of all nodes of the call, each against the exact value of what went into it. */
function worst(nodes: readonly IrNode[], cells: ReadonlyMap<string, Cells>): number {
  let most = 0;
  for (const { id, op, params, inputs, primitive } of nodes) {
    if (primitive === "SOURCE" || op === "constant") continue;
    const wanted = nodeOracle(
      op,
      params,
      inputs.map((input) => cells.get(input) ?? []),
      ROWS,
    );
    for (const [row, { value, scale = 0 }] of wanted.entries()) {
      const found = cells.get(id)?.[row] ?? null;
      if (found === value || (Number.isNaN(found) && Number.isNaN(value))) continue;
      expect([op, row, found === null, value === null]).toEqual([op, row, false, false]);
      const error = Math.abs((found as number) - (value as number)) / Math.max(Math.abs(value as number), scale);
      most = Math.max(most, error);
    }
  }
  return most;
}

function measure(): readonly Measured[] {
  return Object.entries(CALLS).map(([name, formula]) => {
    let [kernel, polars]: [number, number | undefined] = [0, 0];
    for (const kind of COLUMNS) {
      const columns = columnsOf(kind);
      const { graph } = graphOf([formula]);
      kernel = Math.max(kernel, worst(graph.nodes, kernelCells(graph.nodes, columns)));
      const isWhole = graph.nodes.every(
        (node) => node.primitive === "SOURCE" || isPolars(node, (id) => graph.node(id)),
      );
      polars =
        isWhole && polars !== undefined
          ? Math.max(polars, worst(graph.nodes, polarsCells(graph.nodes, columns)))
          : undefined;
    }
    return { name, kernel, polars };
  });
}

/** The next power of ten, or 0. */
const bound = (error: number): string => (error === 0 ? "exact" : `1e${Math.ceil(Math.log10(error))}`);

test("every function is measured, and is as exact as docs/accuracy.md says", () => {
  const measured = measure();
  const named = new Set([...Object.keys(CALLS), ...Object.keys(SAME), ...CROSS]);
  expect([...FUNCTIONS.keys()].filter((name) => !named.has(name))).toEqual([]);
  if (process.env["DAEDALUS_WRITE"] === "1") writeFileSync(PAGE, pageOf(measured));
  const page = readFileSync(PAGE, "utf8");
  const told = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| (\S+) \| (.+?) \|$/gm)].map(([, name, kernel, polars]) => [
      name,
      { kernel, polars },
    ]),
  );
  const limit = (text: string | undefined): number => (text === "exact" ? 0 : Number(text));
  for (const { name, kernel, polars } of measured) {
    const row = told.get(name);
    expect([name, kernel <= limit(row?.kernel)]).toEqual([name, true]);
    expect([name, polars === undefined]).toEqual([name, row?.polars === "kernel"]);
    if (polars !== undefined) expect([name, polars <= limit(row?.polars) * 10]).toEqual([name, true]);
  }
}, 120_000);

function pageOf(measured: readonly Measured[]): string {
  const rows = measured.map(
    ({ name, kernel, polars }) =>
      `| \`${name}\` | ${bound(kernel)} | ${polars === undefined ? "kernel" : bound(polars)} |`,
  );
  return `# Accuracy

How far each function is from the exact real value of its inputs, at most: relative to the value, or near 0 to the size that chapter 8
names (1 for correlations, the deviations for covariances and slopes). Measured on ${ROWS} rows each of ${COLUMNS.join(", ")}, windows of 20, against exact
rational arithmetic, by \`test/formulas/accuracy.test.ts\`, which wrote this page (\`DAEDALUS_WRITE=1\`) and fails where it is no longer true.
"exact" means the same bits as the exact value rounded once (or as the definition rounds it). What says "kernel" under Polars is computed by the
kernel in a run on Polars too: Polars lacks it, or means something else by it. \`zscore\` is \`rolling_zscore\` and \`shift\` is \`lag\`;
the cross-sections \`cs_rank\`, \`cs_demean\` and \`cs_zscore\` are computed by neither, but over the rows of a time, exactly.

| function | kernel | polars |
| --- | --- | --- |
${rows.join("\n")}

Windows of more than 32,767 rows, and expanding windows but those of sums, means and extremes, run in the kernel: nodejs-polars counts a window's
rows in 16 bits. On real bars (the 107 features of examples/minute_bars, 45,031 rows) NULL, NaN and infinity are the same on both, 74 columns
are the same to the bit, and the others within 5.4e-11 of the column's standard deviation.
Polars moves the windows of sums and means by adding and subtracting: a value that has gone leaves 1e-16 of itself (4e-9 of a sum of twenty values
of 1 to 3 that follow 1e9). Where sums or squares leave the range of doubles on the way, beyond 1.8e308 or below 1e-323, Polars has infinity, NaN or 0 and the kernel the value.
Where formulas compare or rank what Polars has rounded, ties may fall otherwise than in the kernel.
`;
}
