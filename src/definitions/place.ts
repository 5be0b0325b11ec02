import type { Place } from "../errors/catalogue.js";
import type { Location } from "./location.js";
import type { Project } from "./project.js";

/**
 * The place of an entry, for a problem about it: `someProblem("code", {…}, placeOf(project, column, "dtype"))`.
 * A key that was not written (a default) has the place of the definition itself; a definition that no file holds has
 * none. `part: "key"` marks the key instead of the value.
 */
export function placeOf(
  project: Pick<Project, "locations" | "textOf">,
  definition: object,
  key?: string | number,
  part: "key" | "value" = "value",
): Place {
  const { locations } = project;
  const found =
    (part === "key" && typeof key === "string" ? locations.ofKey(definition, key) : undefined) ??
    (key === undefined ? undefined : locations.of(definition, key)) ??
    locations.of(definition);
  return found === undefined ? {} : placeAt(found, project.textOf(found.file));
}

/** A location with the line of the text that it points into. */
export function placeAt(location: Location, text: string | undefined): Place {
  const { file, line, column, length } = location;
  const excerpt = text?.split("\n", line)[line - 1]?.replace(/\r$/, "");
  if (excerpt === undefined) return { file, line, column };
  return { file, line, column, excerpt: { text: excerpt, length: length ?? 1 } };
}
