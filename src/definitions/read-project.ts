import { basename, join, resolve } from "node:path";
import { definitionProblem } from "../errors/definition.js";
import type { Problem } from "../errors/problem.js";
import type { Aggregations } from "./aggregations.js";
import { aggregationsSchema } from "./aggregations-schema.js";
import type { Base } from "./base.js";
import { baseSchema } from "./base-schema.js";
import type { FeatureService } from "./feature-service.js";
import { featureServiceSchema } from "./feature-service-schema.js";
import type { FeatureView } from "./feature-view.js";
import { featureViewSchema } from "./feature-view-schema.js";
import type { Literal } from "./literal.js";
import { locationStore } from "./location.js";
import { type Lost, Mistakes } from "./mistakes.js";
import type { PipelineOverrides } from "./pipeline-overrides.js";
import { pipelineOverridesSchema } from "./pipeline-overrides-schema.js";
import type { Project } from "./project.js";
import { DEFAULT_PATHS, type ProjectFile, type ProjectPaths, projectSchema } from "./project-schema.js";
import type { ReadingContext } from "./reading.js";
import { misfitsOf } from "./references.js";
import type { Runtime } from "./runtime.js";
import { layRuntime } from "./runtime-of.js";
import { type RuntimeFile, runtimeSchema } from "./runtime-schema.js";
import type { Schema } from "./schema.js";
import { type FileRead, type YamlFiles, yamlFiles } from "./yaml-files.js";

export type { ProjectPaths } from "./project-schema.js";

export interface ReadProjectOptions {
  /** In the place of the project's own `paths`; relative ones are relative to the project. */
  readonly paths?: ProjectPaths;
  /** What `${NAME}` stands for; the process's environment if absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface ReadProject {
  readonly project: Project;
  readonly problems: readonly Problem[];
}

const NO_AGGREGATIONS: Aggregations = Object.freeze({
  aggregationSpecs: Object.freeze([]),
  embeddingStores: Object.freeze({}),
  enrichmentSpecs: Object.freeze([]),
});
const NO_RUNTIME: RuntimeFile = Object.freeze({ top: Object.freeze({}), services: Object.freeze({}) });
const NO_BASE: Base = Object.freeze({
  entities: Object.freeze({}),
  constants: Object.freeze({}),
  connections: Object.freeze({}),
});

/**
 * Reads the definitions of a project and finds all mistakes of form in them at once. Mistakes do not throw: the project is
 * as whole as it could be read (a definition with a mistake stays known under its name, without the mistaken entries).
 * Reads no data. Throws only where the file system itself fails in a way that is no user's mistake.
 */
export async function readProject(directory: string, options: ReadProjectOptions = {}): Promise<ReadProject> {
  const root = resolve(directory);
  const files = yamlFiles(root);
  const constants = new Map<string, Literal | undefined>();
  let isBaseReadable = true;
  const environment = options.environment ?? process.env;
  const mistakes = new Mistakes();
  const context: ReadingContext = {
    locations: locationStore(),
    mistakes,
    names: {
      environment: (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined),
      constants: {
        values: constants,
        get complete() {
          return isBaseReadable;
        },
      },
    },
    defineConstant: (name, value) => void constants.set(name, value),
  };

  const projectPath = join(root, "daedalus.yaml");
  const early = await yamlFiles(root).read(projectPath, projectSchema, { ...context, locations: locationStore() });
  if (early.state === "absent") {
    const project = assemble(root, undefined, emptyParts(), files, context, new Map());
    return { project, problems: [definitionProblem("missing-project", { path: projectPath })] };
  }
  const earlyPaths = early.state === "read" ? (early.value?.paths ?? {}) : {};
  const basePath = resolve(root, options.paths?.base ?? earlyPaths.base ?? DEFAULT_PATHS.base);
  const base = await files.read(basePath, baseSchema, context);
  const isBaseNamed = (options.paths?.base ?? earlyPaths.base) !== undefined;
  const baseRead = wholeOf(base, NO_BASE, context, isBaseNamed);
  isBaseReadable = !(mistakes.has(baseRead) && context.locations.of(baseRead.constants) === undefined);

  const own = await files.read(projectPath, projectSchema, context);
  const projectFile = own.state === "read" ? own.value : undefined;
  const reader = partReader(files, context, root, projectFile, options.paths ?? {});
  if (base.state === "absent") reader.missing("base");

  const views = await reader.folder("featureViews", "feature view", featureViewSchema, completedView);
  const services = await reader.folder("featureServices", "feature service", featureServiceSchema, completedService);
  const aggregations = await reader.file("aggregations", aggregationsSchema, NO_AGGREGATIONS, false);
  const runtime = await reader.file("runtime", runtimeSchema, NO_RUNTIME, services.size > 0);
  takeOver(runtime, runtime.top, false, context);
  const overrides = await reader.overrides();
  const parts: Parts = {
    base: baseRead,
    views,
    services,
    aggregations,
    runtime,
    overrides,
    pipelinesDirectory: reader.path("pipelines"),
  };
  const deferred = base.state === "read" ? base.reading.deferred : new Map<string, readonly Problem[]>();
  const project = assemble(root, projectFile, parts, files, context, deferred);
  for (const { problem, definition, location } of misfitsOf({ ...parts, locations: context.locations, mistakes })) {
    files.report(problem, location);
    mistakes.note(definition);
  }
  // A part for a service that does not exist may be meant for any.
  if (Object.keys(runtime.services).some((service) => !services.has(service))) mistakes.lose(runtime.services);
  return { project, problems: files.problems() };
}

interface Parts {
  readonly base: Base;
  readonly views: ReadonlyMap<string, FeatureView>;
  readonly services: ReadonlyMap<string, FeatureService>;
  readonly aggregations: Aggregations;
  readonly runtime: RuntimeFile;
  readonly overrides: ReadonlyMap<string, PipelineOverrides>;
  readonly pipelinesDirectory: string;
}

function emptyParts(): Parts {
  return {
    base: NO_BASE,
    views: new Map(),
    services: new Map(),
    aggregations: NO_AGGREGATIONS,
    runtime: NO_RUNTIME,
    overrides: new Map(),
    pipelinesDirectory: "",
  };
}

function assemble(
  directory: string,
  file: ProjectFile | undefined,
  parts: Parts,
  files: YamlFiles,
  { locations, mistakes }: ReadingContext,
  deferred: ReadonlyMap<string, readonly Problem[]>,
): Project {
  const { runtime, pipelinesDirectory, ...rest } = parts;
  const laid = new Map<string, Runtime>();
  return Object.freeze({
    name: file?.name ?? "",
    directory,
    ...rest,
    pipelinesDirectory: pipelinesDirectory || resolve(directory, DEFAULT_PATHS.pipelines),
    locations,
    runtimeOf(service: string): Runtime {
      const known = laid.get(service) ?? layRuntime(runtime, service, locations, mistakes);
      laid.set(service, known);
      return known;
    },
    textOf: files.textOf,
    isMistaken: (definition: object) => mistakes.has(definition),
    mayLack: (definition: object, lost?: Lost) => mistakes.mayLack(definition, lost),
    connectionProblems: (connection: string) =>
      (deferred.get(connection) ?? []).map((problem) => {
        const { file: name, line, column } = problem;
        const isPlaced = name !== undefined && line !== undefined && column !== undefined;
        return files.withExcerpt(problem, isPlaced ? { file: name, line, column } : undefined);
      }),
  });
}

/** What a file holds; nothing, and mistaken, if it could not be read or is missed. */
function wholeOf<Value extends object>(
  read: FileRead<Value>,
  nothing: Value,
  { mistakes }: ReadingContext,
  missed = false,
): Value {
  if (read.state === "read" && read.value !== undefined) return read.value;
  const whole: Value = Object.freeze({ ...nothing });
  if (read.state !== "absent" || missed) mistakes.lose(whole);
  return whole;
}

function partReader(
  files: YamlFiles,
  context: ReadingContext,
  root: string,
  project: ProjectFile | undefined,
  given: ProjectPaths,
) {
  const path = (part: keyof ProjectPaths): string =>
    resolve(root, given[part] ?? project?.paths[part] ?? DEFAULT_PATHS[part]);
  const isWritten = (part: keyof ProjectPaths): boolean =>
    given[part] !== undefined || project?.paths[part] !== undefined;

  /** A part that does not exist is a mistake where its path was written, or where something needs it. */
  const missing = (part: keyof ProjectPaths, needed = false): void => {
    if (!needed && !isWritten(part)) return;
    const isOwn = given[part] === undefined && project !== undefined && isWritten(part);
    const location = isOwn ? context.locations.of(project.paths, part) : undefined;
    files.report(definitionProblem("missing-file", { path: files.nameOf(path(part)), what: WHAT[part] }), location);
  };

  return {
    path,
    missing,
    async file<Value extends object>(
      part: "runtime" | "aggregations",
      schema: Schema<Value>,
      nothing: Value,
      needed: boolean,
    ): Promise<Value> {
      const read = await files.read(path(part), schema, context);
      if (read.state === "absent") missing(part, needed);
      return wholeOf(read, nothing, context, needed || isWritten(part));
    },
    /** One definition a file, by name; the first of a name counts. */
    async folder<Value extends { readonly name: string }>(
      part: "featureViews" | "featureServices",
      what: string,
      schema: Schema<Partial<Value>>,
      complete: (name: string, written: Partial<Value>) => Value,
    ): Promise<ReadonlyMap<string, Value>> {
      const folder = path(part);
      const names = await files.list(folder);
      const found = new Map<string, Value>();
      if (names === undefined) {
        missing(part);
        if (isWritten(part)) context.mistakes.lose(found);
      }
      for (const file of names ?? []) {
        const read = await files.read(join(folder, file), schema, context);
        if (read.state === "absent") continue;
        const written: Partial<Value> = (read.state === "read" ? read.value : undefined) ?? {};
        const stem = basename(file, ".yaml");
        const name = written.name ?? (read.state === "broken" ? read.name : undefined) ?? stem;
        const definition = Object.freeze(complete(name, written));
        takeOver(written, definition, read.state === "broken" || read.value === undefined, context);
        // It may be called otherwise than its file.
        if (name === stem && written.name === undefined) context.mistakes.lose(found);
        const first = [...found.keys()].find((known) => known.toLowerCase() === name.toLowerCase());
        if (first !== undefined) {
          const problem = definitionProblem("duplicate-name", { what, name, first });
          files.report(problem, context.locations.of(definition, "name") ?? context.locations.of(definition));
        }
        if (first !== name) found.set(name, definition);
      }
      return found;
    },
    async overrides(): Promise<ReadonlyMap<string, PipelineOverrides>> {
      const folder = path("pipelines");
      const names = await files.list(folder);
      if (names === undefined) missing("pipelines");
      const found = new Map<string, PipelineOverrides>();
      for (const file of names ?? []) {
        if (file.endsWith(".generated.yaml")) continue;
        const read = await files.read(join(folder, file), pipelineOverridesSchema, context);
        const overrides = read.state === "read" ? read.value : undefined;
        if (overrides !== undefined) found.set(basename(file, ".yaml"), overrides);
      }
      return found;
    },
  };
}

const WHAT: Readonly<Record<keyof ProjectPaths, string>> = {
  featureViews: "the folder of the feature views",
  featureServices: "the folder of the feature services",
  base: "the file with entities, constants and connections",
  runtime: "the file with how training runs",
  aggregations: "the file with the rolling aggregations",
  pipelines: "the folder of the pipelines",
};

/** A completed definition stands where what was written of it stands, and is as mistaken. */
function takeOver(written: object, definition: object, broken: boolean, { locations, mistakes }: ReadingContext): void {
  const places = locations.placesOf(written);
  if (places !== undefined) locations.remember(definition, places);
  mistakes.takeOver(written, definition);
  if (broken) mistakes.lose(definition);
}

const completedView = (name: string, written: Partial<FeatureView>): FeatureView => ({
  entity: Object.freeze([]),
  source: Object.freeze({}),
  fieldMapping: Object.freeze({}),
  fields: Object.freeze([]),
  ...written,
  name,
});

const completedService = (name: string, written: Partial<FeatureService>): FeatureService => ({
  version: "",
  spine: "",
  columns: Object.freeze([]),
  ...written,
  name,
});
