import { isMap, isScalar, isSeq, type Node, type Scalar } from "yaml";
import { definitionProblem } from "../errors/definition.js";
import type { Location } from "./location.js";
import { describeNode, type Reading, type ScalarValue, scalarValue, type YamlList, type YamlMap } from "./reading.js";

/** A JSON Schema (draft 2020-12). */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * What may stand at a place of a YAML file. The same value reads it (with the mistakes in their places) and describes it
 * to editors.
 */
export interface Schema<Value> {
  /** What a message calls the right value: `a duration such as 7d`. */
  readonly expects: string;
  readonly json: JsonSchema;
  /** The value; undefined if it is mistaken: then every mistake was reported. */
  read(site: Site): Value | undefined;
}

/** A value that is to be read. */
export interface Site {
  readonly node: YamlMap | YamlList | Scalar;
  readonly reading: Reading;
  /** What messages call it: `max_length`. */
  readonly key: string;
  /** Where it stands in the file; of an alias, the alias. */
  readonly location: Location;
}

/** Reads the value under a key, through an alias if it is one. */
export function readAt<Value>(schema: Schema<Value>, node: Node, key: string, reading: Reading): Value | undefined {
  const resolved = reading.resolve(node);
  if (resolved === undefined) return undefined;
  const location = reading.locate(node);
  return reading.within(resolved, () => schema.read({ node: resolved, reading, key, location }));
}

export function wrongType(site: Site, expected: string, help?: string): undefined {
  const parameters = { key: site.key, expected, found: describeNode(site.node), help };
  site.reading.report(definitionProblem("wrong-type", parameters), site.location);
  return undefined;
}

/** JSON Schema of a value that is no text: it may also come from a `${…}`. */
export function orPlaceholder(json: JsonSchema): JsonSchema {
  return { anyOf: [json, { type: "string", pattern: "\\$\\{" }] };
}

/** A schema over one scalar, `${…}` substituted before it is read. */
export function scalar<Value>(options: {
  readonly expects: string;
  readonly json: JsonSchema;
  readonly service?: boolean;
  readonly read: (value: ScalarValue, site: Site) => Value | undefined;
}): Schema<Value> {
  const { expects, json } = options;
  return {
    expects,
    json,
    read(site) {
      if (!isScalar(site.node)) return wrongType(site, expects);
      const value = scalarValue(site.node, site.reading, site.location, options.service);
      return value === undefined ? undefined : options.read(value, site);
    },
  };
}

/** A schema over one text; other scalars are a wrong type (numbers want quotes). */
export function textual<Value>(options: {
  readonly expects: string;
  readonly json: JsonSchema;
  readonly service?: boolean;
  readonly read: (text: string, written: string, site: Site) => Value | undefined;
}): Schema<Value> {
  return scalar({
    ...options,
    read({ value, written }, site) {
      if (typeof value === "string") return options.read(value, written, site);
      const help = value === null ? undefined : `quote it: "${written}"`;
      return wrongType(site, options.expects, help);
    },
  });
}

/** Either of two schemas, by the shape of what is written. */
export function byShape<Value>(shapes: {
  readonly expects: string;
  readonly scalar?: Schema<Value>;
  readonly list?: Schema<Value>;
  readonly map?: Schema<Value>;
}): Schema<Value> {
  const { expects } = shapes;
  return {
    expects,
    json: { anyOf: [shapes.scalar, shapes.list, shapes.map].flatMap((shape) => (shape ? [shape.json] : [])) },
    read(site) {
      const { node } = site;
      const shape = isMap(node)
        ? shapes.map
        : isSeq(node)
          ? shapes.list
          : node.value === null
            ? undefined
            : shapes.scalar;
      return shape === undefined ? wrongType(site, expects) : shape.read(site);
    },
  };
}

/** The schema, or nothing: `null` reads as null. */
export function orNull<Value>(schema: Schema<Value>): Schema<Value | null> {
  return {
    expects: schema.expects,
    json: { anyOf: [schema.json, { type: "null" }] },
    read: (site) => (isScalar(site.node) && site.node.value === null ? null : schema.read(site)),
  };
}

/** The schema's value, turned into another one. */
export function mapped<From, To>(schema: Schema<From>, turn: (value: From, site: Site) => To | undefined): Schema<To> {
  return {
    expects: schema.expects,
    json: schema.json,
    read(site) {
      const value = schema.read(site);
      return value === undefined ? undefined : turn(value, site);
    },
  };
}
