import { expect, test } from "vitest";
import { type Cells, nodeOracle } from "../oracles/formulas.js";
import { difference, graphOf, kernelCells } from "./graph-run.js";
import { KINDS, nastyColumn, pick, type Random, randomFrom } from "./nasty-columns.js";

// Every function on the kernel against exact rationals, node by node, on nasty columns.

const ROW_WISE = [
  "x + y",
  "x - y",
  "x * y",
  "x / y",
  "x % y",
  "x ** y",
  "-x",
  "+(x > y)",
  "x < y",
  "x <= y",
  "x > y",
  "x >= y",
  "x == y",
  "x != y",
  "x and y",
  "x or y",
  "not x",
  "abs(x)",
  "sqrt(x)",
  "log(x)",
  "exp(x)",
  "sign(x)",
  "tanh(x)",
  "round(x)",
  "floor(x)",
  "ceil(x)",
  "clip(x, y, z)",
  "min(x, y, z)",
  "max(x, y, z)",
  "is_null(x)",
  "coalesce(x, y, z)",
  "if(x, y, z)",
  "if(x > y, x, None)",
];
const WINDOWS = [
  "rolling_sum(x, W)",
  "rolling_mean(x, W)",
  "rolling_var(x, W)",
  "rolling_std(x, W)",
  "rolling_min(x, W)",
  "rolling_max(x, W)",
  "rolling_median(x, W)",
  "rolling_quantile(x, W, 0.3)",
  "rolling_skew(x, W)",
  "rolling_kurt(x, W)",
  "rolling_zscore(x, W)",
  "rolling_rank(x, W)",
  "rolling_cov(x, y, W)",
  "rolling_corr(x, y, W)",
  "rolling_rank_corr(x, y, W)",
  "linear_regression_slope(x, W)",
  "historical_var(x, W)",
  "autocorr(x, 2, W)",
  "neg_autocorr(x, 1, W)",
];
const OTHERS = [
  "lag(x, 3)",
  "diff(x, 2)",
  "pct_change(x)",
  "ema(x, 5)",
  "ema(x, 0.01)",
  "ema(x, 1)",
  "decay_accum(x, 0.9)",
  "decay_accum(x, 1, 5)",
  "decay_accum(x, 0)",
  "cumsum(x)",
  "cumsum(x, 0.1)",
  "cummax(x)",
  "cummin(x)",
  "cumcount(x)",
  "rolling_mean(lag(x, 2), 3) - rolling_std(lag(x, 2), 4)",
];

/** A window, with or without `min_periods`. */
function drawn(random: Random, formula: string): string {
  const w = pick(random, [0, 1, 2, 3, 5, 17, 40]);
  const least = w === 0 ? 1 + Math.floor(random() * 4) : 1 + Math.floor(random() * w);
  return random() < 0.5 ? formula.replace("W", `${w}`) : formula.replace(/W(.*)\)$/, `${w}$1, min_periods=${least})`);
}

function check(formulas: readonly string[], columns: Readonly<Record<string, Cells>>, lengthOf?: () => number): void {
  const { graph } = graphOf(formulas);
  const rows = columns["x"]?.length ?? 0;
  const cells = kernelCells(graph.nodes, columns, lengthOf);
  for (const { id, op, params, inputs, primitive } of graph.nodes) {
    if (primitive === "SOURCE") continue;
    const given = inputs.map((input) => cells.get(input) ?? []);
    nodeOracle(op, params, given, rows).forEach((wanted, row) => {
      const told = difference(cells.get(id)?.[row] ?? null, wanted);
      if (told !== undefined) {
        const w = Number(params["w"] ?? params["n"] ?? 3) || row + 1;
        const shown = given.map((column) => column.slice(Math.max(0, row - w - 1), row + 1));
        expect.fail(`${op} ${JSON.stringify(params)} at row ${row}: ${told}; inputs so far ${JSON.stringify(shown)}`);
      }
    });
  }
}

test.each(Object.keys(KINDS))("every function on columns of %s", (kind) => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = randomFrom(seed);
    const rows = 60;
    const other = pick(random, Object.keys(KINDS));
    const columns = {
      x: nastyColumn(random, rows, kind),
      y: nastyColumn(random, rows, random() < 0.3 ? kind : other),
      z: nastyColumn(random, rows, kind),
    };
    const formulas = [...ROW_WISE, ...OTHERS, ...WINDOWS.map((formula) => drawn(random, formula))];
    check(formulas, columns, random() < 0.5 ? undefined : () => 1 + Math.floor(random() * 20));
  }
});

test("windows over many blocks, and columns that begin to need other integers in the middle", () => {
  const random = randomFrom(7);
  const rows = 6_000;
  const price = nastyColumn(random, rows, "prices");
  const x = price.map((value, row) => (row === 4_500 ? 1e200 : row > 4_400 && value !== null ? value * 1e-9 : value));
  const y = nastyColumn(random, rows, "normal");
  check(
    WINDOWS.filter((formula) => !/rank_corr|skew|kurt/.test(formula)).map((formula) => formula.replace("W", "7")),
    { x, y },
  );
});
