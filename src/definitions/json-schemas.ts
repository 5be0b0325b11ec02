import { aggregationsSchema } from "./aggregations-schema.js";
import { baseSchema } from "./base-schema.js";
import { featureRunSchema } from "./feature-run-schema.js";
import { featureServiceSchema } from "./feature-service-schema.js";
import { featureTypeSchema } from "./feature-type-schema.js";
import { featureViewSchema } from "./feature-view-schema.js";
import { pipelineOverridesSchema } from "./pipeline-overrides-schema.js";
import { projectSchema } from "./project-schema.js";
import { runtimeSchema } from "./runtime-schema.js";
import type { Schema } from "./schema.js";

const FILES: readonly (readonly [file: string, describes: string, schema: Schema<object>])[] = [
  ["daedalus.schema.json", "daedalus.yaml: a Daedalus project", projectSchema],
  ["base.schema.json", "config/base.yaml: entities, constants, connections", baseSchema],
  [
    "feature-view.schema.json",
    "feature_views/*.yaml: a source relation with an entity and a timestamp",
    featureViewSchema,
  ],
  ["feature-service.schema.json", "feature_services/*.yaml: the columns of a training set", featureServiceSchema],
  [
    "aggregations.schema.json",
    "config/training/aggregations.yaml: what is aggregated over the history",
    aggregationsSchema,
  ],
  ["runtime.schema.json", "config/training/runtime.yaml: how training runs", runtimeSchema],
  [
    "pipeline.schema.json",
    "config/pipelines/<service>.yaml: your overrides of a generated pipeline",
    pipelineOverridesSchema,
  ],
  [
    "features.schema.json",
    "features.yaml: features as formulas, and the tables that they are computed over",
    featureRunSchema,
  ],
  [
    "feature-type.schema.json",
    "feature_types/*.yaml: a formula with inputs and parameters of its own",
    featureTypeSchema,
  ],
];

/**
 * JSON Schemas (draft 2020-12) of the files of a project, by file name, for editors: made from the very values that
 * validate, which are stricter only where two keys or two files have to fit each other.
 */
export function jsonSchemas(): ReadonlyMap<string, object> {
  return new Map(
    FILES.map(([file, description, schema]) => [
      file,
      { $schema: "https://json-schema.org/draft/2020-12/schema", $id: file, description, ...schema.json },
    ]),
  );
}
