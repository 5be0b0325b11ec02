import { placeOf } from "../../definitions/place.js";
import type { Project } from "../../definitions/project.js";
import type { Place } from "../../errors/catalogue.js";
import type { Problem } from "../../errors/problem.js";

/** Where a mistake stands: the value under `key` of a definition; `within`: characters into a text value. */
export interface At {
  readonly definition: object;
  readonly key?: string | number;
  readonly within?: { readonly text: string; readonly offset?: number };
}

/** Collects all mistakes of a service, each once, with its place. */
export class Reporter {
  readonly #project: Project;
  readonly #seen = new Set<string>();
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** Also counts what is not told because it follows from another mistake. */
  faults = 0;

  constructor(project: Project) {
    this.#project = project;
  }

  /**
   * `follows`: what is missing may have been left out because of a mistake that was told already, so that this is no further
   * one; so is what concerns the value under a key that was left out.
   */
  problem(make: (place: Place) => Problem, at?: At, follows = false): void {
    this.faults++;
    if (follows) return;
    if (typeof at?.key === "string" && this.#project.mayLack(at.definition, at.key)) return;
    this.#add(this.problems, make(at === undefined ? {} : this.place(at)));
  }

  warning(make: (place: Place) => Problem, at?: At): void {
    this.#add(this.warnings, make(at === undefined ? {} : this.place(at)));
  }

  #add(list: Problem[], problem: Problem): void {
    const identity = [problem.code, problem.file, problem.line, problem.column, problem.says].join("\u0000");
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    list.push(problem);
  }

  place(at: At): Place {
    return placeWithin(this.#project, at);
  }
}

/** The place of a definition's value; inside a text value, of the name that is meant, where the file has it literally. */
function placeWithin(project: Project, { definition, key, within }: At): Place {
  const place = placeOf(project, definition, key);
  if (within?.offset === undefined || place.excerpt === undefined || place.column === undefined) return place;
  // Block scalars and escapes keep the place of the whole value.
  const start = place.excerpt.text.slice(place.column - 1).indexOf(within.text);
  if (start < 0 || start > 1) return place;
  const length = /^("[^"]*"|[\w.]+|\S)/.exec(within.text.slice(within.offset))?.[0].length ?? 1;
  return { ...place, column: place.column + start + within.offset, excerpt: { ...place.excerpt, length } };
}
