import { resolve } from "node:path";
import type { FeatureService } from "../definitions/feature-service.js";
import type { Project } from "../definitions/project.js";
import { type ProjectPaths, readProject } from "../definitions/read-project.js";
import { SECRET_REFERENCE } from "../definitions/secrets.js";
import { commandProblem } from "../errors/command.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { checkOptions, checkValue, OBJECT, TEXT } from "./options.js";

/** Files in the place of the project's own; relative to the current folder. */
export interface ProjectFiles {
  readonly featureViews?: string;
  readonly featureServices?: string;
  readonly runtime?: string;
  readonly aggregations?: string;
}

const FILES = { featureViews: TEXT, featureServices: TEXT, runtime: TEXT, aggregations: TEXT };

export interface LoadOptions {
  readonly files?: ProjectFiles;
  /** What `${NAME}` means; default: the process's environment. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A project as far as it could be read, and everything that is wrong with it so far. */
export interface OpenedProject {
  readonly project: Project;
  readonly problems: readonly Problem[];
}

/** Reads the definitions without judging: what is wrong is told together with what resolving finds. */
export async function readDefinitions(directory: string, options: LoadOptions = {}): Promise<OpenedProject> {
  const { files = {}, environment = process.env } = options;
  const paths: ProjectPaths = Object.fromEntries(
    Object.entries(files).map(([name, path]: [string, string]) => [name, resolve(path)]),
  );
  return readProject(resolve(directory), { paths, environment });
}

/**
 * The project of a folder with `daedalus.yaml`: frozen plain data. Throws DaedalusError (exit code 2) with all that is wrong
 * in its files; names are bound to views and columns only by `compileService`.
 */
export async function loadProject(directory: string, options: LoadOptions = {}): Promise<Project> {
  checkValue("directory", directory, TEXT);
  checkOptions("loadProject", options, { files: OBJECT, environment: OBJECT });
  checkOptions("files", options.files ?? {}, FILES, { at: "files." });
  const { project, problems } = await readDefinitions(directory, options);
  if (problems.length > 0) throw new DaedalusError(problems, 2);
  return project;
}

/** Throws DaedalusError `command/unknown-service`, exit code 2, after the problems of reading, which may be its cause. */
export function requireService({ project, problems }: OpenedProject, name: string): FeatureService {
  const service = project.services.get(name);
  if (service !== undefined) return service;
  // A file that is missing or cannot be read may be the service's.
  if (problems.some(({ code }) => code === "definition/missing-project") || project.mayLack(project.services))
    throw new DaedalusError(problems, 2);
  const near = nearest(name, project.services.keys());
  const problem = commandProblem("unknown-service", {
    service: name,
    known: [...project.services.keys()],
    ...(near === undefined ? {} : { nearest: near }),
  });
  throw new DaedalusError([...problems, problem], 2);
}

/** The values of the environment variables that the connections' secrets name. */
export function secretsOf(
  project: Project,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return Object.values(project.base.connections).flatMap((connection) =>
    Object.values(connection).flatMap((value: unknown) => {
      if (typeof value !== "string" || !SECRET_REFERENCE.test(value)) return [];
      const secret = environment[value.slice(2, -1)];
      return secret === undefined ? [] : [secret];
    }),
  );
}
