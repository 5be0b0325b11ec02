import type { Schema } from "./schema.js";
import { object, optional, required } from "./schema-collections.js";
import { name, text } from "./schema-scalars.js";

/** `daedalus.yaml` */
export interface ProjectFile {
  readonly name?: string;
  readonly paths: ProjectPaths;
}

/** Where the parts of a project lie: relative to the folder of `daedalus.yaml`, or absolute. */
export interface ProjectPaths {
  readonly featureViews?: string;
  readonly featureServices?: string;
  readonly base?: string;
  readonly runtime?: string;
  readonly aggregations?: string;
  readonly pipelines?: string;
}

export const DEFAULT_PATHS: Required<ProjectPaths> = Object.freeze({
  featureViews: "feature_views",
  featureServices: "feature_services",
  base: "config/base.yaml",
  runtime: "config/training/runtime.yaml",
  aggregations: "config/training/aggregations.yaml",
  pipelines: "config/pipelines",
});

const folder = text("a path");

const paths: Schema<ProjectPaths> = object(
  "paths",
  {
    feature_views: optional(folder, "folder of the feature views", DEFAULT_PATHS.featureViews),
    feature_services: optional(folder, "folder of the feature services", DEFAULT_PATHS.featureServices),
    base: optional(folder, "file with entities, constants and connections", DEFAULT_PATHS.base),
    runtime: optional(folder, "file with how training runs", DEFAULT_PATHS.runtime),
    aggregations: optional(folder, "file with the rolling aggregations", DEFAULT_PATHS.aggregations),
    pipelines: optional(folder, "folder of generated pipelines and of your overrides", DEFAULT_PATHS.pipelines),
  },
  (written) => ({ ...written }),
);

export const projectSchema: Schema<ProjectFile> = object(
  "daedalus.yaml",
  {
    name: required(name, "name of the project"),
    paths: optional(paths, "where the parts of the project lie, where that differs from the defaults"),
  },
  (written) => ({ ...written, paths: written.paths ?? Object.freeze({}) }),
);
