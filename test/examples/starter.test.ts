import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileService, loadProject, train } from "daedalus";
import { afterAll, expect, test } from "vitest";
import { STARTER_SERVICE, writeStarter } from "#daedalus/app/starter.js";
import { sqlText, testConnection } from "../support/duckdb.js";

const folder = mkdtempSync(join(tmpdir(), "daedalus-starter-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a new project trains without a warning, and every column has a value somewhere", async () => {
  const directory = join(folder, "trained");
  await writeStarter(directory);
  const compiled = await compileService(await loadProject(directory), STARTER_SERVICE);
  expect(compiled.warnings).toEqual([]);
  const outputRoot = join(directory, "out");
  const report = await train(compiled, { outputRoot });
  expect(report.days.flatMap(({ problems }) => problems)).toEqual([]);
  expect(report.days.map(({ outcome }) => outcome)).toEqual(Array(7).fill("done"));
  const [counts = {}] = (
    await (
      await testConnection()
    ).runAndReadAll(
      `SELECT count(COLUMNS(*))::INTEGER FROM read_parquet(${sqlText(join(outputRoot, "dt=*/*.parquet"))}, hive_partitioning = false)`,
    )
  ).getRowObjectsJS();
  expect(Object.keys(counts)).toHaveLength(36);
  expect(Object.entries(counts).filter(([, count]) => Number(count) === 0)).toEqual([]);
});

test("files that exist stay as they are, and those that are missing are written", async () => {
  const directory = join(folder, "users-own");
  await mkdir(join(directory, "data"), { recursive: true });
  writeFileSync(join(directory, "data/orders.csv"), "mine");
  const written = await writeStarter(directory);
  expect(written).toContain("daedalus.yaml");
  expect(written).not.toContain("data/orders.csv");
  expect(readFileSync(join(directory, "data/orders.csv"), "utf8")).toBe("mine");
  expect(await writeStarter(directory)).toEqual([]);
  rmSync(join(directory, "feature_views/feed.yaml"));
  expect(await writeStarter(directory)).toEqual(["feature_views/feed.yaml"]);
  expect(readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tmp"))).toEqual(
    [],
  );
});

test("every YAML of a new project names a schema that lies beside it", async () => {
  const directory = join(folder, "starter");
  const files = (await writeStarter(directory)).filter((file) => file.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) {
    const text = readFileSync(join(directory, file), "utf8");
    const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "none";
    expect(existsSync(join(directory, file, "..", schema)), `${file}: ${schema}`).toBe(true);
  }
});
