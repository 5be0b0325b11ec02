import type { Literal } from "./literal.js";

/** What `${…}` can stand for. */
export interface Names {
  /** The value of an environment variable; undefined if it is not set. */
  environment(name: string): string | undefined;
  readonly constants: Constants;
}

/**
 * The constants of `base.yaml`. One that is known, but was written wrongly, has no value: what uses it is left out without
 * a second complaint; so is everything if the file itself could not be read.
 */
export interface Constants {
  readonly complete: boolean;
  readonly values: ReadonlyMap<string, Literal | undefined>;
}

export type Fault =
  | { readonly kind: "unset-variable"; readonly name: string }
  | { readonly kind: "unknown-constant"; readonly name: string }
  | { readonly kind: "bad-substitution"; readonly text: string; readonly reason: string }
  /** A constant that was complained about where it is written. */
  | { readonly kind: "silent" };

export interface Substituted {
  readonly text: string;
  readonly faults: readonly Fault[];
  /** The value of a constant that is the whole text; it keeps its type. */
  readonly constant?: Literal;
}

const PLACEHOLDER = /\$\$\{|\$\{([^}]*)\}|\$\{/g;

/** True if the text has something to substitute (or an escape of it). */
export function hasPlaceholder(text: string): boolean {
  return text.includes("${");
}

/**
 * The text with `${NAME}`, `${NAME:-default}` and `${const.name}` replaced, and `$${` as a literal `${`. What a placeholder
 * becomes is not looked at again. `${service}` stays as it is where `service` allows it, and is a fault elsewhere.
 */
export function substitute(text: string, names: Names, options: { readonly service: boolean }): Substituted {
  const faults: Fault[] = [];
  let constant: Literal | undefined;
  const result = text.replace(PLACEHOLDER, (whole: string, inside: string | undefined) => {
    if (whole === "$${") return "${";
    const value = resolve(whole, inside, names, options.service);
    if (typeof value === "string") return value;
    if ("kind" in value) {
      faults.push(value);
      return "";
    }
    if (whole === text) constant = value.constant;
    return String(value.constant);
  });
  return { text: result, faults, ...(constant === undefined ? {} : { constant }) };
}

function resolve(
  whole: string,
  inside: string | undefined,
  names: Names,
  service: boolean,
): string | Fault | { readonly constant: Literal } {
  const bad = (reason: string): Fault => ({ kind: "bad-substitution", text: whole, reason });
  if (inside === undefined) return bad("the closing } is missing");
  if (inside === "service") return service ? whole : bad("${service} stands only in output_root");
  const constant = /^const\.(.*)$/s.exec(inside)?.[1];
  if (constant !== undefined) return constantOf(constant, names.constants, bad);
  const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inside) ?? [];
  if (name === undefined) return bad("this is no name of a variable or constant");
  if (fallback?.includes("${")) return bad("a default is plain text, with no ${…} inside");
  const value = names.environment(name);
  if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
  return value ?? { kind: "unset-variable", name };
}

function constantOf(
  name: string,
  constants: Constants,
  bad: (reason: string) => Fault,
): Fault | { readonly constant: Literal } {
  if (name.includes(":-")) return bad("a constant takes no default");
  if (!/^[A-Za-z0-9_]+$/.test(name)) return bad("this is no name of a constant");
  const value = constants.values.get(name);
  if (value !== undefined) return { constant: value };
  return constants.values.has(name) || !constants.complete ? { kind: "silent" } : { kind: "unknown-constant", name };
}
