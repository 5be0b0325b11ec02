import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { definitionProblem } from "../errors/definition.js";
import type { Problem } from "../errors/problem.js";
import { type FeatureRun, type FeatureSpec, namedFeature } from "./feature-run.js";
import { featureRunSchema } from "./feature-run-schema.js";
import type { FeatureType } from "./feature-type.js";
import { featureTypeSchema } from "./feature-type-schema.js";
import { type LocationStore, type Locations, locationStore } from "./location.js";
import { Mistakes } from "./mistakes.js";
import type { ReadingContext } from "./reading.js";
import { type YamlFiles, yamlFiles } from "./yaml-files.js";

export interface ReadFeatureTypes {
  readonly types: ReadonlyMap<string, FeatureType>;
  readonly problems: readonly Problem[];
}

export interface ReadFeatureRun extends ReadFeatureTypes {
  /** As whole as it could be read. */
  readonly run: FeatureRun;
  /** Absolute path of the file's folder, which its paths are relative to. */
  readonly directory: string;
  readonly locations: Locations;
  textOf(file: string): string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `features.yaml` and the feature types that it may name: its own, and those of the library's folder, which an own one of
 * the same name takes the place of. Mistakes do not throw.
 */
export async function readFeatureRun(path: string, library: string, environment: Environment): Promise<ReadFeatureRun> {
  const directory = dirname(resolve(path));
  const files = yamlFiles(directory);
  const context = contextOf(environment);
  const read = await files.read(resolve(path), featureRunSchema, context);
  if (read.state === "absent") {
    const what = "the file with the features of a run";
    files.report(definitionProblem("missing-file", { path: files.nameOf(resolve(path)), what }), undefined);
  }
  const written = (read.state === "read" ? read.value : undefined) ?? NO_RUN;
  const own = await typesIn(resolve(directory, written.featureTypes), files, context);
  const shipped = await readFeatureTypes(library);
  const types = new Map([...shipped.types, ...own]);
  const run = { ...written, features: namedFeatures(written.features, types, context.locations, files) };
  return {
    run,
    directory,
    types,
    locations: context.locations,
    textOf: files.textOf,
    problems: [...files.problems(), ...shipped.problems],
  };
}

/** Those without a name get that of their type; their places stay. */
function namedFeatures(
  written: readonly FeatureSpec[],
  types: ReadonlyMap<string, FeatureType>,
  locations: LocationStore,
  files: YamlFiles,
): readonly FeatureSpec[] {
  const taken = new Set(written.map(({ name }) => name));
  return written.map((spec) => {
    if (spec.name !== "" || spec.type === undefined) return spec;
    const named = Object.freeze(namedFeature(spec, types));
    const places = locations.placesOf(spec);
    if (places !== undefined) locations.remember(named, places);
    const { name } = named;
    if (taken.has(name))
      files.report(definitionProblem("duplicate-name", { what: "feature", name, first: name }), places?.self);
    taken.add(name);
    return named;
  });
}

/** The feature types of a folder and the folders in it, by name; a folder that does not exist has none. */
export async function readFeatureTypes(folder: string, environment: Environment = {}): Promise<ReadFeatureTypes> {
  const files = yamlFiles(folder);
  const types = await typesIn(folder, files, contextOf(environment));
  return { types, problems: files.problems() };
}

const NO_RUN: FeatureRun = Object.freeze({
  name: "",
  version: "v1.0",
  namespace: "signal",
  tables: Object.freeze([]),
  features: Object.freeze([]),
  aliases: Object.freeze({}),
  featureTypes: "feature_types",
  warehouse: "warehouse",
  backend: "kernel",
  concurrency: 1,
  memoryLimit: 0,
  strict: false,
});

function contextOf(environment: Environment): ReadingContext {
  return {
    locations: locationStore(),
    mistakes: new Mistakes(),
    names: {
      environment: (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined),
      constants: { values: new Map(), complete: true },
    },
    defineConstant: () => undefined,
  };
}

async function typesIn(
  folder: string,
  files: YamlFiles,
  context: ReadingContext,
): Promise<ReadonlyMap<string, FeatureType>> {
  const found = new Map<string, FeatureType>();
  const firsts = new Map<string, string>();
  for (const path of await filesUnder(folder, files)) {
    const read = await files.read(path, featureTypeSchema, context);
    if (read.state !== "read" || read.value === undefined || read.value.name === "") continue;
    const { name } = read.value;
    const place = context.locations.of(read.value, "name");
    const first = firsts.get(name);
    if (name !== basename(path, ".yaml"))
      files.report(definitionProblem("unlike-file", { name, file: basename(path) }), place);
    else if (first !== undefined)
      files.report(definitionProblem("duplicate-name", { what: "feature type", name, first }), place);
    else {
      found.set(name, read.value);
      firsts.set(name, name);
    }
  }
  return found;
}

async function filesUnder(folder: string, files: YamlFiles): Promise<readonly string[]> {
  const names = await files.list(folder);
  if (names === undefined) return [];
  const inside = await readdir(folder, { withFileTypes: true });
  const folders = inside.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  const below = await Promise.all(folders.sort().map((name) => filesUnder(join(folder, name), files)));
  return [...names.map((name) => join(folder, name)), ...below.flat()];
}
