import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ProjectModel, SourceTable, Tables } from "../oracles/project-model.js";
import { readView } from "../oracles/relation.js";
import { scopeOf } from "../oracles/service-scope.js";
import { dayOf, daysOf } from "../oracles/sessions.js";
import { OracleStop, show, type Value } from "../oracles/values.js";
import type { Layout } from "../support/data-files.js";
import { inProject, type Trained, type TrainSettings, trainCase, trainDirectory } from "../support/product.js";
import { ENGINES, withEngine } from "../support/rule.js";
import { expectedOf } from "./compare.js";
import { type Draw, drawn } from "./draw.js";
import { type ProjectCase, randomProject } from "./random-project.js";

// What must not change a training set, and what must not change its past. No oracle's values are needed here.

const LONG = process.env["DAEDALUS_LONG"] !== undefined;

/** Projects that can be trained, from seeds that the random projects do not use. */
function trainable(
  first: number,
  count: number,
  wanted: (one: ProjectCase) => boolean = () => true,
): readonly { seed: number; one: ProjectCase }[] {
  const found: { seed: number; one: ProjectCase }[] = [];
  for (let seed = first; found.length < (LONG ? count * 20 : count); seed++) {
    const one = drawn(seed, randomProject);
    const days = [...expectedOf(one).values()];
    if (days.length === 0 || days.some((day) => day instanceof OracleStop) || !wanted(one)) continue;
    found.push({ seed, one });
  }
  return found;
}

function rowsOf(trained: Trained): unknown {
  return [...trained.days].map(([day, { columns, rows, parts }]) => [
    day,
    columns,
    rows.map((row) => row.map(show)),
    parts,
  ]);
}

describe("the order and the layout of the input", () => {
  for (const { seed, one } of trainable(100_000, 8))
    test(`do not matter: seed ${seed}`, async () => {
      const original = rowsOf(await trainCase(one));
      const shuffled = drawn(seed, (draw) => ({ ...one, tables: shuffledTables(draw, one.tables) }));
      expect(rowsOf(await trainCase(shuffled)), "shuffled").toEqual(original);
      const moved = drawn(seed + 1, (draw) => relaidOut(draw, one));
      expect(rowsOf(await trainCase(moved)), "another layout").toEqual(original);
    });
});

function shuffledTables(draw: Draw, tables: Tables): Tables {
  return Object.fromEntries(
    Object.entries(tables).map(([view, table]) => [view, { ...table, rows: draw.shuffled(table.rows) }]),
  );
}

/** Every view that is one Parquet file becomes a folder of several, and the other way round. */
function relaidOut(draw: Draw, one: ProjectCase): ProjectCase {
  const layouts: Record<string, Layout> = {};
  const views = one.project.views.map((view) => {
    const layout = one.layouts[view.name];
    if (layout === undefined) throw new Error(`no layout for ${view.name}`);
    if (layout.format !== "parquet" || layout.partition !== undefined) {
      layouts[view.name] = layout;
      return view;
    }
    const many = !layout.folder;
    const path = many ? `elsewhere/${view.name}` : `elsewhere/${view.name}.parquet`;
    layouts[view.name] = {
      path,
      format: "parquet",
      folder: many,
      files: many ? draw.int(2, 4) : 1,
      nested: many,
      rowGroup: 2_048,
    };
    return { ...view, source: { ...view.source, path } };
  });
  return { ...one, layouts, project: { ...one.project, views } };
}

describe("every engine", () => {
  for (const { seed, one } of trainable(500_000, 6))
    test(`gives the same bytes: seed ${seed}`, async () => {
      const hashes = [];
      for (const engine of ENGINES) {
        hashes.push(
          await inProject({ ...one, project: withEngine(one.project, engine) }, async (directory) => {
            const outputRoot = join(directory, "out");
            await trainDirectory(directory, one.service, { outputRoot, skeletonOnly: one.skeletonOnly ?? false });
            return hashesOf(outputRoot);
          }),
        );
      }
      for (const other of hashes.slice(1)) expect(other).toEqual(hashes[0]);
    });
});

describe("days together or one by one", () => {
  const several = (candidate: ProjectCase) => expectedOf(candidate).size > 2;
  for (const { seed, one } of trainable(400_000, 4, several))
    test(`give the same bytes: seed ${seed}`, async () => {
      const days = drawn(seed, (draw) => draw.shuffled([...expectedOf(one).keys()]));
      await inProject(one, async (directory) => {
        const skeletonOnly = one.skeletonOnly ?? false;
        const together = join(directory, "together");
        await trainDirectory(directory, one.service, { outputRoot: together, skeletonOnly });
        const alone = join(directory, "alone");
        mkdirSync(alone);
        // The numbers of sessions depend on the order of days, and are given: with them every day is determined.
        if (existsSync(join(together, "qid_map.parquet")))
          cpSync(join(together, "qid_map.parquet"), join(alone, "qid_map.parquet"));
        for (const day of days)
          await trainDirectory(directory, one.service, { outputRoot: alone, skeletonOnly, days: [day] });
        expect(hashesOf(alone)).toEqual(hashesOf(together));
        expect(manifestsOf(alone)).toEqual(manifestsOf(together));
      });
    });
});

describe("workers, threads and the size of parts", () => {
  for (const { seed, one } of trainable(200_000, 3, (candidate) => expectedOf(candidate).size > 1))
    test(`give the same bytes: seed ${seed}`, async () => {
      const whole = { ...one, project: withParts(one.project, 1_000_000) };
      const hashes = await inProject(whole, async (directory) => {
        const run = async (name: string, settings: TrainSettings): Promise<Record<string, string>> => {
          const outputRoot = join(directory, name);
          const skeletonOnly = one.skeletonOnly ?? false;
          await trainDirectory(directory, one.service, { ...settings, outputRoot, skeletonOnly });
          return hashesOf(outputRoot);
        };
        const first = await run("one", { duckdbConfig: { threads: "1" } });
        expect(await run("two-threads", { duckdbConfig: { threads: "2" } }), "threads").toEqual(first);
        expect(await run("one-worker", { workers: 1 }), "a worker process").toEqual(first);
        expect(await run("two-workers", { workers: 2 }), "workers").toEqual(first);
        return first;
      });
      expect(Object.keys(hashes).length).toBeGreaterThan(0);
      const parted = await trainCase({ ...one, project: withParts(one.project, 2) });
      const together = await trainCase(whole);
      for (const [day, { rows, parts }] of together.days) {
        expect(parted.days.get(day)?.rows.map((row) => row.map(show))).toEqual(rows.map((row) => row.map(show)));
        expect(parts).toEqual([rows.length]);
        expect(parted.days.get(day)?.parts).toEqual(
          rows.length === 0
            ? [0]
            : Array.from({ length: Math.ceil(rows.length / 2) }, (_, i) => Math.min(2, rows.length - 2 * i)),
        );
      }
    });
});

/** What the manifests say of the data; of the run, timings and what it read, they may differ. */
function manifestsOf(outputRoot: string): readonly unknown[] {
  return readdirSync(outputRoot)
    .filter((name) => name.startsWith("dt="))
    .sort()
    .map((name) => {
      const { run: _, ...manifest } = JSON.parse(readFileSync(join(outputRoot, name, "_manifest.json"), "utf8"));
      return manifest;
    });
}

function withParts(project: ProjectModel, rows: number): ProjectModel {
  const { services: _, ...runtime } = project.runtime;
  return { ...project, runtime: { ...runtime, entity_spine_chunk_rows: rows } };
}

function hashesOf(outputRoot: string): Record<string, string> {
  const hash = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(
    readdirSync(outputRoot, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".parquet"))
      .sort()
      .map((name) => [name, hash(join(outputRoot, name))]),
  );
}

describe("the future", () => {
  for (const { seed, one: whole } of trainable(
    300_000,
    8,
    (candidate) => causalColumns(withoutJudgement(candidate)).length > 3,
  ))
    test(`changes nothing in the past: seed ${seed}`, async () => {
      const one = withoutJudgement(whole);
      const causal = causalColumns(one);
      const { t, perturbed } = drawn(seed, (draw) => perturbedFuture(draw, one));
      const before = pastRows(one, await trainCase(one), causal, t);
      const after = pastRows(perturbed, await trainCase(perturbed), causal, t);
      expect(after).toEqual(before);
    });
});

/** Without the rules that judge a day, or a row by its present: what is left promises causality. */
function withoutJudgement(one: ProjectCase): ProjectCase {
  const {
    session_filter: _,
    curation: __,
    content_filter: ___,
    retriever_remap: ____,
    services: _____,
    ...runtime
  } = one.project.runtime;
  return { ...one, project: { ...one.project, runtime } };
}

/** Columns that promise causality: all but `latest` joins and what is downstream of them, `qid`, and what a day judges as a whole. */
function causalColumns(one: ProjectCase): readonly string[] {
  const scope = scopeOf(one.project, one.tables, one.service);
  const { runtime } = scope;
  const leaks = (runtime.feature_refs ?? []).some((entry) => typeof entry === "string" || entry.as_of !== "event");
  const judged = [runtime.session_filter, runtime.curation, runtime.content_filter, runtime.retriever_remap];
  if (leaks || judged.some((rule) => rule !== undefined)) return [];
  if (scope.service.columns.every((column) => column.name !== scope.spine.time)) return [];
  return scope.service.columns.flatMap((column) => (column.name === "qid" ? [] : [column.name]));
}

/** Rows at or after `t` are changed, dropped and added, in every view that has a time. */
function perturbedFuture(draw: Draw, one: ProjectCase): { t: bigint; perturbed: ProjectCase } {
  const { spine } = scopeOf(one.project, one.tables, one.service);
  const instants = spine.rows.map((row) => row.instants[spine.time ?? ""] ?? 0n).sort((a, b) => (a < b ? -1 : 1));
  const t = instants[Math.floor(instants.length / 2)] ?? 0n;
  const tables: Record<string, SourceTable> = {};
  for (const view of one.project.views) {
    const table = one.tables[view.name];
    if (table === undefined) continue;
    const time = view.source.timestamp_field;
    const relation = readView(one.project, view, table);
    const canonical = relation.time;
    // The view's other times and its availability move with a row: keep those rows whole that any time puts before t.
    const isFuture = (i: number): boolean => {
      const row = relation.rows[i];
      const times = [canonical, ...Object.keys(relation.dtypes).filter((name) => /_(at|known|other_time)$/.test(name))];
      return (
        row !== undefined &&
        times.every(
          (name) => name !== undefined && (row.instants[name] ?? null) !== null && (row.instants[name] ?? 0n) >= t,
        )
      );
    };
    const fixed = new Set([
      time,
      view.source.available_field,
      ...table.columns.map(({ name }) => name).filter((name) => /_(other_time|region|known)$/.test(name)),
    ]);
    const rows = table.rows.flatMap((row, i) => {
      if (time === undefined || !isFuture(i) || draw.chance(20)) return [row];
      if (draw.chance(35) && view.name !== "events") return [];
      const other = draw.pick(table.rows);
      const changed = Object.fromEntries(
        Object.entries(row).map(([column, value]): [string, Value] => [
          column,
          fixed.has(column) ? value : (other[column] ?? null),
        ]),
      );
      return draw.chance(30) ? [row, changed] : [changed];
    });
    tables[view.name] = { ...table, rows };
  }
  return { t, perturbed: { ...one, tables } };
}

/** The rows before or at `t` by the causal columns, as a multiset: rows at `t` may themselves have been changed. */
function pastRows(one: ProjectCase, trained: Trained, causal: readonly string[], t: bigint): readonly string[] {
  const { spine, runtime } = scopeOf(one.project, one.tables, one.service);
  const days = daysOf(spine, runtime);
  const result: string[] = [];
  for (const day of days) {
    const written = trained.days.get(day);
    if (written === undefined) continue;
    const picked = causal.map((name) => written.columns.findIndex((column) => column.name === name));
    const number = BigInt(Date.parse(`${day}T00:00:00Z`) / 86_400_000);
    // Rows are ordered by event time: the first ones are those before t.
    const past = spine.rows.filter(
      (row) => dayOf(spine, row) === number && (row.instants[spine.time ?? ""] ?? 0n) < t,
    ).length;
    result.push(
      ...written.rows.slice(0, past).map((row) => `${day} ${picked.map((i) => show(row[i] ?? null)).join(" | ")}`),
    );
  }
  return result;
}
