import { tmpdir } from "node:os";
import { join } from "node:path";
import { identifier, text } from "../engines/sql/text.js";
import { DaedalusError } from "../errors/problem.js";
import type { FeaturePicture } from "../feature-runs/picture.js";
import { chosenFeatures, compiledOf, type OpenedFeatureRun, withTables, writeFeatures } from "./features-service.js";

/** Pieces of time that a line is drawn of, and bars of the distribution. */
const PIECES = 800;
const BARS = 60;
/** More lines than these nobody tells apart. */
const MOST_SYMBOLS = 6;

/**
 * Computes one feature of a run, and sums it up to be drawn: its least, mean and greatest value in pieces of time, by symbol, and
 * the distribution of its values. Throws DaedalusError: exit code 2 for a feature that there is not, 1 for one that fails.
 */
export async function pictureOf(opened: OpenedFeatureRun, name: string): Promise<FeaturePicture> {
  return withTables(opened, tmpdir(), async (open) => {
    const { session, tables, staging, run } = open;
    const path = join(staging, "shown.parquet");
    const written = await writeFeatures(open, chosenFeatures(compiledOf(opened, tables), name), path);
    const [problem] = written.features.flatMap((feature) => (feature.problem === undefined ? [] : [feature.problem]));
    if (problem !== undefined) throw new DaedalusError([problem], 1);

    const hasSymbols = tables[0]?.hasSymbols === true;
    const value = `CAST(${identifier(name)} AS DOUBLE)`;
    const symbol = hasSymbols ? "symbol" : "NULL";
    const rows = `(SELECT ${symbol} AS symbol, epoch_us(event_time) AS t, ${value} AS v FROM read_parquet(${text(path)}))`;
    const number = (cell: unknown): number => (cell === null ? Number.NaN : Number(cell));
    const [all] = await session.query(
      `SELECT count(*) AS rows, count(v) AS given, count(*) FILTER (isnan(v)) AS nans, count(*) FILTER (isinf(v)) AS infinities,
         min(t) AS first, max(t) AS last, count(DISTINCT symbol) AS symbols,
         min(v) FILTER (isfinite(v)) AS least, max(v) FILTER (isfinite(v)) AS most, avg(v) FILTER (isfinite(v)) AS mean,
         stddev_samp(v) FILTER (isfinite(v)) AS deviation, quantile_cont(v, [0.01, 0.25, 0.5, 0.75, 0.99]) FILTER (isfinite(v)) AS quantiles
       FROM ${rows}`,
    );
    const [first, last] = [number(all?.["first"]), number(all?.["last"])];
    const width = Math.max(1, (last - first) / PIECES);
    const pieces = await session.query(
      `SELECT symbol, CAST(floor((t - ${first}) / ${width}) AS INTEGER) AS piece, min(v) AS least, avg(v) AS mean, max(v) AS most
       FROM ${rows} WHERE isfinite(v) GROUP BY symbol, piece ORDER BY symbol ASC NULLS FIRST, piece ASC NULLS FIRST`,
    );
    const [least, most] = [number(all?.["least"]), number(all?.["most"])];
    const step = (most - least) / BARS;
    const bars = Number.isFinite(least)
      ? await session.query(
          `SELECT least(${BARS - 1}, CAST(floor((v - ${least}) / ${step > 0 ? step : 1}) AS INTEGER)) AS bar, count(*) AS n
           FROM ${rows} WHERE isfinite(v) GROUP BY bar ORDER BY bar ASC NULLS FIRST`,
        )
      : [];
    const lines = new Map<string, FeaturePicture["lines"][number]["points"][number][]>();
    for (const row of pieces) {
      const own = row["symbol"] === null ? "" : String(row["symbol"]);
      if (!lines.has(own) && lines.size >= MOST_SYMBOLS) continue;
      const time = first + (number(row["piece"]) + 0.5) * width;
      const point = { time, least: number(row["least"]), mean: number(row["mean"]), most: number(row["most"]) };
      lines.set(own, [...(lines.get(own) ?? []), point]);
    }
    const counts = new Array<number>(BARS).fill(0);
    for (const row of bars) counts[number(row["bar"])] = number(row["n"]);
    const spec = run.features.find((one) => one.name === name);
    const quantiles = all?.["quantiles"];
    return {
      name,
      run: run.name,
      formula: spec?.formula ?? `type ${spec?.type ?? ""}`,
      rows: number(all?.["rows"]),
      nulls: number(all?.["rows"]) - number(all?.["given"]),
      nans: number(all?.["nans"]),
      infinities: number(all?.["infinities"]),
      symbols: number(all?.["symbols"]),
      first,
      last,
      least,
      most,
      mean: number(all?.["mean"]),
      deviation: number(all?.["deviation"]),
      quantiles: Array.isArray(quantiles) ? quantiles.map(number) : [],
      lines: [...lines].map(([own, points]) => ({ symbol: own, points })),
      bars: counts,
    };
  });
}
