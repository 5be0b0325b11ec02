import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { AuditOptions } from "../../src/app/audit-service.js";
import { LEAKS } from "./leaks.js";
import { type OpenShop, openShop, SHOP, shopIn } from "./shop.js";

let shop: OpenShop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

describe("an engine that keeps the rules", () => {
  test("passes: all rows derived again, and nothing moves", async () => {
    await shop.train();
    const report = await shop.audit({ trials: 6 });
    expect(report.counterExamples).toEqual([]);
    expect(report.derived).toMatchObject({ rows: 14, days: ["1970-01-02", "1970-01-03"], skipped: [] });
    expect(report.future.trials.map(({ outcome }) => outcome)).toEqual(Array(6).fill("nothing moved"));
    expect(report.future.trials.every(({ rows }) => rows > 0)).toBe(true);
    expect(report.future.columns).not.toContain("country");
    expect(report.notCausal).toEqual([
      "column country: depends on the latest rows of users",
      "column qid: numbers the sessions of whole days",
    ]);
  });

  test("passes where a column is called like DuckDB's number of a row", async () => {
    const own = await openShop({
      spine: `
        user_id  ts     file_row_number
        1        10     7
        2        20     9
        1        86420  7
        2        86430  5
        1        86440  3
      `,
      columns: ["user_id key BIGINT", "ts spine BIGINT", "file_row_number spine BIGINT"],
      specs: [
        { name: "seen", agg: "list", source_column: "file_row_number", partition_by: "user_id", windows: ["all"] },
      ],
    });
    await own.train();
    const report = await own.audit({ trials: 2 });
    await own.close();
    expect(report.counterExamples).toEqual([]);
    expect(report.derived).toMatchObject({ rows: 5, skipped: [] });
  });

  test("every trial changes, adds and deletes something", async () => {
    const { future } = await shop.audit({ trials: 6, rows: 0 });
    const changes = future.trials.flatMap((trial) => trial.changes);
    for (const kind of ["changed", "added", "deleted"] as const)
      expect(changes.reduce((sum, change) => sum + change[kind], 0)).toBeGreaterThan(0);
    expect(new Set(changes.map(({ view }) => view))).toEqual(new Set(["events", "items", "users"]));
  });

  test("--strict counts the latest views and qid", async () => {
    const report = await shop.audit({ trials: 6, rows: 0, strict: true });
    const moved = new Set(report.counterExamples.flatMap(({ columns }) => columns.map(({ column }) => column)));
    expect([...moved].sort()).toEqual(["country", "qid"]);
  });

  test("the same seed tries the same, another one something else", async () => {
    const [first, again, other] = [
      await shop.audit({ trials: 4, rows: 5 }),
      await shop.audit({ trials: 4, rows: 5 }),
      await shop.audit({ trials: 4, rows: 5, seed: 2 }),
    ];
    expect(again).toEqual(first);
    expect(other.future.trials).not.toEqual(first.future.trials);
  });

  test("a day and columns can be chosen; what cannot be audited is told", async () => {
    const { derived, future } = await shop.audit({ date: "1970-01-02", columns: ["price"], trials: 2 });
    expect(derived).toMatchObject({ rows: 6, values: 6, days: ["1970-01-02"] });
    expect(future.trials.map(({ day }) => day)).toEqual(["1970-01-02", "1970-01-02"]);
    const elsewhere = await shop.audit({ outputRoot: join(shop.directory, "nowhere"), trials: 1 });
    expect(elsewhere.derived.skipped).toEqual([`no day is written in ${join(shop.directory, "nowhere")}`]);
    await expect(shop.audit({ date: "1970-03-01" })).rejects.toThrow(/no row on 1970-03-01/);
    await expect(shop.audit({ date: "1970-1" })).rejects.toThrow(/--date 1970-1 is not a date/);
    await expect(shop.audit({ columns: ["prise"] })).rejects.toThrow(/no column "prise".*did you mean "price"/s);
  });
});

describe("files that were changed, with a manifest that says so, are found", () => {
  const day = "1970-01-02";
  /** Writes the rows of the day that SQL makes of its part (`r`) in the place of these. */
  async function rewrite(sql: string): Promise<void> {
    const folder = join(shop.directory, "out", `dt=${day}`);
    const part = join(folder, "part-0-0.parquet");
    const database = await DuckDBInstance.create();
    const connection = await database.connect();
    await connection.run(
      `CREATE TABLE r AS SELECT row_number() OVER () AS n, * FROM read_parquet('${part}', hive_partitioning = false)`,
    );
    await connection.run(`COPY (${sql}) TO '${part}' (FORMAT parquet)`);
    const rows = await connection.runAndReadAll(`SELECT count(*)::INTEGER FROM '${part}'`);
    connection.closeSync();
    database.closeSync();
    const path = join(folder, "_manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    const bytes = readFileSync(part);
    const own = {
      rows: rows.getRows()[0]?.[0],
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    };
    Object.assign(manifest, { rows: own.rows });
    Object.assign(manifest.parts[0], own);
    writeFileSync(path, JSON.stringify(manifest));
  }
  const found = async (options: AuditOptions = {}) => {
    const { counterExamples } = await shop.audit({ trials: 0, date: day, ...options });
    return counterExamples.map(({ kind, presence = "" }) => `${kind}: ${presence}`);
  };
  beforeEach(async () => {
    rmSync(join(shop.directory, "out"), { recursive: true, force: true });
    await shop.train();
  });

  test("a row is gone", async () => {
    expect(await found()).toEqual([]);
    await rewrite("SELECT * EXCLUDE (n) FROM r WHERE n <> 3 ORDER BY n");
    expect(await found()).toEqual(["derived: the row is missing in the file"]);
  });

  test("rows stand in another order", async () => {
    await rewrite("SELECT * EXCLUDE (n) FROM r ORDER BY CASE n WHEN 2 THEN 3 WHEN 3 THEN 2 ELSE n END");
    expect(await found()).toEqual([
      expect.stringMatching(
        /^file: row 3 of part-0-0\.parquet is to come before the row above it: rows are ordered by /,
      ),
    ]);
  });

  test("a column is gone, or is another", async () => {
    await rewrite("SELECT * EXCLUDE (n, price) FROM r ORDER BY n");
    expect(await found()).toEqual([
      expect.stringMatching(/^file: part-0-0\.parquet has the columns [^;]*; those of the contract are .*price/),
    ]);
  });

  test("parts stand in one another's place", async () => {
    const many = await openShop({ ...SHOP, runtime: { ...SHOP.runtime, entity_spine_chunk_rows: 2 } });
    try {
      await many.train();
      expect((await many.audit({ trials: 0, date: day })).counterExamples).toEqual([]);
      const path = join(many.directory, "out", `dt=${day}`, "_manifest.json");
      const manifest = JSON.parse(readFileSync(path, "utf8"));
      const [first, second] = manifest.parts.map(({ name }: { name: string }) => join(path, "..", name));
      const [a, b] = [readFileSync(first), readFileSync(second)];
      writeFileSync(first, b);
      writeFileSync(second, a);
      const [one, two, ...others] = manifest.parts;
      manifest.parts = [{ ...two, name: one.name }, { ...one, name: two.name }, ...others];
      writeFileSync(path, JSON.stringify(manifest));
      const { counterExamples } = await many.audit({ trials: 0, date: day });
      expect(counterExamples.map(({ kind, presence }) => `${kind}: ${presence}`)).toEqual([
        expect.stringMatching(/^file: row 1 of part-1-0\.parquet is to come before the row above it/),
      ]);
    } finally {
      await many.close();
    }
  });

  test("all rows are gone", async () => {
    await rewrite("SELECT * EXCLUDE (n) FROM r WHERE false");
    const gone = await found();
    expect(gone.length).toBeGreaterThan(0);
    expect(new Set(gone)).toEqual(new Set(["derived: the row is missing in the file"]));
  });

  test("a column has another type", async () => {
    await rewrite("SELECT * EXCLUDE (n) REPLACE (CAST(price AS VARCHAR) AS price) FROM r ORDER BY n");
    expect(await found()).toEqual([
      expect.stringMatching(
        /^file: part-0-0\.parquet has the columns .*price VARCHAR.*; those of the contract are .*price DOUBLE/,
      ),
    ]);
  });

  test("bytes of a file are not those of its manifest", async () => {
    writeFileSync(join(shop.directory, "out", `dt=${day}`, "part-0-0.parquet"), "PAR1");
    expect(await found()).toEqual([expect.stringMatching(/^file: part-0-0\.parquet has 4 bytes, its manifest says /)]);
  });
});

describe("an engine that leaks is found", () => {
  for (const { name, cells, column, future } of LEAKS)
    test(`${name}`, { timeout: 300_000 }, async () => {
      const leaking = await openShop();
      try {
        await leaking.train(cells);
        const report = await leaking.audit({ trials: future ? 8 : 0 }, cells);
        const kinds = (kind: string) =>
          report.counterExamples.filter(
            (example) => example.kind === kind && example.columns.some((cell) => cell.column === column),
          );
        expect(kinds("derived").length, "derived again").toBeGreaterThan(0);
        if (future) expect(kinds("future").length, "the future perturbed").toBeGreaterThan(0);
        else expect(kinds("future")).toEqual([]);

        const derived = report.counterExamples.find(({ kind, project }) => kind === "derived" && project !== undefined);
        await showsItself(derived?.project ?? "", derived?.rows ?? 0, cells, "derived");
        if (!future) return;
        const moved = report.counterExamples.find(({ kind, project }) => kind === "future" && project !== undefined);
        expect(moved?.rows).toBeLessThan(12);
        expect(readFileSync(join(moved?.project ?? "", "README.md"), "utf8")).toContain("DAEDALUS_DATA=data/after");
      } finally {
        await leaking.close();
      }
    });
});

/** The project of a counter-example is small, and shows the fault by itself. */
async function showsItself(directory: string, rows: number, cells: (typeof LEAKS)[number]["cells"], kind: string) {
  expect(rows).toBeLessThan(12);
  const small = await shopIn(directory);
  await small.train(cells);
  const report = await small.audit({ trials: 0 }, cells);
  expect(report.counterExamples.filter((example) => example.kind === kind).length).toBeGreaterThan(0);
  await small.train();
}
