import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileService, loadProject } from "daedalus";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DayManifest } from "#daedalus/storage/day-manifest.js";
import { trainDirectory, writeCase } from "../support/product.js";
import { writeProjectFiles } from "../support/project-files.js";
import { ENGINES, projectOf, withEngine } from "../support/rule.js";

// A run over many days fetches each row of history once: the days' own and those of the longest window before the first,
// however the days are cut into spans and whoever makes the windows.

const DAY_SECONDS = 86_400;
const FROM = 20;
const TO = 33;
const dayOf = (number: number): string => new Date(number * DAY_SECONDS * 1000).toISOString().slice(0, 10);

/** Six rows a day for forty days; the second a day has is an event of another kind. */
const spine = Array.from({ length: 40 }, (_, day) =>
  Array.from({ length: 6 }, (_, row) => {
    const seconds = day * DAY_SECONDS + row * 9_000;
    return { seconds, line: `${row % 2} ${seconds} ${row === 1 ? "view" : "like"} ${(day * 7 + row) % 11}` };
  }),
).flat();
/** One order every third of a day. */
const orders = Array.from({ length: 120 }, (_, order) => ({ seconds: order * 28_800 + 100, line: `${order % 2}` }));

const { project, tables, layouts } = projectOf({
  spine: `user_id:BIGINT ts:BIGINT event:TEXT item:BIGINT\n${spine.map(({ line }) => line).join("\n")}`,
  views: {
    orders: {
      table: `user_id:BIGINT at:BIGINT paid:BIGINT\n${orders.map(({ seconds, line }) => `${line} ${seconds} 5`).join("\n")}`,
    },
  },
  day: dayOf(FROM),
  days: [dayOf(FROM), dayOf(TO)],
  specs: [
    { name: "likes", agg: "list", source_column: "item", windows: ["1d", "7d"], events: ["like"] },
    { name: "seen", agg: "count_distinct", source_column: "item", windows: ["3d"], exclude_self: true },
    { name: "views", agg: "count", windows: ["2d"], events: ["view"] },
    { name: "paid", agg: "sum", source_column: "paid", view: "orders", match: { user_id: "user_id" }, windows: ["4d"] },
  ],
  lookups: [
    { name: "last_paid", view: "orders", match: { user_id: "user_id" }, value: "paid" },
    { name: "all_paid", view: "orders", match: { user_id: "user_id" }, value: "paid", collect: true, window: "3d" },
  ],
});

/** Longest windows in days, by the scan whose rows they reach. */
const SCANS = {
  scan_events_history: { rows: spine, days: 7 },
  scan_orders_history: { rows: orders, days: 4 },
  // One row, however old; nothing after the last day.
  scan_orders_lookup_last_paid: { rows: orders, days: FROM },
  scan_orders_lookup_all_paid: { rows: orders, days: 3 },
} as const;
type ScanName = keyof typeof SCANS;

function neededRows(scan: ScanName, windows = 1): number {
  const { rows, days } = SCANS[scan];
  const within = (from: number, to: number) =>
    rows.filter(({ seconds }) => seconds >= from * DAY_SECONDS && seconds < to * DAY_SECONDS).length;
  return within(FROM, TO + 1) + windows * within(FROM - days, FROM);
}

let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "daedalus-sharing-"));
  await writeCase(directory, { project, tables, layouts, service: "main" });
});
afterAll(() => rmSync(directory, { recursive: true }));

type Settings = Parameters<typeof trainDirectory>[2];

/** Rows that the days of a run say were read for them, by scan. */
async function scannedBy(
  engine: (typeof ENGINES)[number],
  settings: Settings,
): Promise<Readonly<Record<string, number>>> {
  writeProjectFiles(directory, withEngine(project, engine));
  const outputRoot = mkdtempSync(join(directory, "out-"));
  const days = [dayOf(FROM), dayOf(TO)];
  await trainDirectory(directory, "main", { days, outputRoot, ...settings });
  const sums: Record<string, number> = {};
  for (let day = FROM; day <= TO; day++) {
    const text = readFileSync(join(outputRoot, `dt=${dayOf(day)}`, "_manifest.json"), "utf8");
    const { run } = JSON.parse(text) as DayManifest;
    for (const [scan, rows] of Object.entries(run.scanned)) sums[scan] = (sums[scan] ?? 0) + rows;
  }
  return sums;
}

test("the scans are those that this file knows", async () => {
  const compiled = await compileService(await loadProject(directory, { environment: {} }), "main");
  const scans = compiled.pipeline.operators.filter(({ kind }) => kind === "scan").map(({ name }) => name);
  expect(scans.sort()).toEqual(["scan_events", ...Object.keys(SCANS)].sort());
});

describe.each(ENGINES)("%s", (engine) => {
  test.each([
    ["all days together", {}],
    ["spans of four days, which keep the history for the next", { spanDays: 4 }],
    ["day by day", { spanDays: 1 }],
  ] as const)("%s", async (_, settings) => {
    const scanned = await scannedBy(engine, settings);
    for (const scan of Object.keys(SCANS) as ScanName[]) {
      const needed = neededRows(scan);
      expect(scanned[scan], scan).toBeLessThanOrEqual(1.05 * needed);
      expect(scanned[scan], scan).toBeGreaterThanOrEqual(needed);
    }
    expect(scanned["scan_events"]).toBe(6 * (TO - FROM + 1));
  });

  test("two workers each fetch the window before their days", async () => {
    const scanned = await scannedBy(engine, { workers: 2 });
    // The one row to see may be any before: each worker looks among all of the run.
    for (const scan of (Object.keys(SCANS) as ScanName[]).filter((name) => SCANS[name].days < FROM))
      expect(scanned[scan], scan).toBeLessThanOrEqual(1.05 * neededRows(scan, 2));
  });
});

test("what comes after the days of a run does not stop it, nor is it read", async () => {
  const own = mkdtempSync(join(directory, "later-"));
  const later = tables["orders"];
  if (later === undefined) throw new Error("there are no orders");
  // No SMALLINT: read, it would stop the run.
  const rows = later.rows.map((row, place) => ({ ...row, paid: place === later.rows.length - 1 ? 100_000n : 5n }));
  const views = project.views.map((view) =>
    view.name === "orders" ? { ...view, fields: [{ name: "paid", dtype: "SMALLINT" as const }] } : view,
  );
  const small: Readonly<Record<string, string>> = { last_paid: "SMALLINT", all_paid: "SMALLINT[]" };
  const services = project.services.map((service) => ({
    ...service,
    columns: service.columns.map((column) => ({ ...column, dtype: small[column.name] ?? column.dtype })),
  }));
  await writeCase(own, {
    project: { ...project, views, services },
    tables: { ...tables, orders: { ...later, rows } },
    layouts,
    service: "main",
  });
  const outputRoot = join(own, "out");
  const { days } = await trainDirectory(own, "main", { days: [dayOf(FROM), dayOf(TO)], outputRoot });
  expect(days.size).toBe(TO - FROM + 1);
});
