import { isMap, isNode, isScalar, isSeq, type Node } from "yaml";
import { definitionProblem } from "../errors/definition.js";
import { nearest } from "../errors/nearest.js";
import type { Problem } from "../errors/problem.js";
import type { Location } from "./location.js";
import { type Entry, entriesOf, type Reading } from "./reading.js";
import { type JsonSchema, readAt, type Schema, type Site, wrongType } from "./schema.js";
import { isName } from "./schema-scalars.js";

/** A key of a map: what may stand under it, and what it says, in the user's words. */
export interface Key<Value, Presence extends "required" | "optional" | "defaulted"> {
  readonly schema: Schema<Value>;
  readonly presence: Presence;
  readonly says: string;
  readonly fallback?: Value;
  /** What the JSON Schema names as default. */
  readonly shown?: unknown;
}

export function required<Value>(schema: Schema<Value>, says: string): Key<Value, "required"> {
  return { schema, says, presence: "required" };
}

export function optional<Value>(schema: Schema<Value>, says: string, shown?: unknown): Key<Value, "optional"> {
  return { schema, says, presence: "optional", ...(shown === undefined ? {} : { shown }) };
}

/** A key whose value is the fallback where it is absent (or mistaken). */
export function defaulted<Value>(schema: Schema<Value>, fallback: Value, says: string): Key<Value, "defaulted"> {
  const shown = typeof fallback === "bigint" ? Number(fallback) : fallback;
  return { schema, says, presence: "defaulted", fallback, shown };
}

type Presences = "required" | "optional" | "defaulted";
export type Keys = Readonly<Record<string, Key<unknown, Presences>>>;

/** `max_length` → `maxLength` */
export type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

export function camel(key: string): string {
  return key.replace(/_([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase());
}

type ValueOf<K> = K extends Key<infer Value, Presences> ? Value : never;

/** What was written under the keys, as far as it is right: a required key may be missing here too (it was reported). */
export type Written<Shape extends Keys> = {
  readonly [Name in keyof Shape & string as Shape[Name]["presence"] extends "defaulted" ? Camel<Name> : never]: ValueOf<
    Shape[Name]
  >;
} & {
  readonly [Name in keyof Shape & string as Shape[Name]["presence"] extends "defaulted"
    ? never
    : Camel<Name>]?: ValueOf<Shape[Name]>;
};

/** The map that is being read, for rules between its keys (as they are spelled in YAML). */
export interface Here {
  /** True if the key is in the file, right or mistaken. */
  has(key: string): boolean;
  /** True if the key is in the file and what stands there is right. */
  isRight(key: string): boolean;
  /** Reports a problem at a key's value (or the key itself); at the map if the key is not there: then it is missed. */
  report(problem: Problem, key?: string, part?: "key" | "value"): void;
  readonly location: Location;
  readonly reading: Reading;
}

/**
 * A map with these keys and no others. `what` names it in messages: `a lookup`. `finish` makes the definition of what was
 * written, checks the rules between keys, and may answer undefined: then the entry is left out.
 */
export function object<Shape extends Keys, Value extends object>(
  what: string,
  shape: Shape,
  finish: (written: Written<Shape>, here: Here) => Value | undefined,
): Schema<Value> {
  const expects = `a map (${what})`;
  return {
    expects,
    json: jsonOf(what, shape),
    read(site) {
      if (!isMap(site.node)) return wrongType(site, expects);
      const { reading, location } = site;
      const before = reading.mistakes;
      const entries = new Map(entriesOf(site.node, reading).map((entry) => [entry.key, entry]));
      // A key that cannot be read may have been any.
      const lost = new Set(reading.mistakes > before ? absentKeys(shape, entries) : []);
      reportKeys(what, shape, entries, site, lost);
      const { written, right } = readKeys(shape, entries, reading, lost);
      const value = finish(written as Written<Shape>, hereOf(entries, right, reading, location, lost));
      if (value === undefined) return undefined;
      const { mistakes } = reading.context;
      if (reading.mistakes > before) mistakes.note(value);
      for (const key of lost) mistakes.lose(value, camel(key));
      remember(value, [...entries.values()], reading, location, camel);
      return Object.freeze(value);
    },
  };
}

function absentKeys(shape: Keys, entries: ReadonlyMap<string, Entry>): readonly string[] {
  return Object.keys(shape).filter((key) => !entries.has(key));
}

/** `lost` gets the keys that are absent, but perhaps only misspelt, and the required ones that are missing. */
function reportKeys(
  what: string,
  shape: Keys,
  entries: ReadonlyMap<string, Entry>,
  site: Site,
  lost: Set<string>,
): void {
  const { reading, location } = site;
  const known = Object.keys(shape);
  const misspelt = new Set<string>();
  for (const { key, keyNode } of entries.values()) {
    if (Object.hasOwn(shape, key)) continue;
    const absent = absentKeys(shape, entries);
    const meant = nearest(key, absent);
    if (meant !== undefined) misspelt.add(meant);
    for (const one of meant === undefined ? absent : [meant]) lost.add(one);
    const near = meant ?? nearest(key, known);
    const problem = definitionProblem("unknown-key", { key, where: what, nearest: near, known });
    reading.report(problem, reading.locate(keyNode));
  }
  for (const [key, { presence, schema }] of Object.entries(shape)) {
    if (presence !== "required" || entries.has(key)) continue;
    if (misspelt.has(key)) continue;
    lost.add(key);
    reading.report(definitionProblem("missing-key", { key, where: what, expected: schema.expects }), location);
  }
}

/** In the order of the shape, not of the file: what others refer to (constants) is declared first. */
function readKeys(shape: Keys, entries: ReadonlyMap<string, Entry>, reading: Reading, lost: Set<string>) {
  const written: Record<string, unknown> = {};
  const right = new Set<string>();
  for (const [key, { schema, fallback }] of Object.entries(shape)) {
    const entry = entries.get(key);
    const value = entry === undefined ? undefined : readAt(schema, entry.valueNode, key, reading);
    if (value !== undefined) right.add(key);
    else if (entry !== undefined) lost.add(key);
    const kept = value === undefined ? fallback : value;
    if (kept !== undefined) written[camel(key)] = kept;
  }
  return { written, right };
}

function hereOf(
  entries: ReadonlyMap<string, Entry>,
  right: ReadonlySet<string>,
  reading: Reading,
  location: Location,
  lost: Set<string>,
): Here {
  return {
    isRight: (key) => right.has(key),
    reading,
    location,
    has: (key) => entries.has(key),
    report(problem, key, part = "value") {
      const entry = key === undefined ? undefined : entries.get(key);
      if (key !== undefined && entry === undefined) lost.add(key);
      const node = part === "key" ? entry?.keyNode : entry?.valueNode;
      reading.report(problem, node === undefined ? location : reading.locate(node));
    },
  };
}

function remember(
  definition: object,
  entries: readonly Entry[],
  reading: Reading,
  self: Location,
  spelled: (key: string) => string,
): void {
  reading.context.locations.remember(definition, {
    self,
    values: new Map(entries.map(({ key, valueNode }) => [spelled(key), reading.locate(valueNode)])),
    keys: new Map(entries.map(({ key, keyNode }) => [spelled(key), reading.locate(keyNode)])),
  });
}

function jsonOf(what: string, shape: Keys): JsonSchema {
  const names = Object.entries(shape);
  const needed = names.filter(([, key]) => key.presence === "required").map(([key]) => key);
  return {
    type: "object",
    title: what,
    properties: Object.fromEntries(
      names.map(([key, { says, schema, shown }]) => [
        key,
        { description: says, ...schema.json, ...(shown === undefined ? {} : { default: shown }) },
      ]),
    ),
    ...(needed.length === 0 ? {} : { required: needed }),
    additionalProperties: false,
  };
}

/** What makes the elements of a list unique. */
export interface Unique<Item> {
  /** What a message calls them: `column`. */
  readonly what: string;
  readonly nameOf: (item: Item) => string;
  /** The key of the element that holds the name; absent: the element itself is the name. */
  readonly key?: string;
  /** Names become names of SQL: case does not tell them apart. */
  readonly caseless?: boolean;
}

/** A list; mistaken elements are left out, so are later ones of a name that stands twice. */
export function list<Item>(
  item: Schema<Item>,
  options: { readonly nonEmpty?: boolean; readonly unique?: Unique<Item> } = {},
): Schema<readonly Item[]> {
  const expects = `a ${options.nonEmpty ? "non-empty " : ""}list of ${item.expects}`;
  return {
    expects,
    json: { type: "array", items: item.json, ...(options.nonEmpty ? { minItems: 1 } : {}) },
    read(site) {
      const { node, reading, key, location } = site;
      if (!isSeq(node)) return wrongType(site, expects);
      const before = reading.mistakes;
      if (options.nonEmpty && node.items.length === 0)
        reading.report(definitionProblem("empty", { key, expected: expects }), location);
      const values: Item[] = [];
      const lost: (string | undefined)[] = [];
      const places = new Map<number, Location>();
      const seen = new Map<string, string>();
      for (const element of node.items) {
        if (!isNode(element)) continue;
        const value = readAt(item, element, `an element of ${key}`, reading);
        if (value === undefined) {
          lost.push(nameOfLost(element, options.unique));
          continue;
        }
        if (options.unique && isRepeated(value, options.unique, seen, element, reading)) continue;
        places.set(values.length, reading.locate(element));
        values.push(value);
      }
      const { mistakes } = reading.context;
      if (reading.mistakes > before) mistakes.note(values);
      for (const name of lost) mistakes.lose(values, name);
      reading.context.locations.remember(values, { self: location, values: places, keys: new Map() });
      return Object.freeze(values);
    },
  };
}

/** What a mistaken element would have been called, if that can be told. */
function nameOfLost(element: Node, unique: { readonly key?: string } | undefined): string | undefined {
  const node = isMap(element) && unique?.key !== undefined ? element.get(unique.key, true) : element;
  const name = unique !== undefined && isScalar(node) ? node.value : undefined;
  return typeof name === "string" && isName(name) ? name : undefined;
}

function isRepeated<Item>(
  value: Item,
  { what, nameOf, key, caseless }: Unique<Item>,
  seen: Map<string, string>,
  element: Node,
  reading: Reading,
): boolean {
  const name = nameOf(value);
  if (name === "") return false; // it has none, or gets it later
  const identity = caseless ? name.toLowerCase() : name;
  const first = seen.get(identity);
  if (first === undefined) {
    seen.set(identity, name);
    return false;
  }
  const inside = typeof value === "object" && value !== null ? value : undefined;
  const place = key !== undefined && inside ? reading.context.locations.of(inside, key) : undefined;
  reading.report(definitionProblem("duplicate-name", { what, name, first }), place ?? reading.locate(element));
  return true;
}

/** One element written without the list, or a list. */
export function listOrOne<Item>(item: Schema<Item>, many: Schema<readonly Item[]>): Schema<readonly Item[]> {
  return {
    expects: `${item.expects}, or a list of them`,
    json: { anyOf: [item.json, many.json] },
    read(site) {
      if (isSeq(site.node)) return many.read(site);
      if (isMap(site.node)) return wrongType(site, `${item.expects}, or a list of them`);
      const value = item.read(site);
      if (value === undefined) return undefined;
      const one = Object.freeze([value]);
      const places = { self: site.location, values: new Map([[0, site.location]]), keys: new Map() };
      site.reading.context.locations.remember(one, places);
      return one;
    },
  };
}

/** A map whose keys the user chooses. */
export function record<Value>(
  value: Schema<Value>,
  options: {
    /** What a message calls a key: `column`. */
    readonly keyIs: string;
    /** Keys consist of letters, digits and `_`. */
    readonly named: boolean;
    readonly nonEmpty?: boolean;
    /** Called for each key as it is read; with undefined if its value is mistaken. */
    readonly each?: (key: string, value: Value | undefined, entry: Entry, reading: Reading) => void;
  },
): Schema<Readonly<Record<string, Value>>> {
  const expects = `a map from ${options.keyIs} to ${value.expects}`;
  return {
    expects,
    json: {
      type: "object",
      additionalProperties: value.json,
      ...(options.named ? { propertyNames: { pattern: "^[A-Za-z0-9_]+$" } } : {}),
      ...(options.nonEmpty ? { minProperties: 1 } : {}),
    },
    read(site) {
      const { node, reading, location } = site;
      if (!isMap(node)) return wrongType(site, expects);
      const before = reading.mistakes;
      const entries = entriesOf(node, reading);
      if (options.nonEmpty && node.items.length === 0)
        reading.report(definitionProblem("empty", { key: site.key, expected: expects }), location);
      const pairs: [string, Value][] = [];
      const lost: string[] = [];
      for (const entry of entries) {
        if (options.named && !isName(entry.key)) {
          const parameters = { key: site.key, name: entry.key, expected: `a name (of a ${options.keyIs})` };
          reading.report(definitionProblem("bad-name", parameters), reading.locate(entry.keyNode));
        }
        const read = readAt(value, entry.valueNode, `${site.key}.${entry.key}`, reading);
        options.each?.(entry.key, read, entry, reading);
        if (read !== undefined) pairs.push([entry.key, read]);
        else lost.push(entry.key);
      }
      // The keys are the user's words: one that is not there must not find what every object has, such as "constructor".
      const result: Readonly<Record<string, Value>> = Object.assign(Object.create(null), Object.fromEntries(pairs));
      const { mistakes } = reading.context;
      if (reading.mistakes > before) mistakes.note(result);
      for (const key of lost) mistakes.lose(result, key);
      remember(result, entries, reading, location, (key) => key);
      return Object.freeze(result);
    },
  };
}

/** A map of one of several kinds, told apart by the word under one key. */
export function discriminated<Value>(
  key: string,
  what: string,
  word: Schema<string>,
  kinds: ReadonlyMap<string, Schema<Value>>,
): Schema<Value> {
  const expects = `a map (${what})`;
  return {
    expects,
    json: { oneOf: [...kinds.values()].map((kind) => kind.json) },
    read(site) {
      if (!isMap(site.node)) return wrongType(site, expects);
      const { reading, location } = site;
      const entry = site.node.items.find((pair) => isNode(pair.key) && String(pair.key) === key);
      if (entry === undefined) {
        reading.report(definitionProblem("missing-key", { key, where: what, expected: word.expects }), location);
        return undefined;
      }
      const kind = isNode(entry.value) ? readAt(word, entry.value, key, reading) : undefined;
      return kind === undefined ? undefined : kinds.get(kind)?.read(site);
    },
  };
}
