import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CompiledService, compileService } from "#daedalus/app/compile-service.js";
import { openDay } from "#daedalus/app/open-day.js";
import { loadProject } from "#daedalus/app/project.js";
import { train } from "#daedalus/app/train-service.js";
import { withTrainingInputs } from "#daedalus/app/training-inputs.js";
import { versions } from "#daedalus/app/versions.js";
import { SQL_CELLS, type SqlCells } from "#daedalus/engines/sql/cells.js";
import { DaedalusError } from "#daedalus/errors/problem.js";
import { hereExecutor } from "#daedalus/tasks/here.js";
import type { WrittenRule } from "#daedalus/training/day.js";
import { daysTaskHandler } from "#daedalus/training/days-task.js";
import { type TrainReport, train as trainInputs } from "#daedalus/training/train.js";
import type { ProjectModel, Tables } from "../oracles/project-model.js";
import { type Dtype, SCALARS, type Value } from "../oracles/values.js";
import { type Layout, writeTable } from "./data-files.js";
import { writeProjectFiles } from "./project-files.js";
import { parquetType, readParquet } from "./read-parquet.js";

export interface TrainedDay {
  readonly columns: readonly { readonly name: string; readonly dtype: string }[];
  readonly rows: readonly (readonly Value[])[];
  readonly parts: readonly number[];
}

export interface Trained {
  readonly days: ReadonlyMap<string, TrainedDay>;
  /** session → qid, in the map's order. */
  readonly qidMap: readonly (readonly Value[])[] | undefined;
  readonly outputRoot: string;
}

export interface TrainSettings {
  /** Only these days are read back; all of them must be there. */
  readonly days?: readonly string[];
  /** Through the library and its worker processes; absent: in this process. */
  readonly workers?: number;
  readonly duckdbConfig?: Readonly<Record<string, string>>;
  /** Days of a span at the most; only in this process. */
  readonly spanDays?: number;
  readonly skeletonOnly?: boolean;
  readonly outputRoot?: string;
  /** An engine whose cells are others. */
  readonly cells?: SqlCells;
  /** What the indexes of kernels may take; only in this process. */
  readonly kernelBytes?: number;
}

export interface WrittenCase {
  readonly project: ProjectModel;
  readonly tables: Tables;
  readonly layouts: Readonly<Record<string, Layout>>;
  readonly service: string;
  readonly skeletonOnly?: boolean;
  readonly spanDays?: number;
  readonly kernelBytes?: number;
}

/** Writes the project to a folder of its own, trains it and reads what came out. The folder is gone afterwards. */
export async function trainCase(one: WrittenCase, settings: TrainSettings = {}): Promise<Trained> {
  return inProject(one, (directory) =>
    trainDirectory(directory, one.service, {
      ...(one.skeletonOnly === undefined ? {} : { skeletonOnly: one.skeletonOnly }),
      ...(one.spanDays === undefined ? {} : { spanDays: one.spanDays }),
      ...(one.kernelBytes === undefined ? {} : { kernelBytes: one.kernelBytes }),
      ...settings,
    }),
  );
}

export async function inProject<T>(one: WrittenCase, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "daedalus-case-"));
  try {
    await writeCase(directory, one);
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function writeCase(directory: string, one: WrittenCase): Promise<void> {
  writeProjectFiles(directory, one.project);
  for (const [view, table] of Object.entries(one.tables)) {
    const layout = one.layouts[view];
    if (layout === undefined) throw new Error(`no layout for ${view}`);
    if (one.project.views.some((declared) => declared.name === view)) await writeTable(directory, table, layout);
  }
}

export async function trainDirectory(directory: string, service: string, settings: TrainSettings): Promise<Trained> {
  const outputRoot = settings.outputRoot ?? join(directory, "out");
  const compiled = await compileService(await loadProject(directory, { environment: {} }), service);
  const days = settings.days ?? [];
  const span = days.length === 0 ? {} : { from: days[0] ?? "", to: days.at(-1) ?? "" };
  const options = { outputRoot, skeletonOnly: settings.skeletonOnly ?? false, ...span };
  const report =
    settings.workers === undefined
      ? await trainHere(compiled, options, settings)
      : await train(compiled, { ...options, dayWorkers: settings.workers });
  const failed = report.days.flatMap((day) => (day.outcome === "failed" ? day.problems : []));
  if (failed.length > 0) throw new DaedalusError(failed, 1);
  return readTrained(outputRoot);
}

/** Writes overrides that have all rolling aggregates of the service done by workers: the tag `pythonic`. */
export async function rollInWorkers(directory: string, service: string): Promise<void> {
  const { pipeline } = await compileService(await loadProject(directory, { environment: {} }), service);
  const rolling = pipeline.operators.filter(({ kind }) => kind === "rolling_aggregate");
  const entries = rolling.map(({ name }) => `  - {name: ${name}, engine: pythonic}\n`);
  mkdirSync(join(directory, "config/pipelines"), { recursive: true });
  writeFileSync(join(directory, "config/pipelines", `${service}.yaml`), `operators:\n${entries.join("")}`);
}

/** As the application wires it, but with the days in this process: a project then takes a fraction of a second. */
export async function trainHere(
  compiled: CompiledService,
  options: {
    readonly outputRoot: string;
    readonly skeletonOnly: boolean;
    readonly rules?: readonly WrittenRule[];
    readonly from?: string;
    readonly to?: string;
  },
  {
    duckdbConfig = { threads: "1" },
    spanDays,
    cells = SQL_CELLS,
    kernelBytes,
  }: Pick<TrainSettings, "duckdbConfig" | "spanDays" | "cells" | "kernelBytes"> = {},
): Promise<TrainReport> {
  return withTrainingInputs(compiled, options, (inputs) =>
    trainInputs({
      ...options,
      ...inputs,
      duckdbConfig,
      ...(spanDays === undefined ? {} : { spanLimits: { days: spanDays, rows: Number.POSITIVE_INFINITY } }),
      dayWorkers: 1,
      startExecutor: () => hereExecutor(daysTaskHandler((context) => openDay(context, cells, kernelBytes))),
      command: "test",
      versions: versions(),
    }),
  );
}

export async function readTrained(outputRoot: string): Promise<Trained> {
  const days = new Map<string, TrainedDay>();
  for (const folder of readdirSync(outputRoot)
    .filter((name) => name.startsWith("dt="))
    .sort())
    days.set(folder.slice(3), await readDay(join(outputRoot, folder)));
  const map = readdirSync(outputRoot).includes("qid_map.parquet")
    ? (await readParquet(join(outputRoot, "qid_map.parquet"))).rows
    : undefined;
  return { days, qidMap: map, outputRoot };
}

async function readDay(folder: string): Promise<TrainedDay> {
  const number = (name: string): number => Number(/^part-(\d+)-0\.parquet$/.exec(name)?.[1]);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".parquet"))
    .sort((a, b) => number(a) - number(b));
  const contents = await Promise.all(names.map((name) => readParquet(join(folder, name))));
  const [first] = contents;
  if (first === undefined || names.some((name, i) => number(name) !== i))
    throw new Error(`the parts of ${folder} are ${names.join(", ")}`);
  for (const content of contents)
    if (JSON.stringify(content.columns) !== JSON.stringify(first.columns)) throw new Error(`unlike parts in ${folder}`);
  return {
    columns: first.columns.map(({ name, type }) => ({ name, dtype: dtypeOfParquet(type) })),
    rows: contents.flatMap((content) => content.rows),
    parts: contents.map((content) => content.rows.length),
  };
}

/** The dtype whose parquet type it is; an unknown type stays as it is, so that a comparison shows it. */
function dtypeOfParquet(type: string): string {
  const dtypes: readonly Dtype[] = SCALARS.flatMap((scalar): Dtype[] => [scalar, `${scalar}[]`]);
  return dtypes.find((dtype) => parquetType(dtype) === type) ?? type;
}
