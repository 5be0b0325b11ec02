import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { RAY_PYTHON } from "../services/ray.js";
import { asShown, blocksOf, checkout, follow, root } from "./page.js";

const run = promisify(execFile);

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
    const said = asShown(await follow("examples/minute_bars/README.md", checkout));
    delete process.env["BARS"];
    expect(said).toContain("wrote kernel.parquet: 45,031 rows, 107 features");
    expect(said).toContain("wrote polars.parquet: 45,031 rows, 107 features");
    expect(said).toMatch(/wrote x010.html: 45,031 rows/);
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
