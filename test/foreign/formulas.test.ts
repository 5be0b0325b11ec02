import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ask, type Bar, inRunFolder, type Row, writeBars } from "../feature-runs/run-folder.js";
import { type Random, randomFrom } from "../formulas/nasty-columns.js";
import { MAIN } from "../runs/processes.js";
import { noPythonWith, pythonWith } from "./python.js";

// What Python's Polars and pandas define as the formula language does, they compute as `daeda features compute` does.

const FORMULAS: Readonly<Record<string, string>> = {
  sum: "rolling_sum(x, 5)",
  sum_some: "rolling_sum(x, 6, min_periods=2)",
  mean: "rolling_mean(x, 7)",
  mean_some: "rolling_mean(y, 20, min_periods=1)",
  mean_all: "rolling_mean(x, 0)",
  var: "rolling_var(z, 6)",
  var_some: "rolling_var(x, 9, min_periods=3)",
  std: "rolling_std(x, 5)",
  std_some: "rolling_std(y, 12, min_periods=2)",
  std_all: "rolling_std(x, 0)",
  min: "rolling_min(x, 4)",
  max_some: "rolling_max(x, 8, min_periods=1)",
  median: "rolling_median(x, 5)",
  median_some: "rolling_median(y, 10, min_periods=2)",
  quantile: "rolling_quantile(z, 7, 0.3)",
  quantile_some: "rolling_quantile(x, 8, 0.9, min_periods=1)",
  rank: "rolling_rank(z, 7)",
  rank_some: "rolling_rank(x, 7, min_periods=3)",
  skew: "rolling_skew(z, 9)",
  skew_some: "rolling_skew(x, 9, min_periods=3)",
  kurt: "rolling_kurt(z, 10)",
  kurt_some: "rolling_kurt(x, 10, min_periods=4)",
  corr: "rolling_corr(z, coalesce(lag(z), 0), 12)",
  cov: "rolling_cov(z, coalesce(lag(z), 0), 12)",
  corr_some: "rolling_corr(x, y, 12, min_periods=4)",
  cov_some: "rolling_cov(x, y, 12, min_periods=4)",
  ema_span: "ema(x, 5)",
  ema_alpha: "ema(y, 0.3)",
  cumsum: "cumsum(x)",
  cummax: "cummax(x)",
  cummin: "cummin(y)",
  cumcount: "cumcount(x)",
  lag: "lag(x)",
  shift: "shift(y, 3)",
  diff: "diff(x)",
  diff_2: "diff(y, 2)",
  pct_change: "pct_change(z, 2)",
  pct_change_some: "pct_change(x)",
};
type Cells = readonly (number | null)[];
type Answers = Readonly<Record<"polars" | "pandas", Readonly<Record<string, Cells>>>>;

/** Three symbols at irregular times; x and y with NULLs, z without. */
function barsFrom(random: Random): Bar[] {
  return ["A", "B", "C"].flatMap((symbol) => {
    let time = 0;
    let price = 100;
    return Array.from({ length: 150 + Math.floor(random() * 100) }, () => {
      time += 1 + Math.floor(random() * 5);
      price += Math.floor(random() * 9 - 4) / 4;
      const some = (value: number) => (random() < 0.15 ? null : value);
      return { symbol, time, cells: [some(random() * 20 - 10), some(Math.floor(random() * 30)), price] };
    });
  });
}

/** To 1e-9; what cancels, of numbers of the size of 1, to 1e-12. */
function alike(one: unknown, other: number | null | undefined): boolean {
  if (typeof one !== "number" || typeof other !== "number") return one === other;
  return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other), 1e-3);
}

const python = pythonWith("polars, pandas");
const why = noPythonWith("Polars and pandas");

test.skipIf(python === undefined && process.env["CI"] === undefined)(
  python === undefined ? `nothing: ${why}` : "Polars and pandas compute the same",
  async () => {
    if (python === undefined) throw new Error(why);
    const features = Object.entries(FORMULAS).map(([name, formula]) => ({ name, formula }));
    await inRunFolder({ name: "run", tables: ["bars"], features }, async (folder, file) => {
      const [path, wide] = [join(folder, "warehouse/bars.parquet"), join(folder, "wide.parquet")];
      await writeBars(path, ["x", "y", "z"], barsFrom(randomFrom(20)));
      execFileSync(process.execPath, [MAIN, "features", "compute", file, "--wide", wide]);
      const found: readonly Row[] = await ask(`SELECT * FROM read_parquet('${wide}', file_row_number = true)`);
      const told = execFileSync(python, [join(import.meta.dirname, "formulas.py"), path], {
        encoding: "utf8",
        maxBuffer: 2 ** 26,
      });
      const answers: Answers = JSON.parse(told);
      const known = new Set([...Object.keys(answers.polars), ...Object.keys(answers.pandas)]);
      expect([...known].sort()).toEqual(Object.keys(FORMULAS).sort());
      for (const [library, columns] of Object.entries(answers))
        for (const [name, cells] of Object.entries(columns)) {
          expect(cells.length).toBe(found.length);
          const row = found.findIndex((one, place) => !alike(one[name], cells[place]));
          expect([library, name, row, found[row]?.[name], cells[row]]).toEqual([
            library,
            name,
            -1,
            undefined,
            undefined,
          ]);
        }
    });
  },
);
