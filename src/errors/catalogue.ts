import type { Problem } from "./problem.js";

/** What a catalogue entry says of its parameters. */
export interface Wording {
  readonly says: string;
  readonly help?: string | undefined;
  readonly suggestion?: string | undefined;
}

/**
 * A family of the typed error catalogue: `family("source", { missing: (p: { path: string }) => ({ says: … }) })` gives a
 * function from code and parameters to a `Problem` without a place; callers add the place with `at`.
 */
export function family<Entries extends Record<string, (parameters: never) => Wording>>(name: string, entries: Entries) {
  return <Code extends keyof Entries & string>(
    code: Code,
    parameters: Parameters<Entries[Code]>[0],
    place: Place = {},
  ): Problem => {
    const wording = entries[code];
    if (wording === undefined) throw new RangeError(`the error catalogue has no ${name}/${code}`);
    const { says, help, suggestion } = wording(parameters as never);
    return Object.freeze({
      code: `${name}/${code}`,
      says,
      ...(help === undefined ? {} : { help }),
      ...(suggestion === undefined ? {} : { suggestion }),
      ...place,
    });
  };
}

export type Place = Pick<Problem, "file" | "line" | "column" | "excerpt">;
