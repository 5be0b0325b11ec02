import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { compileService, loadProject, schemas, train } from "daedalus";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { importDemoVectors, writeDemoProject } from "#daedalus/app/demo/demo-project.js";
import { ROLLING_ENGINES, type RollingEngine } from "#daedalus/definitions/runtime.js";
import { sqlName, sqlText, testConnection } from "../support/duckdb.js";
import { dssmRankingByHand, xgbRerankerByHand } from "./artworks-by-hand.js";
import { expectSameRows } from "./expect-same-rows.js";

const example = resolve("examples/artworks");
const DAYS = 9;

let project: string;
let last: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "daedalus-artworks-"));
  [, last] = (await writeDemoProject(project, { days: DAYS, events: 7_000, seed: 1 })).days;
  await importDemoVectors(await loadProject(project, { environment: {} }));
});
afterAll(() => rm(project, { recursive: true }));

async function trained(service: string, from: string, outputRoot: string, engine?: RollingEngine): Promise<void> {
  const compiled = await compileService(await loadProject(project, { environment: {} }), service);
  expect(compiled.warnings).toEqual([]);
  const report = await train(compiled, {
    from,
    to: last,
    outputRoot,
    ...(engine === undefined ? {} : { engine }),
  });
  expect(report.days.flatMap(({ problems }) => problems)).toEqual([]);
  expect(report.days.map(({ outcome }) => outcome)).toEqual(report.days.map(() => "done"));
}

describe("each value of one day is what a self-join gives", () => {
  test("dssm_ranking", async () => {
    const root = join(project, "out", "dssm-by-hand");
    await trained("dssm_ranking", last, root);
    await expectSameRows(root, last, dssmRankingByHand(join(project, "data"), last));
  });

  test("xgb_reranker", async () => {
    const root = join(project, "out", "xgb-by-hand");
    await trained("xgb_reranker", last, root);
    await expectSameRows(root, last, xgbRerankerByHand(join(project, "data"), last), ["liked_aes_score_mean_7d"]);
  });
});

test.each(["dssm_ranking", "xgb_reranker"])("%s has the same bytes on every engine", async (service) => {
  const partsOn = async (engine: RollingEngine): Promise<readonly string[]> => {
    const root = join(project, "out", `${service}-${engine}`);
    await trained(service, last, root, engine);
    const parts = readdirSync(join(root, `dt=${last}`)).filter((name) => name.endsWith(".parquet"));
    return parts.map((part) => readFileSync(join(root, `dt=${last}`, part)).toString("base64"));
  };
  const [first, ...others] = ROLLING_ENGINES;
  const expected = await partsOn(first);
  expect(expected).not.toEqual([]);
  for (const engine of others) expect((await partsOn(engine)).join() === expected.join(), engine).toBe(true);
});

describe("every column has a value somewhere, and a NULL or an empty list somewhere if it can", () => {
  const COUNTS =
    /^(user_events|like_artwork_cnts|liked_authors|liked_tacks|published_artworks|artwork_(views|likes|viewers)|own_views)/;

  test.each([
    ["dssm_ranking", 57],
    ["xgb_reranker", 34],
  ])("%s", async (service, width) => {
    const root = join(project, "out", service);
    await trained(service, "2026-02-01", root);
    const connection = await testConnection();
    const files = `read_parquet(${sqlText(join(root, "dt=*/*.parquet"))}, hive_partitioning = false)`;
    const columns = (await connection.runAndReadAll(`DESCRIBE FROM ${files}`)).getRowObjectsJS();
    expect(columns).toHaveLength(width);
    const without: string[] = [];
    const always: string[] = [];
    for (const { column_name, column_type } of columns) {
      const [name, isList] = [sqlName(String(column_name)), String(column_type).endsWith("[]")];
      const empty = isList
        ? `${name} IS NULL OR len(${name}) = 0`
        : COUNTS.test(String(column_name))
          ? `${name} = 0`
          : `${name} IS NULL`;
      const [found] = (
        await connection.runAndReadAll(
          `SELECT bool_and(coalesce(${empty}, false)) AS never, bool_or(coalesce(${empty}, false)) AS once FROM ${files}`,
        )
      ).getRowObjectsJS();
      if (found?.["never"] === true) without.push(String(column_name));
      if (found?.["once"] !== true) always.push(String(column_name));
    }
    expect(without).toEqual([]);
    // A time is required; a NULL country or platform is 0 for this service, as its contract says.
    expect(always).toEqual([
      "event_timestamp",
      ...(service === "dssm_ranking" ? ["country_code", "platform_code"] : []),
    ]);
  });
});

test("animated artworks are saved by curation, those of unknown type are not", async () => {
  const root = join(project, "out", "dssm_ranking");
  const [found] = (
    await (
      await testConnection()
    ).runAndReadAll(`
      SELECT count(*) FILTER (model_type = 'DEFAULT_I2V_MODEL') > 0 AS saved, count(*) FILTER (model_type = 'SD_V1_MODEL') AS old,
        bool_and(artwork_type = 'ANIMATED_ARTWORK') FILTER (model_type = 'DEFAULT_I2V_MODEL') AS animated
      FROM read_parquet(${sqlText(join(root, "dt=*/*.parquet"))})`)
  ).getRowObjectsJS();
  expect(found).toEqual({ saved: true, old: 0n, animated: true });
});

test("output_columns of chapter 7: the table of seed 001, the session's number first", async () => {
  const project = await loadProject(example, { environment: {} });
  const compiled = await compileService(project, "dssm_ranking").catch(() => undefined);
  expect(compiled, "the example has no data of its own").toBeUndefined();
  const names = project.runtimeOf("dssm_ranking").outputColumns?.map(({ name }) => name);
  expect(names).toEqual(project.services.get("dssm_ranking")?.columns.map(({ name }) => name));
});

test("the schemas beside the example are those of this version, and every YAML names one", () => {
  const folder = join(example, "schemas");
  expect(readdirSync(folder).sort()).toEqual([...schemas().keys()].sort());
  for (const [name, schema] of schemas())
    expect(JSON.parse(readFileSync(join(folder, name), "utf8")), name).toEqual(JSON.parse(JSON.stringify(schema)));
  const files = readdirSync(example, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(11);
  for (const file of files.filter((name) => !name.endsWith(".generated.yaml"))) {
    const [line = ""] = readFileSync(join(example, file), "utf8").split("\n");
    const named = /^# yaml-language-server: \$schema=(.+)$/.exec(line)?.[1] ?? "";
    expect(
      [...schemas().keys()].map((name) => join(folder, name)),
      file,
    ).toContain(join(example, file, "..", named));
  }
});
