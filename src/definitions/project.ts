import type { Problem } from "../errors/problem.js";
import type { Aggregations } from "./aggregations.js";
import type { Base } from "./base.js";
import type { FeatureService } from "./feature-service.js";
import type { FeatureView } from "./feature-view.js";
import type { Locations } from "./location.js";
import type { Lost } from "./mistakes.js";
import type { PipelineOverrides } from "./pipeline-overrides.js";
import type { Runtime } from "./runtime.js";

/** Everything that a user wrote, checked file by file and frozen; names are not yet resolved against sources. */
export interface Project {
  readonly name: string;
  /** Absolute path of the folder of `daedalus.yaml`. */
  readonly directory: string;
  readonly base: Base;
  readonly views: ReadonlyMap<string, FeatureView>;
  readonly services: ReadonlyMap<string, FeatureService>;
  readonly aggregations: Aggregations;
  /** The runtime as it holds for a service: its `services:` part laid over the rest, defaults filled. */
  runtimeOf(service: string): Runtime;
  readonly overrides: ReadonlyMap<string, PipelineOverrides>;
  /** Absolute path of the folder with `<service>.yaml` and `<service>.generated.yaml`. */
  readonly pipelinesDirectory: string;
  readonly locations: Locations;
  /** The text of a file that was read, for excerpts in errors; by the `file` of a `Location`. Inline secrets are starred. */
  textOf(file: string): string | undefined;
  /** True if a mistake was found in a definition, or anywhere inside it. */
  isMistaken(definition: object): boolean;
  /**
   * True if the definition may lack the value under a key (of a list or map: the entry of a name; without `lost`: anything)
   * only because that was mistaken: then what it seems to lack is no further mistake.
   */
  mayLack(definition: object, lost?: Lost): boolean;
  /** What is wrong with a connection only for those who need it: its environment variables that are not set. */
  connectionProblems(connection: string): readonly Problem[];
}
