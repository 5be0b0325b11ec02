import { isTable } from "../columnar/foreign-tables.js";
import { nearest } from "../errors/nearest.js";
import { pitTableProblem } from "../errors/pit-table.js";
import { DaedalusError, type Problem } from "../errors/problem.js";

// What a call of `aggregatePitTable` is made of, before anything of it is looked up: who calls without types may give anything.

/** What a key's value must be to be looked at; undefined: that is said where it is. */
export type Shape = Readonly<Record<string, readonly [is: (value: unknown) => boolean, expected: string] | undefined>>;

export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const TEXT = [isText, "a text"] as const;

export const SPEC_SHAPE: Shape = {
  name: undefined,
  agg: undefined,
  view: TEXT,
  sourceColumn: TEXT,
  partitionBy: [
    (value) => isText(value) || (Array.isArray(value) && value.every(isText)),
    "the name of a column, or a list of names",
  ],
  match: [(value) => isObject(value) && Object.values(value).every(isText), "{view column: table column}"],
  where: TEXT,
  timestamp: TEXT,
  windows: undefined,
  events: undefined,
  excludeSelf: [(value) => typeof value === "boolean" || isText(value), "true, false or the name of a column"],
  flattenDistinct: [(value) => typeof value === "boolean", "true or false"],
  maxLength: undefined,
};

const OPTION_SHAPE: Shape = {
  timestampColumn: TEXT,
  timestampUnit: TEXT,
  eventColumn: TEXT,
  views: [isObject, "{name: {table, timestampColumn, …}}"],
  threads: undefined,
  memory: undefined,
};

const VIEW_SHAPE: Shape = {
  table: [isTable, "an Arrow table"],
  timestampColumn: TEXT,
  timestampUnit: TEXT,
  availableColumn: TEXT,
};

/** Throws what keeps the call from being looked at: arguments that are none, keys of the options that are unknown or of no use. */
export function refuseShapes(table: unknown, specs: unknown, options: unknown): void {
  const problems: Problem[] = [];
  const bad = (key: string, of: string, value: unknown, expected: string): void => {
    problems.push(pitTableProblem("bad-value", { key, of, value: written(value), expected }));
  };
  if (!isTable(table)) bad("the table", "the call", table, "an Arrow table");
  if (!Array.isArray(specs)) bad("specs", "the call", specs, "a list of specs");
  if (!isObject(options)) bad("options", "the call", options, "{timestampColumn, …}");
  else {
    problems.push(...shapeProblems(options, OPTION_SHAPE, "the options", ["timestampColumn"]));
    const views = "views" in options && isObject(options.views) ? Object.entries(options.views) : [];
    for (const [name, view] of views) {
      const of = `the view "${name}"`;
      if (isObject(view)) problems.push(...shapeProblems(view, VIEW_SHAPE, of, ["table", "timestampColumn"]));
      else bad(name, "options.views", view, "{table, timestampColumn, …}");
    }
  }
  if (problems.length > 0) throw new DaedalusError(problems, 2);
}

/** Keys that are unknown, lack, or have a value of another kind. */
export function shapeProblems(
  given: object,
  shape: Shape,
  of: string,
  needed: readonly string[] = [],
): readonly Problem[] {
  const problems: Problem[] = [];
  const known = Object.keys(shape);
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(shape, key))
      problems.push(pitTableProblem("unknown-key", { key, of, nearest: nearest(key, known) }));
    const [is, expected] = shape[key] ?? [];
    if (value !== undefined && is !== undefined && expected !== undefined && !is(value))
      problems.push(pitTableProblem("bad-value", { key, of, value: written(value), expected }));
  }
  const values: Readonly<Record<string, unknown>> = { ...given };
  for (const key of needed.filter((name) => values[name] === undefined)) {
    const expected = shape[key]?.[1] ?? "it";
    problems.push(pitTableProblem("key-needed", { key, of, because: "", expected }));
  }
  return problems;
}

/** A value in a message. */
export function written(value: unknown): string {
  if (isTable(value)) return "an Arrow table";
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
