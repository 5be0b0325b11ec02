import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planDays, train } from "#daedalus/app/train-service.js";
import { RESOURCE_SETTINGS, refusalOfSetting } from "#daedalus/definitions/duckdb-settings.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { problemsOf, RUNTIME, TinyProject } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
});
afterEach(() => project.close());

const withConfig = (config: string) => project.add(RUNTIME, `compute: {duckdb_config: {${config}}}\n`);

describe("compute.duckdb_config", () => {
  test.each([
    ["nope: 1", "no setting"],
    ["thread: 1", 'no setting "thread"'],
    ["default_order: desc", "changes what values mean"],
    ["default_collation: nocase", "changes what values mean"],
    ["TimeZone: Europe/Berlin", "changes what values mean"],
    ["default_null_order: nulls_last", "changes what values mean"],
    ["preserve_insertion_order: false", "changes what values mean"],
    ["access_mode: read_only", "Daedalus' own business"],
    ["autoload_known_extensions: true", "Daedalus' own business"],
  ])("{%s} is refused: %s", async (config, why) => {
    const [problem, ...more] = await withConfig(config).problems();
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: "definition/setting-refused", file: RUNTIME, line: 5, column: 27 });
    expect(problem?.says).toContain(why);
    expect(problem?.help).toContain("threads, ");
  });

  test("the nearest setting is named", async () => {
    expect((await withConfig("memory_limits: 1GB").problems())[0]?.suggestion).toBe("memory_limit");
  });

  test.each([
    ["threads: abc", "threads"],
    ["threads: 0", "threads"],
    ["memory_limit: lots", "memory_limit"],
    ["memory_limit: 1KB", "memory_limit"],
    ["temp_file_encryption: maybe", "temp_file_encryption"],
    ["parquet_metadata_cache: maybe", "parquet_metadata_cache"],
    ["external_threads: 2, threads: abc", "threads"],
  ])("{%s}: DuckDB refuses the value, exit 2", async (config, name) => {
    const [problem, ...more] = await withConfig(config).problems();
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: "definition/setting-value", file: RUNTIME, line: 5 });
    expect(problem?.excerpt?.text.slice((problem.column ?? 0) - 1)).toMatch(/^(abc|0|lots|1KB|maybe)/);
    expect(problem?.says).toContain(name);
  });

  test("all of them are told at once", async () => {
    const problems = await withConfig("threads: 0, max_temp_directory_size: lots, nope: 1").problems();
    expect(problems.map(({ code }) => code).sort()).toEqual([
      "definition/setting-refused",
      "definition/setting-value",
      "definition/setting-value",
    ]);
  });

  test("memory_limit and max_memory are one setting", async () => {
    expect(await withConfig("memory_limit: 1GB, max_memory: 1GB").codes()).toEqual([
      `definition/one-of-two ${RUNTIME}:5:46`,
    ]);
  });

  test.each([
    ["threads: 100000", "threads is 100000, but must be at most 1024"],
    ["memory_limit: -4GB", "memory_limit is -4GB, but must be a size above 0"],
    ['max_memory: " -1GB"', "max_memory is -1GB, but must be a size above 0"],
  ])("{%s}: DuckDB would take it, we do not", async (config, says) => {
    const problems = await withConfig(config).problems();
    expect(problems.map(({ code, line }) => [code, line])).toEqual([["definition/out-of-range", 5]]);
    expect(problems[0]?.says.replace("  ", " ")).toBe(says);
  });

  test("what is about resources is taken, in every session", async () => {
    await withConfig(
      "threads: 2, external_threads: 1, memory_limit: 1GB, streaming_buffer_size: 8MB, temp_directory: /tmp/daedalus, parquet_metadata_cache: true, pin_threads: off",
    ).compile();
    const session = await SqlSession.open({
      threads: "1",
      parquet_metadata_cache: "true",
      streaming_buffer_size: "8MB",
    });
    const [row] = await session.query("SELECT current_setting('parquet_metadata_cache') AS value");
    expect(row?.["value"]).toBe(true);
    session.close();
  });

  test("too little memory for the data is told as that, exit 1: no file and no fault of Daedalus is to blame", async () => {
    const compiled = await withConfig("memory_limit: 4MB").compile();
    const outputRoot = project.path("out");
    const told = await problemsOf(() => planDays(compiled, { outputRoot }));
    expect(told).toMatchObject([{ code: "run/out-of-memory", exitCode: 1 }]);
    expect(await problemsOf(() => train(compiled, { outputRoot }))).toMatchObject([{ code: "run/out-of-memory" }]);
  });

  test("every setting of DuckDB is known: taken, or refused with its reason", async () => {
    const session = await SqlSession.open({ threads: "1" });
    const names = (await session.query("SELECT name FROM duckdb_settings()")).map(({ name }) => String(name));
    session.close();
    expect(names.filter((name) => refusalOfSetting(name) === "unknown")).toEqual([]);
    expect(Object.keys(RESOURCE_SETTINGS).filter((name) => !names.includes(name))).toEqual([]);
  });
});
