import { expect, test } from "vitest";
import { graphOf, kernelCells } from "./graph-run.js";
import { type Random, randomFrom } from "./nasty-columns.js";

// Windows so long that their values lie in many runs: against one sorted list.

type Cells = readonly (number | null)[];

const COLUMNS: Readonly<Record<string, (random: Random, row: number) => number | null>> = {
  random: (random) => random(),
  "ever higher": (random, row) => row + random(),
  "ever lower": (_, row) => -1 - row,
  "up and down": (random, row) => (row % 4_000 < 2_000 ? row % 4_000 : 4_000 - (row % 4_000)) + random(),
  "a few values": (random) => Math.floor(random() * 4),
  "one value for long": (random, row) => (row % 3_000 < 2_500 ? 5 : random() * 10),
  "NULLs, NaNs and infinities": (random, row) => {
    const drawn = random();
    if (drawn < 0.2) return null;
    if (drawn < 0.203 && row > 6_000) return Number.NaN;
    return drawn < 0.3 ? (drawn < 0.25 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY) : drawn - 0.6;
  },
};

const place = (sorted: readonly number[], x: number, isAfter: boolean): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const value = sorted[middle] as number;
    if (isAfter ? value <= x : value < x) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** The window's values in order, and what is told of them, row by row. */
function told(x: Cells, w: number, of: (sorted: readonly number[], own: number | null) => number | null): Cells {
  const sorted: number[] = [];
  let nans = 0;
  return x.map((cell, row) => {
    const gone = w > 0 && row >= w ? (x[row - w] ?? null) : null;
    if (gone !== null && Number.isNaN(gone)) nans -= 1;
    else if (gone !== null) sorted.splice(place(sorted, gone, false), 1);
    if (cell !== null && Number.isNaN(cell)) nans += 1;
    else if (cell !== null) sorted.splice(place(sorted, cell, true), 0, cell);
    if (nans > 0) return of([0], cell) === null ? null : Number.NaN;
    return sorted.length === 0 ? null : of(sorted, cell);
  });
}

const quantile =
  (q: number) =>
  (sorted: readonly number[]): number => {
    const h = q * (sorted.length - 1);
    const [k, f] = [Math.floor(h), h - Math.floor(h)];
    const [low, high] = [sorted[k] as number, sorted[k + 1] ?? 0];
    return f === 0 || low === high ? low : (1 - f) * low + f * high;
  };

const rank = (sorted: readonly number[], own: number | null): number | null =>
  own === null ? null : (place(sorted, own, false) + place(sorted, own, true) + 1) / 2;

test.each(Object.keys(COLUMNS))("long windows in order: %s", (name) => {
  const random = randomFrom(name.length);
  const draw = COLUMNS[name] as (typeof COLUMNS)[string];
  const x = Array.from({ length: 14_000 }, (_, row) => draw(random, row));
  const windows = [600, 5_000, 0];
  const cases = windows.flatMap((w) => [
    { w, formula: `rolling_quantile(x, ${w}, 0.3, min_periods=1)`, of: quantile(0.3) },
    { w, formula: `rolling_median(x, ${w}, min_periods=1)`, of: quantile(0.5) },
    { w, formula: `rolling_rank(x, ${w}, min_periods=1)`, of: rank },
  ]);
  const { graph, nodes } = graphOf(cases.map(({ formula }) => formula));
  const found = kernelCells(graph.nodes, { x });
  cases.forEach(({ w, formula, of }, at) => {
    const cells = found.get(nodes[at]?.id ?? "") ?? [];
    const wanted = told(x, w, of);
    const row = cells.findIndex((cell, own) => !Object.is(cell, wanted[own]));
    expect([formula, row, row < 0 ? "" : `${cells[row]} for ${wanted[row]}`]).toEqual([formula, -1, ""]);
  });
});
