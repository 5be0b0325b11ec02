import { expect, test } from "vitest";
import { ExactWindow } from "#daedalus/formulas/lowering/kernel/exact-window.js";
import { graphOf, kernelCells } from "./graph-run.js";
import { type Random, randomFrom } from "./nasty-columns.js";

// Kernels keep sums in as many bits as a column needs, and tell windows full of finite values apart; integers of any size say
// the same, bit for bit.

const ROWS = 2_300;
const WINDOWS = [2, 5, 64, 900];

/** Values whose integers have up to so many bits. */
const column = (random: Random, bits: number): number[] =>
  Array.from({ length: ROWS }, () => (random() - 0.4) * 2 ** -Math.floor(random() * Math.max(0, bits - 52))).map(
    (value) => (bits >= 53 ? value : Math.round(value * 2 ** bits) / 2 ** bits),
  );

type Cells = readonly (number | null)[];

function told(
  x: Cells,
  y: Cells,
  w: number,
  least: number,
  value: (window: ExactWindow, row: number) => number,
): Cells {
  const window = new ExactWindow({ powers: 4, pairs: true }, -1_074);
  const change = (sign: 1 | -1, row: number): void => {
    const [a, b] = [x[row] ?? null, y[row] ?? null];
    if (a !== null && b !== null) window.change(sign, a, b, row);
  };
  return x.map((_, row) => {
    if (row >= w) change(-1, row - w);
    change(1, row);
    return window.n >= BigInt(least) ? value(window, row) : null;
  });
}

const OPERATIONS: Readonly<
  Record<string, { least: number; pair?: true; value: (window: ExactWindow, x: number) => number }>
> = {
  rolling_sum: { least: 1, value: (window) => window.sum() },
  rolling_mean: { least: 1, value: (window) => window.mean() },
  rolling_var: { least: 2, value: (window) => window.variance() },
  rolling_std: { least: 2, value: (window) => window.deviation() },
  rolling_zscore: { least: 2, value: (window, x) => window.score(x) },
  rolling_skew: { least: 1, value: (window) => window.skewness() },
  rolling_kurt: { least: 1, value: (window) => window.kurtosis() },
  rolling_cov: { least: 2, pair: true, value: (window) => window.covariance() },
  rolling_corr: { least: 2, pair: true, value: (window) => window.correlation() },
};

function check(x: Cells, y: Cells, what: string): void {
  const cases = WINDOWS.flatMap((w) => Object.entries(OPERATIONS).map(([op, of]) => ({ w, op, ...of })));
  const formulas = cases.map(({ w, op, pair, least }) => `${op}(x, ${pair ? "y, " : ""}${w}, min_periods=${least})`);
  const { graph, nodes } = graphOf(formulas);
  const found = kernelCells(graph.nodes, { x, y });
  cases.forEach(({ w, op, pair, least, value }, place) => {
    const own = op === "rolling_zscore";
    const wanted = told(x, pair ? y : x, w, least, (window, row) => value(window, x[row] ?? Number.NaN));
    const cells = found.get(nodes[place]?.id ?? "") ?? [];
    const row = cells.findIndex((cell, at) => !Object.is(cell, own && x[at] === null ? null : wanted[at]));
    expect([what, formulas[place], row, row < 0 ? "" : `${cells[row]} for ${wanted[row]}`]).toEqual([
      what,
      formulas[place],
      -1,
      "",
    ]);
  });
}

test.each([8, 30, 46, 54, 65, 80, 88, 96, 110, 140])("values of %i bits", (bits) => {
  const random = randomFrom(bits);
  check(column(random, bits), column(random, 54), `${bits} bits`);
});

test("values of more bits come late", () => {
  const random = randomFrom(7);
  const x = [...column(random, 40).slice(0, 1_100), ...column(random, 70).slice(0, 600), ...column(random, 120)];
  check(x.slice(0, ROWS), column(random, 60), "late");
});

test("values are missing here and there", () => {
  const random = randomFrom(8);
  const gappy = (cells: Cells): Cells => cells.map((cell, row) => (row % 1_000 > 970 && random() < 0.5 ? null : cell));
  check(gappy(column(random, 54)), gappy(column(random, 65)), "missing");
});
