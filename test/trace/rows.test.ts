import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CompiledService, compileService } from "#daedalus/app/compile-service.js";
import { explainRow } from "#daedalus/app/explain-row.js";
import { loadProject } from "#daedalus/app/project.js";
import { checksum } from "#daedalus/storage/day-manifest.js";
import { sqlText, testConnection } from "../support/duckdb.js";
import { trainDirectory, writeCase } from "../support/product.js";
import { projectOf, type Rule } from "../support/rule.js";

// Which row is meant, and whether the file has the same.

const RULE: Rule = {
  spine: {
    entity: ["user", "place"],
    unit: "ms",
    table: `
      user_id place_id:TEXT ts    item
      1       a             1000  5
      1       a             1000  3
      1       a             2500  4
      1       b,c           3000  4
      2       it's          3000  4
      2       NULL          3000  4
    `,
  },
  columns: ["item spine BIGINT"],
  specs: [{ name: "seen", agg: "list", source_column: "item" }],
};

let directory: string;
let compiled: CompiledService;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "daedalus-rows-"));
  await writeCase(directory, { ...projectOf(RULE), service: "main" });
  compiled = await compileService(await loadProject(directory, { environment: {} }), "main");
  await trainDirectory(directory, "main", { outputRoot: join(directory, "out") });
});
afterAll(() => rm(directory, { recursive: true }));

const ask = (row: string, options: { readonly columns?: readonly string[]; readonly root?: string } = {}) =>
  explainRow(compiled, row, {
    outputRoot: join(directory, options.root ?? "out"),
    ...(options.columns === undefined ? {} : { columns: options.columns }),
  });

describe("a row is named by its keys and its time", () => {
  test.each([
    ["user_id=1,place_id=a@2500", 3],
    ["user_id=1,place_id=a@1970-01-01T00:00:02.5Z", 3],
    ["place_id=a,user_id=1@1970-01-01T01:00:02.500+01:00", 3],
    ["user_id=1,place_id='b,c'@3000", 4],
    ["user_id=2,place_id='it''s'@1970-01-01 00:00:03", 5],
    ["user_id=2,place_id=it's@3000", 5],
    ["user_id=2,place_id=NULL@3000", 6],
  ])("%s", async (address, row) => {
    const { rows, written } = await ask(address);
    expect(rows.map(({ place }) => place?.row)).toEqual([row]);
    expect(written.outcome).toBe("same");
  });

  test("ties are all told, in the order of the file", async () => {
    const { rows } = await ask("user_id=1,place_id=a@1000", { columns: ["item"] });
    expect(rows.map(({ number, place, columns }) => [number, place?.row, columns[0]?.value])).toEqual([
      [1, 2, 3n],
      [2, 1, 5n],
    ]);
  });

  test.each([
    ["user_id=1", /trace\/bad-row.*@ and a time are missing/s],
    ["user_id@1000", /trace\/bad-row.*key=value is expected/s],
    ["user_id=1,user_id=2,place_id=a@1000", /the key user_id is there twice/],
    ["usr_id=1,place_id=a@1000", /no key column "usr_id".*did you mean "user_id".*the key user_id is missing/s],
    ["user_id=one,place_id=a@1000", /the key user_id=one is no BIGINT/],
    ["user_id=9223372036854775808,place_id=a@1000", /is no BIGINT/],
    ["user_id=1,place_id=a@yesterday", /"yesterday" is not the time of a row.*ISO 8601.*or an integer in ms/s],
    ["user_id=1,place_id=a@1970-02-30", /is not the time of a row/],
    [
      "user_id=1,place_id=a@2000",
      /no row user_id=1,place_id=a@1970-01-01T00:00:02Z.*nearest times of these keys: 1970-01-01T00:00:02.500Z, 1970-01-01T00:00:01Z/s,
    ],
    [
      "user_id=7,place_id=a@1000",
      /no row has these keys; the nearest rows in time: user_id=1,place_id=a@1970-01-01T00:00:01Z/,
    ],
  ])("%s is refused with what is expected and what is near", async (address, message) => {
    await expect(ask(address)).rejects.toThrow(message);
  });

  test("a column that is not in the contract is refused", async () => {
    await expect(ask("user_id=1,place_id=a@1000", { columns: ["sen"] })).rejects.toThrow(/no column "sen".*"seen"/s);
  });
});

describe("the file", () => {
  test("that is not there is told", async () => {
    const { written, rows } = await ask("user_id=1,place_id=a@2500", { root: "nowhere" });
    expect(written).toMatchObject({ outcome: "not written", state: "absent" });
    expect(rows[0]?.written).toBe("not written");
  });

  test("with another value is different, and the value is told; a row too many and one too few as well", async () => {
    const connection = await testConnection();
    const part = join(directory, "out", "dt=1970-01-01", "part-0-0.parquet");
    const read = `SELECT * FROM read_parquet(${sqlText(part)}, hive_partitioning = false)`;
    await connection.run(`CREATE OR REPLACE TABLE kept AS ${read}`);
    const write = (sql: string) => connection.run(`COPY (${sql}) TO ${sqlText(part)} (FORMAT parquet)`);
    const manifest = join(directory, "out", "dt=1970-01-01", "_manifest.json");
    const said = await readFile(manifest, "utf8");
    // The day's checksums are made to fit, so that only the values tell.
    const matchManifest = async () => {
      const { sha256, bytes } = await checksum(part);
      const value = JSON.parse(said);
      value.parts = [{ ...value.parts[0], sha256, bytes }];
      await writeFile(manifest, JSON.stringify(value));
    };

    await write("SELECT * REPLACE (CASE WHEN ts = 2500 THEN [5, 3] ELSE seen END AS seen) FROM kept");
    await matchManifest();
    const wrong = await ask("user_id=1,place_id=a@2500");
    expect(wrong.written.outcome).toBe("different");
    expect(wrong.rows[0]?.columns.filter(({ written }) => written !== undefined)).toMatchObject([
      { name: "seen", shown: "[3, 5]", written: "[5, 3]" },
    ]);

    await write("SELECT * FROM kept UNION ALL SELECT * FROM kept WHERE ts = 2500");
    await matchManifest();
    expect((await ask("user_id=1,place_id=a@2500")).written).toMatchObject({ outcome: "different", surplus: 1 });

    await write("SELECT * FROM kept WHERE ts <> 2500");
    await matchManifest();
    const missing = await ask("user_id=1,place_id=a@2500");
    expect([missing.written.outcome, missing.rows[0]?.written]).toEqual(["different", "missing"]);

    await write("SELECT 1 AS nothing");
    expect((await ask("user_id=1,place_id=a@2500")).written).toMatchObject({
      outcome: "not compared",
      state: "failed",
    });
  });
});
