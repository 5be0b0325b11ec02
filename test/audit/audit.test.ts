import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LEAKS } from "./leaks.js";
import { type OpenShop, openShop, shopIn } from "./shop.js";

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
