import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { ask, type Row } from "../feature-runs/run-folder.js";
import { RAY_PYTHON } from "../services/ray.js";
import { asShown, blocksOf, checkout, follow, root } from "./page.js";

const run = promisify(execFile);

/** Of each feature: cells that are NULL, NaN or infinite on one side only, and the farthest two, in deviations of the column. */
async function compareBackends(kernel: string, polars: string): Promise<readonly Row[]> {
  const names = (await ask(`DESCRIBE SELECT * EXCLUDE (symbol, event_time) FROM '${kernel}'`)).map((row) =>
    String(row["column_name"]),
  );
  const queries = names.map((name) => {
    const [x, y] = [`CAST(a."${name}" AS DOUBLE)`, `CAST(b."${name}" AS DOUBLE)`];
    const unlike = `count(*) FILTER (((${x}) IS NULL) <> ((${y}) IS NULL) OR (${x} IS NOT NULL AND NOT isfinite(${x}) AND ${x} <> ${y}))`;
    const apart = `max(abs(${x} - ${y}) / greatest(abs(${x}), s, 1e-300)) FILTER (isfinite(${x}))`;
    return `SELECT '${name}' AS name, ${unlike} AS unlike, coalesce(${apart}, 0) AS apart FROM '${kernel}' a JOIN '${polars}' b USING (symbol, event_time),
      (SELECT coalesce(stddev_pop(CAST("${name}" AS DOUBLE)) FILTER (isfinite(CAST("${name}" AS DOUBLE))), 0) AS s FROM '${kernel}')`;
  });
  return ask(queries.join(" UNION ALL "));
}

describe("what the documents show works", { timeout: 300_000 }, () => {
  test("README: from a fresh checkout", async () => {
    const said = asShown(await follow("README.md", checkout));
    expect(said).toContain('9,000 rows of training data for "dssm_ranking"'); // as printed there
    expect(said).toContain("ranking → data/training_output/ranking");
  });

  test("tutorial, from top to bottom", async () => {
    const said = asShown(await follow("docs/tutorial.md"));
    expect(said).toMatch(/2024-03-02 +complete +4/);
    expect(said).toContain("exit code 2");
  });

  test("feature runs, from top to bottom", async () => {
    expect(asShown(await follow("docs/features.md"))).toContain('did you mean "rolling_mean"?');
  });

  const BARS = join(root, "../shared/data/market/btc_perp_1m_202201.csv.gz");
  const onBars = async (): Promise<void> => {
    process.env["BARS"] = BARS;
    let apart: readonly Row[] = [];
    const said = asShown(
      await follow("examples/minute_bars/README.md", checkout, async (folder) => {
        apart = await compareBackends(join(folder, "kernel.parquet"), join(folder, "polars.parquet"));
      }),
    );
    delete process.env["BARS"];
    expect(said).toContain("wrote kernel.parquet: 45,031 rows, 107 features");
    expect(said).toContain("wrote polars.parquet: 45,031 rows, 107 features");
    expect(said).toMatch(/wrote x010.html: 45,031 rows/);
    expect(apart.length).toBe(107);
    // As docs/accuracy.md says of real bars.
    expect(apart.filter(({ unlike, apart: distance }) => unlike !== 0n || Number(distance) > 1e-9)).toEqual([]);
    expect(apart.filter(({ apart: distance }) => distance === 0).length).toBeGreaterThanOrEqual(70);
  };
  // Real bars lie beside the repository where there are any; they are not part of it.
  if (existsSync(BARS)) test("examples/minute_bars on real bars", onBars);

  test("functions of your own", async () => {
    expect(asShown(await follow("docs/functions.md"))).toContain("udf_tag_overlap: tag_overlap(");
  });

  test("the README of examples/artworks", async () => {
    const said = asShown(await follow("examples/artworks/README.md"));
    expect(said).toContain("xgb_reranker → data/training_output/xgb_reranker");
  });

  if (RAY_PYTHON === undefined) test.skip("on a Ray cluster: the test script could not install Ray", () => undefined);
  else
    test("on a Ray cluster", async () => {
      asShown(await follow("docs/cluster.md"));
    });

  test("the README of examples/shop", async () => {
    expect(asShown(await follow("examples/shop/README.md", checkout))).toContain("written: the same");
  });

  test("the README's program", async () => {
    const program = (await blocksOf("README.md")).find(({ language }) => language === "ts");
    const folder = await mkdtemp(join(tmpdir(), "daedalus-docs-"));
    try {
      await run(join(root, "daeda"), ["init", "my_project"], { cwd: folder });
      await mkdir(join(folder, "node_modules"));
      await symlink(root, join(folder, "node_modules", "daedalus"));
      await writeFile(join(folder, "program.mjs"), `${program?.text}\nconsole.log(outcome.rows);\n`);
      const { stdout } = await run(process.execPath, ["program.mjs"], { cwd: folder });
      expect(Number(stdout)).toBeGreaterThan(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
