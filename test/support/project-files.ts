import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import type { ProjectModel } from "../oracles/project-model.js";

/** Writes the YAML of a project: one file for each view and service, the keys as the model has them. */
export function writeProjectFiles(directory: string, project: ProjectModel): void {
  for (const [path, text] of projectFiles(project)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  // A folder that `paths` names has to be there.
  const { pipelines } = project.paths ?? {};
  if (pipelines !== undefined) mkdirSync(join(directory, pipelines), { recursive: true });
}

export function projectFiles(project: ProjectModel): ReadonlyMap<string, string> {
  const { base, views, services, aggregations, runtime, ...root } = project;
  const at = (key: string, otherwise: string): string => project.paths?.[key] ?? otherwise;
  const files = new Map<string, string>([["daedalus.yaml", yaml(root)]]);
  if (base) files.set(at("base", "config/base.yaml"), yaml(base));
  if (aggregations || project.paths?.["aggregations"])
    files.set(at("aggregations", "config/training/aggregations.yaml"), yaml(aggregations ?? {}));
  files.set(at("runtime", "config/training/runtime.yaml"), yaml(withMaps(runtime)));
  for (const view of views) files.set(join(at("feature_views", "feature_views"), `${view.name}.yaml`), yaml(view));
  for (const service of services)
    files.set(join(at("feature_services", "feature_services"), `${service.name}.yaml`), yaml(service));
  return files;
}

/** `retriever_remap.map` is a YAML map whose keys may be numbers. */
function withMaps(runtime: unknown): unknown {
  if (Array.isArray(runtime) || typeof runtime !== "object" || runtime === null) return runtime;
  return Object.fromEntries(
    Object.entries(runtime).map(([key, value]) => {
      if (key === "retriever_remap" && value !== null)
        return [
          key,
          Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "map" ? new Map(pairs(v)) : v])),
        ];
      if (key !== "services") return [key, value];
      return [key, Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withMaps(part)]))];
    }),
  );
}

function pairs(map: unknown): [unknown, unknown][] {
  if (!Array.isArray(map)) throw new Error("a remap is a list of pairs in the model");
  return map.map(([from, to]) => [from, to]);
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
