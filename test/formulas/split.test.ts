import { expect, test } from "vitest";
import { extentsOf } from "#daedalus/formulas/ir/extents.js";
import type { Cells } from "../oracles/formulas.js";
import { graphOf, kernelCells } from "./graph-run.js";
import { KINDS, nastyColumn, pick, type Random, randomFrom } from "./nasty-columns.js";

// A value depends on the rows of its extent alone, and on nothing that the computation was cut by: bit for bit.

const FORMULAS = [
  "log(x / lag(x, 3))",
  "rolling_sum(x, 5)",
  "rolling_mean(y, 0)",
  "rolling_std(x, 7, min_periods=2)",
  "rolling_zscore(x, 4)",
  "rolling_min(x, 6) + rolling_max(y, 3)",
  "rolling_quantile(x, 9, 0.3) - rolling_rank(y, 5)",
  "rolling_skew(x, 6) * rolling_kurt(x, 8)",
  "rolling_corr(x, y, 12) - rolling_cov(x, y, 0)",
  "rolling_rank_corr(x, y, 8)",
  "linear_regression_slope(rolling_mean(x, 3), 6)",
  "autocorr(x, 2, 5)",
  "ema(x, 4) + decay_accum(y, 0.9, 1)",
  "cumsum(x, 0.3) + cumcount(y) + cummax(x)",
  "rolling_std(rolling_mean(diff(x), 4), 5)",
];

const sameBits = (a: Cells, b: Cells): boolean => a.length === b.length && a.every((cell, i) => Object.is(cell, b[i]));

function columnsFrom(random: Random, rows: number): Record<string, Cells> {
  const kinds = Object.keys(KINDS);
  return { x: nastyColumn(random, rows, pick(random, kinds)), y: nastyColumn(random, rows, pick(random, kinds)) };
}

test("blocks of any length, and any prefix of the rows, give the same bits", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomFrom(seed);
    const rows = 30 + Math.floor(random() * 60);
    const columns = columnsFrom(random, rows);
    const { graph, nodes } = graphOf(FORMULAS);
    const whole = kernelCells(graph.nodes, columns);
    const cut = kernelCells(graph.nodes, columns, () => 1 + Math.floor(random() * 9));
    const length = 1 + Math.floor(random() * rows);
    const begun = Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells.slice(0, length)]));
    const prefix = kernelCells(graph.nodes, begun);
    nodes.forEach(({ id }, place) => {
      const cells = whole.get(id) ?? [];
      expect([seed, FORMULAS[place], sameBits(cells, cut.get(id) ?? [])]).toEqual([seed, FORMULAS[place], true]);
      expect([FORMULAS[place], sameBits(cells.slice(0, length), prefix.get(id) ?? [])]).toEqual([
        FORMULAS[place],
        true,
      ]);
    });
  }
});

test("a formula with an end to what it looks back at gives the same bits from as many rows before", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = randomFrom(1_000 + seed);
    const columns = columnsFrom(random, 90);
    const { graph, nodes } = graphOf(FORMULAS);
    const extents = extentsOf(graph.nodes);
    const whole = kernelCells(graph.nodes, columns);
    for (const [place, { id }] of nodes.entries()) {
      const { left = 0, right } = extents.get(id) ?? {};
      expect(right).toBe(0);
      if (!Number.isFinite(left)) continue;
      const from = left + Math.floor(random() * (80 - left));
      const late = Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells.slice(from - left)]));
      const found = kernelCells(graph.nodes, late).get(id) ?? [];
      expect([FORMULAS[place], sameBits((whole.get(id) ?? []).slice(from), found.slice(left))]).toEqual([
        FORMULAS[place],
        true,
      ]);
    }
  }
});

test("extents add up along a formula", () => {
  const formulas = [
    "x + y",
    "lag(x, 3)",
    "rolling_mean(lag(x, 3), 5)",
    "autocorr(x, 2, 10)",
    "rolling_mean(x, 0)",
    "ema(x, 3)",
  ];
  const { graph, nodes } = graphOf(formulas);
  const extents = extentsOf(graph.nodes);
  expect(nodes.map(({ id }) => extents.get(id)?.left)).toEqual([0, 3, 7, 11, Infinity, Infinity]);
});
