import { join } from "node:path";
import { compile } from "../compiler/compile/compile.js";
import { type Explanation, explain as explainPipeline, extrasOf, type Findings } from "../compiler/explain.js";
import { pipelineToYaml } from "../compiler/pipeline-yaml.js";
import { resolveService } from "../compiler/resolve/resolve-service.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import { rangeOfSetting, refusalOfSetting } from "../definitions/duckdb-settings.js";
import { placeOf } from "../definitions/place.js";
import type { Project } from "../definitions/project.js";
import { openPredicateAnalyzer } from "../engines/sql/predicate-analyzer.js";
import { SqlSession } from "../engines/sql/session.js";
import { describeComposition } from "../engines/sql/stages.js";
import { commandProblem } from "../errors/command.js";
import { definitionProblem } from "../errors/definition.js";
import { byPlace, DaedalusError, type Problem } from "../errors/problem.js";
import type { Pipeline } from "../operators/pipeline.js";
import { writeWhole } from "../runs/durable.js";
import { openSource } from "../sources/open-source.js";
import { bundleUdfs, type UdfBundle } from "../udfs/bundle-udfs.js";
import { loadUdfs } from "../udfs/load-udfs.js";
import { checkValue, isObject, type Shape, TEXT } from "./options.js";
import { type OpenedProject, requireService } from "./project.js";

const PROJECT: Shape = {
  is: (value) => isObject(value) && value["services"] instanceof Map,
  expected: "what loadProject gives",
};

/** A service bound to its sources and compiled; plain data. */
export interface CompiledService {
  readonly project: Project;
  readonly resolved: ResolvedService;
  readonly pipeline: Pipeline;
  /** The functions of the project's own, if the pipeline calls some. */
  readonly udfs?: UdfBundle;
  /** What is allowed, but probably not meant. */
  readonly warnings: readonly Problem[];
}

/**
 * Binds a service to its sources' schemas and compiles it, with the author's overrides; reads no rows and writes nothing.
 * Throws DaedalusError with everything that is wrong: exit code 2, or 1 if a source cannot be read.
 */
export async function compileService(project: Project, service: string): Promise<CompiledService> {
  checkValue("project", project, PROJECT);
  checkValue("service", service, TEXT);
  return compileOpened({ project, problems: [] }, service);
}

/** The same for a project that may have mistakes: what reading and what resolving found is thrown together. */
export async function compileOpened(opened: OpenedProject, name: string): Promise<CompiledService> {
  requireService(opened, name);
  const { project } = opened;
  const { service, problems, warnings, udfs } = await resolve(opened, name);
  const found = [
    ...opened.problems,
    ...problems.filter((problem) => !isKnown(problem, opened.problems)),
    ...(await settingProblems(project, name)),
  ];
  if (service === undefined || found.length > 0) throw new DaedalusError(found.sort(byPlace), 2);
  const compiled = compile(service, project.overrides.get(name), project);
  if (compiled.pipeline === undefined) throw new DaedalusError(compiled.problems, 2);
  const { pipeline } = compiled;
  return {
    project,
    resolved: service,
    pipeline,
    ...(udfs !== undefined && pipeline.operators.some(({ kind }) => kind === "arrow_udf_transform") ? { udfs } : {}),
    warnings: [...warnings, ...compiled.warnings],
  };
}

async function resolve(opened: OpenedProject, name: string) {
  const { project } = opened;
  const session = await SqlSession.open({ threads: "1" });
  try {
    let udfs: UdfBundle | undefined;
    const resolution = await resolveService(project, name, {
      sources: (view) => {
        const definition = project.views.get(view);
        if (definition === undefined) throw new RangeError(`there is no view ${view}`);
        return openSource({ directory: project.directory, connections: project.base.connections }, definition, session);
      },
      predicates: openPredicateAnalyzer(session),
      udfs: async () => {
        udfs = await bundleUdfs(project.directory);
        return udfs === undefined ? undefined : { bundle: udfs.hash, functions: await loadUdfs(udfs) };
      },
    });
    return { ...resolution, udfs };
  } catch (error) {
    // A source that cannot be read at all: what was found in the files before is told with it.
    if (error instanceof DaedalusError && opened.problems.length > 0)
      throw new DaedalusError([...opened.problems, ...error.problems], 2, { cause: error });
    throw error;
  } finally {
    session.close();
  }
}

/** Values of `duckdb_config` that DuckDB does not take; names and ranges were judged by the reader of the definitions. */
async function settingProblems(project: Project, service: string): Promise<readonly Problem[]> {
  const { duckdbConfig } = project.runtimeOf(service).compute;
  const taken = Object.entries(duckdbConfig).filter(
    ([name, value]) => refusalOfSetting(name) === undefined && rangeOfSetting(name, value) === undefined,
  );
  if (taken.length === 0) return [];
  const faults = await SqlSession.faultsOfSettings(Object.fromEntries(taken));
  return [...faults].map(([name, reason]) =>
    definitionProblem(
      "setting-value",
      { name, value: duckdbConfig[name] ?? "", reason },
      placeOf(project, duckdbConfig, name),
    ),
  );
}

/** One mistake may be found by reading and by resolving. */
function isKnown(problem: Problem, known: readonly Problem[]): boolean {
  return known.some(
    ({ code, file, line, column }) =>
      code === problem.code && file === problem.file && line === problem.line && column === problem.column,
  );
}

/** `config/pipelines/<service>.generated.yaml`, or the same file in another folder; its path. */
export async function writePipeline(compiled: CompiledService, directory?: string): Promise<string> {
  const folder = directory ?? compiled.project.pipelinesDirectory;
  const path = join(folder, `${compiled.pipeline.service}.generated.yaml`);
  await writeText(path, pipelineYaml(compiled));
  return path;
}

/** `writeWhole` for what a command was asked to write. Throws DaedalusError, exit code 1. */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, text);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new DaedalusError([commandProblem("cannot-write", { path, cause })], 1, { cause: error });
  }
}

/** The text of `<service>.generated.yaml`. */
export function pipelineYaml({ pipeline }: CompiledService): string {
  return pipelineToYaml(pipeline);
}

/**
 * The DAG, the lineage of each column, engines, SQL and what can leak; plain data. `findings`: what `analyze` and
 * `writtenDaysOf` found.
 */
export function explain({ pipeline, resolved }: CompiledService, findings: Findings = {}): Explanation {
  return explainPipeline(pipeline, describeComposition(pipeline), extrasOf(resolved), findings);
}
