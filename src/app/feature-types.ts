import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DIMENSIONS, type FeatureType } from "../definitions/feature-type.js";
import { type ReadFeatureTypes, readFeatureTypes } from "../definitions/read-feature-run.js";
import type { Problem } from "../errors/problem.js";

/** The folder of the feature types that the package brings. */
export const LIBRARY = fileURLToPath(new URL("../../library/", import.meta.url));

/** The feature types that the package brings, by name. */
export async function featureLibrary(): Promise<ReadonlyMap<string, FeatureType>> {
  return (await readFeatureTypes(LIBRARY)).types;
}

/** Those of the library and, in the place of what is called alike, a project's own; and what is wrong with these. */
export async function featureTypesOf(directory: string | undefined): Promise<ReadFeatureTypes> {
  const { types, problems } = await listFeatureTypes(directory);
  return { types: new Map(types.map((type) => [type.name, type])), problems };
}

export interface ListedFeatureType extends FeatureType {
  /** It is the project's, not the library's. */
  readonly own: boolean;
}

/** The feature types that a run in the folder can name, by dimension and name; and what is wrong with the folder's own. */
export async function listFeatureTypes(
  directory: string | undefined,
): Promise<{ readonly types: readonly ListedFeatureType[]; readonly problems: readonly Problem[] }> {
  const own =
    directory === undefined
      ? { types: new Map<string, FeatureType>(), problems: [] }
      : await readFeatureTypes(resolve(directory, "feature_types"), process.env);
  const all = new Map([...(await featureLibrary()), ...own.types]);
  const key = ({ dimension, name }: FeatureType): string => `${DIMENSIONS.indexOf(dimension)} ${name}`;
  const listed = [...all.values()].map((type) => ({ ...type, own: own.types.has(type.name) }));
  return { types: listed.sort((a, b) => (key(a) < key(b) ? -1 : 1)), problems: own.problems };
}
