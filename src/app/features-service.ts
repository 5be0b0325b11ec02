import { closeSync, openSync, readSync, statSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import {
  FEATURE_BACKENDS,
  type FeatureBackend,
  type FeatureRun,
  type FeatureSpec,
} from "../definitions/feature-run.js";
import type { FeatureType } from "../definitions/feature-type.js";
import type { Location } from "../definitions/location.js";
import { type ReadFeatureRun, readFeatureRun } from "../definitions/read-feature-run.js";
import { SqlSession } from "../engines/sql/session.js";
import { featureRunProblem, frameProblem } from "../errors/formula.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { isOutOfMemory } from "../errors/run.js";
import { FileRun, type WrittenFeature, type WrittenFeatures } from "../feature-runs/file-run.js";
import { passingPath, removeLeftovers } from "../feature-runs/passing.js";
import { PAGE_BEGIN } from "../feature-runs/picture.js";
import { OpenTable } from "../feature-runs/run-table.js";
import { type CompiledFeatures, compileFeatures } from "../formulas/features/compile-features.js";
import { callOf } from "../formulas/features/feature-formula.js";
import { refuseFailed } from "../formulas/features/refuse-failed.js";
import { makeFolders } from "../runs/durable.js";
import { LIBRARY } from "./feature-types.js";
import {
  checkOptions,
  checkValue,
  FLAG,
  FUNCTION,
  INSTANT,
  oneOf,
  SIGNAL,
  SOME_TEXTS,
  TEXT,
  wholeNumber,
} from "./options.js";
import { unwritable } from "./project-files.js";

/** What a run is to do otherwise than its file says. */
export interface FeatureRunChanges {
  readonly wide?: string;
  readonly symbols?: readonly string[];
  /** Microseconds since 1970. */
  readonly start?: bigint;
  readonly end?: bigint;
  readonly backend?: FeatureBackend;
  readonly concurrency?: number;
  readonly strict?: boolean;
}

const CHANGES = {
  wide: TEXT,
  symbols: SOME_TEXTS,
  start: INSTANT,
  end: INSTANT,
  backend: oneOf(FEATURE_BACKENDS),
  concurrency: wholeNumber(1),
  strict: FLAG,
};

/** A run that was read: its definitions are right in themselves. */
export interface OpenedFeatureRun {
  readonly run: FeatureRun;
  readonly read: ReadFeatureRun;
}

/** Reads `features.yaml` and its feature types. Throws DaedalusError, exit code 2, with all that is wrong in them; RangeError for changes that are none. */
export async function openFeatureRun(path: string, changes: FeatureRunChanges = {}): Promise<OpenedFeatureRun> {
  checkValue("path", path, TEXT);
  checkOptions("openFeatureRun", changes, CHANGES);
  const read = await readFeatureRun(path, LIBRARY, process.env);
  if (read.problems.length > 0) throw new DaedalusError(read.problems, 2);
  const { wide, ...rest } = changes;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const target = wide ?? (read.run.wide === undefined ? undefined : resolve(read.directory, read.run.wide));
  const run: FeatureRun = { ...read.run, ...given, ...(target === undefined ? {} : { wide: target }) };
  if (run.start !== undefined && run.end !== undefined && run.start >= run.end)
    throw new DaedalusError([featureRunProblem("empty-range", {})], 2);
  return { run, read };
}

export interface ComputeRunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (written: number, rows: number) => void;
}

export interface FeatureRunReport {
  readonly run: string;
  /** Absolute path of the file. */
  readonly wide: string;
  readonly rows: number;
  readonly symbols: readonly string[];
  /** Symbols that the run asked for, and the first table has no rows of. */
  readonly absentSymbols: readonly string[];
  readonly features: readonly WrittenFeature[];
}

/**
 * Computes the features of a run and writes them. Throws DaedalusError: exit code 2 for tables and names that do not fit, 1 for what
 * cannot be read or written, and with `strict` for a feature that fails.
 */
export async function computeFeatureRun(
  { run, read }: OpenedFeatureRun,
  options: ComputeRunOptions = {},
): Promise<FeatureRunReport> {
  checkOptions("computeFeatureRun", options, { signal: SIGNAL, onProgress: FUNCTION });
  const { wide } = run;
  if (wide === undefined) throw new DaedalusError([featureRunProblem("no-output", {})], 2);
  checkOutput(wide);
  const compute = async (opened: OpenRun): Promise<FeatureRunReport> => {
    for (const table of opened.tables)
      if (await table.isReadFrom(wide))
        throw new DaedalusError([featureRunProblem("output-is-input", { path: wide, table: table.columns.name })], 2);
    const compiled = compiledOf({ run, read }, opened.tables);
    if (run.strict) refuseFailed(compiled.features);
    const written = await writeFeatures(opened, compiled, wide, options);
    const absentSymbols = (run.symbols ?? []).filter((symbol) => !written.symbols.includes(symbol));
    return { run: run.name, wide, absentSymbols, ...written };
  };
  return withTables({ run, read }, dirname(wide), compute, options.signal);
}

/** Nothing is lost to the features but older ones. */
function checkOutput(path: string): void {
  if (/\.(csv|tsv|txt|json|ndjson|jsonl|html|ya?ml|gz)$/i.test(path))
    throw new DaedalusError([featureRunProblem("output-not-parquet", { path })], 2);
  if (!isReplaceable(path, "PAR1")) throw new DaedalusError([featureRunProblem("output-not-replaceable", { path })], 2);
}

/** A page takes the place of pages only. Throws DaedalusError, exit code 2. */
export function checkPageOutput(path: string): void {
  if (!isReplaceable(path, PAGE_BEGIN))
    throw new DaedalusError([featureRunProblem("page-not-replaceable", { path })], 2);
}

/** Whether nothing is there, or a file that is empty or begins so. */
function isReplaceable(path: string, begin: string): boolean {
  const stats = statusOf(path);
  if (stats === undefined) return true;
  if (!stats.isFile()) return false;
  const head = Buffer.alloc(begin.length);
  const descriptor = openSync(path, "r");
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return stats.size === 0 || head.toString("latin1") === begin;
}

function statusOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** A run whose tables are open. */
export interface OpenRun {
  readonly run: FeatureRun;
  readonly session: SqlSession;
  readonly tables: readonly OpenTable[];
  readonly staging: string;
}

/** Computes features over the tables of a run, as its definitions say, into a file. */
export async function writeFeatures(
  { run, session, tables, staging }: OpenRun,
  compiled: CompiledFeatures,
  path: string,
  options: ComputeRunOptions = {},
): Promise<WrittenFeatures> {
  const [clock] = tables;
  if (clock !== undefined && !clock.hasSymbols && (run.symbols ?? []).length > 0)
    throw new DaedalusError([frameProblem("no-symbols", { table: clock.columns.name })], 2);
  const fileRun = new FileRun({
    session,
    tables,
    compiled,
    backend: run.backend,
    strict: run.strict,
    hasStart: run.start !== undefined,
    threads: Math.min(run.concurrency, availableParallelism()),
    memory: run.memoryLimit / 2,
    staging,
    ...options,
  });
  return fileRun.write(path).catch((error: unknown) => {
    throw isOutOfMemory(error) ? error : unwritable(path, error);
  });
}

/** The features of a run, or the one of a name. Throws DaedalusError `features/unknown-feature`, exit code 2. */
export function chosenFeatures(compiled: CompiledFeatures, name: string | undefined): CompiledFeatures {
  if (name === undefined) return compiled;
  const found = compiled.features.filter((feature) => feature.name === name);
  if (found.length > 0) return { ...compiled, features: found };
  const known = compiled.features.map((feature) => feature.name);
  throw new DaedalusError([featureRunProblem("unknown-feature", { name, nearest: nearest(name, known), known })], 2);
}

function outOfMemory(error: unknown): DaedalusError {
  const cause = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
  return new DaedalusError([featureRunProblem("out-of-memory", { cause })], 1, { cause: error });
}

/** The features of a run over its tables; what is wrong with one is told with it, at its place in the file. */
export function compiledOf({ run, read }: OpenedFeatureRun, tables: readonly OpenTable[]): CompiledFeatures {
  const compiled = compileFeatures({
    specs: run.features,
    types: read.types,
    tables: tables.map(({ columns }) => columns),
    aliases: run.aliases,
  });
  const specs = new Map(run.features.map((spec) => [spec.name, spec]));
  const features = compiled.features.map((feature) => {
    const spec = specs.get(feature.name);
    return feature.problem === undefined || spec === undefined
      ? feature
      : { ...feature, problem: placed(feature.problem, spec, read) };
  });
  return { ...compiled, features };
}

/** Bytes of a streamed result that wait to be read. */
const MOST_STREAMED = 64 * 1024 ** 2;

/** With less, one of DuckDB's threads sorts: each wants some of it for itself. */
const LITTLE_MEMORY = 256 * 1024 ** 2;

/** Opens the tables of a run for some work; what is staged in the folder is gone afterwards. */
export async function withTables<Result>(
  { run, read }: OpenedFeatureRun,
  folder: string,
  work: (opened: OpenRun) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const staging = passingPath(folder, "staging");
  await makeFolders(folder)
    .then(() => removeLeftovers(folder))
    .then(() => mkdir(staging))
    .catch((error: unknown) => {
      throw unwritable(folder, error);
    });
  try {
    const session = await SqlSession.open({
      memory_limit: `${Math.floor(run.memoryLimit / 2)}B`,
      temp_directory: staging,
      // Several results are streamed at a time.
      streaming_buffer_size: `${Math.min(MOST_STREAMED, Math.floor(run.memoryLimit / 64))}B`,
      ...(run.memoryLimit < LITTLE_MEMORY ? { threads: "1" } : {}),
    });
    const stop = (): void => session.interrupt();
    signal?.addEventListener("abort", stop);
    try {
      signal?.throwIfAborted();
      const tables: OpenTable[] = [];
      for (const [place, table] of run.tables.entries())
        tables.push(
          await OpenTable.open(run, table, read.directory, session).catch((error: unknown) => {
            throw placedAtTable(error, read, place);
          }),
        );
      return await work({ run, session, tables, staging });
    } catch (error) {
      throw isOutOfMemory(error) ? outOfMemory(error) : error;
    } finally {
      signal?.removeEventListener("abort", stop);
      session.close();
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What is wrong with a table is told where the run names it, unless it is a file's own. */
function placedAtTable(error: unknown, { run, locations, textOf }: ReadFeatureRun, place: number): unknown {
  const location = locations.of(run.tables, place);
  if (!(error instanceof DaedalusError) || location === undefined) return error;
  const lines = textOf(location.file)?.split("\n") ?? [];
  const problems = error.problems.map((problem) =>
    problem.file === undefined ? { ...problem, ...placeOf(location, lines) } : problem,
  );
  return new DaedalusError(problems, error.exitCode, { cause: error });
}

/** A problem of a feature where it stands in the file; of a formula, with its mark there if the text is one of the file's lines. */
function placed(problem: Problem, spec: FeatureSpec, { types, locations, textOf }: ReadFeatureRun): Problem {
  const type = spec.type === undefined ? undefined : types.get(spec.type);
  const { excerpt, line: _, column, ...bare } = problem;
  const ofFormula =
    excerpt === undefined
      ? undefined
      : (locations.of(spec, "formula") ?? (type === undefined ? undefined : locations.of(type, "formula")));
  const location = ofFormula ?? stepOf(type, excerpt?.text, locations) ?? locations.of(spec);
  if (location === undefined) return problem;
  const lines = textOf(location.file)?.split("\n") ?? [];
  const at =
    excerpt === undefined
      ? -1
      : lines.findIndex((text, index) => index + 1 >= location.line && text.includes(excerpt.text));
  if (excerpt === undefined || at < 0) return { ...bare, ...placeOf(location, lines) };
  const text = lines[at] ?? "";
  const from = text.indexOf(excerpt.text, at + 1 === location.line ? location.column - 1 : 0);
  const mark = Math.max(0, from) + (column ?? 1);
  return { ...bare, file: location.file, line: at + 1, column: mark, excerpt: { text, length: excerpt.length } };
}

/** Where the step of a type stands that is this formula. */
function stepOf(
  type: FeatureType | undefined,
  formula: string | undefined,
  locations: ReadFeatureRun["locations"],
): Location | undefined {
  const steps = type?.steps ?? [];
  const place = formula === undefined ? -1 : steps.findIndex((step) => callOf(step) === formula);
  return place < 0 ? undefined : locations.of(steps, place);
}

function placeOf({ file, line, column, length }: Location, lines: readonly string[]) {
  return { file, line, column, excerpt: { text: lines[line - 1] ?? "", length: length ?? 1 } };
}
