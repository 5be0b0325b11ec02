import type { FeatureService } from "../definitions/feature-service.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { Project } from "../definitions/project.js";
import { commandProblem } from "../errors/command.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError } from "../errors/problem.js";

/** What a project defines, in short. */
export interface Catalog {
  readonly project: string;
  readonly views: readonly {
    readonly name: string;
    readonly entity: readonly string[];
    readonly keys: readonly string[];
    readonly fields: number;
    readonly source: string;
    readonly description?: string;
    /** Services that have it as their spine or may join it. */
    readonly services: readonly string[];
  }[];
  readonly services: readonly {
    readonly name: string;
    readonly version: string;
    readonly owner?: string;
    readonly description?: string;
    readonly spine: string;
    readonly columns: number;
  }[];
}

export type CatalogEntry =
  | { readonly type: "view"; readonly keys: readonly string[]; readonly view: FeatureView }
  | { readonly type: "service"; readonly service: FeatureService };

export function catalogOf(project: Project): Catalog {
  return {
    project: project.name,
    views: [...project.views.values()].map((view) => ({
      name: view.name,
      entity: view.entity,
      keys: keysOf(project, view),
      fields: view.fields.length,
      source: addressOf(view),
      ...(view.description === undefined ? {} : { description: view.description }),
      services: [...project.services.values()]
        .filter(
          ({ name, spine }) =>
            spine === view.name || project.runtimeOf(name).featureRefs.some((ref) => ref.view === view.name),
        )
        .map(({ name }) => name),
    })),
    services: [...project.services.values()].map(({ name, version, owner, description, spine, columns }) => ({
      name,
      version,
      ...(owner === undefined ? {} : { owner }),
      ...(description === undefined ? {} : { description }),
      spine,
      columns: columns.length,
    })),
  };
}

/** The view or service of a name (a service first). Throws DaedalusError `command/unknown-entry`, exit code 2. */
export function catalogEntry(project: Project, name: string): CatalogEntry {
  const service = project.services.get(name);
  if (service !== undefined) return { type: "service", service };
  const view = project.views.get(name);
  if (view !== undefined) return { type: "view", keys: keysOf(project, view), view };
  const known = [...project.services.keys(), ...project.views.keys()];
  const near = nearest(name, known);
  const problem = commandProblem("unknown-entry", { name, known, ...(near === undefined ? {} : { nearest: near }) });
  throw new DaedalusError([problem], 2);
}

/** Where a view's rows come from, as written; definitions hold no secret. */
export function addressOf({ source }: FeatureView): string {
  if (source.path !== undefined) return source.path;
  if (source.databasePath !== undefined) return [source.databasePath, source.table].filter(Boolean).join(" ");
  return [source.connection, source.table ?? "query"].filter(Boolean).join(" ");
}

function keysOf(project: Project, view: FeatureView): readonly string[] {
  return view.entity.map((entity) => project.base.entities[entity] ?? `${entity}_id`);
}
