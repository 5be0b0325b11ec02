import { placeOf } from "../definitions/place.js";
import type { Project } from "../definitions/project.js";
import type { WrittenRule } from "../training/day.js";

/** The predicates of a service with their places, so that one that fails over some row can be shown where it stands. */
export function writtenRules(project: Project, service: string): readonly WrittenRule[] {
  const { curation, contentFilter, lookups } = project.runtimeOf(service);
  const rule = (
    text: string | undefined,
    definition: object,
    key: string,
    operator?: string,
  ): readonly WrittenRule[] =>
    text === undefined
      ? []
      : [{ text, place: placeOf(project, definition, key), ...(operator === undefined ? {} : { operator }) }];
  return [
    ...curation.flatMap((one) => rule(one.where, one, "where", "curation")),
    ...contentFilter.flatMap((one) => rule(one.dropWhere, one, "dropWhere", "content_filter")),
    ...lookups.flatMap((one) => rule(one.where, one, "where")),
    ...project.aggregations.aggregationSpecs.flatMap((one) => rule(one.where, one, "where")),
  ];
}
