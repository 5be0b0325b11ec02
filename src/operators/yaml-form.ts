import type { Literal } from "../definitions/literal.js";
import { invalidOperator } from "../errors/compiler.js";

/** What a YAML file holds, integers as `bigint`, keys as written. */
export type YamlValue = Literal | readonly YamlValue[] | { readonly [key: string]: YamlValue };

/** Reads a value of the YAML form back; throws DaedalusError `compiler/invalid-operator` naming the path. */
export interface Form<T> {
  readonly read: (value: YamlValue | undefined, path: string) => T;
  readonly optional?: boolean;
}

const refuse = (path: string, expected: string, found: YamlValue | undefined): never => {
  throw invalidOperator({ path, expected, found: found === undefined ? "nothing" : describe(found) });
};

function describe(value: YamlValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return "a list";
  if (value !== null && typeof value === "object") return "a map";
  return String(value);
}

export const aText: Form<string> = {
  read: (value, path) => (typeof value === "string" ? value : refuse(path, "text", value)),
};

export const aBoolean: Form<boolean> = {
  read: (value, path) => (typeof value === "boolean" ? value : refuse(path, "true or false", value)),
};

export const anInteger: Form<bigint> = {
  read: (value, path) => (typeof value === "bigint" ? value : refuse(path, "an integer", value)),
};

export const aLiteral: Form<Literal> = {
  read: (value, path) => {
    if (Array.isArray(value)) return value.map((element, index) => aLiteral.read(element, `${path}[${index}]`));
    if (value === null || typeof value !== "object")
      return value === undefined ? refuse(path, "a literal", value) : value;
    return refuse(path, "a literal", value);
  },
};

/** Text of which the given function accepts a part: dtypes, durations, units. */
export function aWord<T extends string>(expected: string, accepts: (text: string) => T | undefined): Form<T> {
  return {
    read: (value, path) => (typeof value === "string" ? accepts(value) : undefined) ?? refuse(path, expected, value),
  };
}

export function oneOf<T extends string>(...words: readonly T[]): Form<T> {
  return aWord(words.join(" or "), (text) => words.find((word) => word === text));
}

export function listOf<T>(element: Form<T>): Form<readonly T[]> {
  return {
    read: (value, path) =>
      Array.isArray(value)
        ? value.map((entry: YamlValue, index) => element.read(entry, `${path}[${index}]`))
        : refuse(path, "a list", value),
  };
}

export function pairOf<A, B>(first: Form<A>, second: Form<B>): Form<readonly [A, B]> {
  return {
    read: (value, path) =>
      Array.isArray(value) && value.length === 2
        ? [first.read(value[0], `${path}[0]`), second.read(value[1], `${path}[1]`)]
        : refuse(path, "a list of two", value),
  };
}

export function singleOf<T>(element: Form<T>): Form<readonly [T]> {
  return {
    read: (value, path) =>
      Array.isArray(value) && value.length === 1
        ? [element.read(value[0], `${path}[0]`)]
        : refuse(path, "a list of one", value),
  };
}

export const noInputs: Form<readonly []> = {
  read: (value, path) => (Array.isArray(value) && value.length === 0 ? [] : refuse(path, "an empty list", value)),
};

export function optional<T>(form: Form<T>): Form<T> {
  return { read: form.read, optional: true };
}

export type Fields<T> = { readonly [K in keyof T]-?: Form<Exclude<T[K], undefined>> };

/** A map with exactly these keys, in snake_case. */
export function mapOf<T extends object>(fields: Fields<T>): Form<T> {
  const forms = new Map(
    Object.entries<Form<unknown>>(fields).map(([key, form]) => [snakeCase(key), { key, form }] as const),
  );
  return {
    read: (value, path) => {
      if (value === undefined || !isMap(value)) return refuse(path, "a map", value);
      const below = (key: string) => (path === "" ? key : `${path}.${key}`);
      const result: Record<string, unknown> = {};
      // In the order of the text, so that what is read writes the same text again.
      for (const [written, entry] of Object.entries(value)) {
        const known = forms.get(written);
        if (known === undefined) return refuse(below(written), `one of ${[...forms.keys()].join(", ")}`, written);
        result[known.key] = known.form.read(entry, below(written));
      }
      for (const [written, { key, form }] of forms)
        if (!form.optional && !Object.hasOwn(result, key)) form.read(undefined, below(written));
      return result as T; // every key of T has been read by the form of its own type
    },
  };
}

/** A union by the value of one key. */
export function taggedBy<Tag extends string, T extends { readonly [K in Tag]: string }>(
  tag: Tag,
  members: { readonly [Name in T[Tag]]: Form<Extract<T, { readonly [K in Tag]: Name }>> },
): Form<T> {
  const forms = new Map<string, Form<T>>(Object.entries<Form<T>>(members));
  return {
    read: (value, path) => {
      if (value === undefined || !isMap(value)) return refuse(path, "a map", value);
      const name = value[tag];
      const form = typeof name === "string" ? forms.get(name) : undefined;
      return form?.read(value, path) ?? refuse(`${path}.${tag}`, [...forms.keys()].join(", "), name);
    },
  };
}

/** The YAML form of plain data: the same maps, keys in snake_case. Absent keys stay absent. */
export function toYamlForm(value: unknown): YamlValue {
  if (Array.isArray(value)) return value.map(toYamlForm);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([key, entry]) => [snakeCase(key), toYamlForm(entry)]),
    );
  if (
    value === null ||
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "bigint" ||
    typeof value === "boolean"
  )
    return value;
  throw new TypeError(`operators are plain data, not ${typeof value}`);
}

export function isMap(value: YamlValue): value is { readonly [key: string]: YamlValue } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
