import { isMap, isNode, isScalar, isSeq } from "yaml";
import { definitionProblem } from "../errors/definition.js";
import type { OperatorOverride, OverrideValue, PipelineOverrides } from "./pipeline-overrides.js";
import { entriesOf } from "./reading.js";
import { readAt, type Schema, wrongType } from "./schema.js";
import { list, object, optional } from "./schema-collections.js";
import { name, scalarLiteral } from "./schema-scalars.js";

const scalarValue = scalarLiteral({ null: true });

/** Any YAML: the compiler knows the form of an operator and compares. */
const anything: Schema<OverrideValue> = {
  expects: "any value",
  json: {},
  read(site) {
    const { node, reading, location } = site;
    if (isScalar(node)) return scalarValue.read(site);
    if (isSeq(node)) {
      const items = node.items.flatMap((item) => (isNode(item) ? [item] : []));
      const values = items.map((item) => readAt(anything, item, `an element of ${site.key}`, reading));
      const whole = values.filter((value): value is OverrideValue => value !== undefined);
      if (whole.length < values.length) return undefined;
      const places = new Map(items.map((item, index) => [index, reading.locate(item)]));
      reading.context.locations.remember(whole, { self: location, values: places, keys: new Map() });
      return Object.freeze(whole);
    }
    const entries = isMap(node) ? entriesOf(node, reading) : [];
    const pairs = entries.flatMap(({ key, valueNode }) => {
      const value = readAt(anything, valueNode, key, reading);
      return value === undefined ? [] : [[key, value] as const];
    });
    const result: { readonly [key: string]: OverrideValue } = Object.freeze(Object.fromEntries(pairs));
    reading.context.locations.remember(result, {
      self: location,
      values: new Map(entries.map(({ key, valueNode }) => [key, reading.locate(valueNode)])),
      keys: new Map(entries.map(({ key, keyNode }) => [key, reading.locate(keyNode)])),
    });
    return result;
  },
};

const operator: Schema<OperatorOverride> = {
  expects: "a map (an operator)",
  json: {
    type: "object",
    title: "an operator",
    properties: { name: { description: "name of the generated operator", ...name.json } },
    required: ["name"],
  },
  read(site) {
    const { node, reading, location } = site;
    if (!isMap(node)) return wrongType(site, "a map (an operator)");
    const entries = entriesOf(node, reading);
    const nameNode = entries.find(({ key }) => key === "name")?.valueNode;
    const called = nameNode && readAt(name, nameNode, "name", reading);
    if (nameNode === undefined) {
      const parameters = { key: "name", where: "an operator", expected: name.expects };
      reading.report(definitionProblem("missing-key", parameters), location);
    }
    const written = anything.read(site);
    if (called === undefined || written === undefined) return undefined;
    const { name: _name, ...fields } = written as { readonly [key: string]: OverrideValue };
    Object.freeze(fields);
    const override: OperatorOverride = Object.freeze({ name: called, fields });
    const places = reading.context.locations.placesOf(written as object);
    for (const definition of places ? [override, fields] : [])
      if (places) reading.context.locations.remember(definition, places);
    return override;
  },
};

export const pipelineOverridesSchema: Schema<PipelineOverrides> = object(
  "a pipeline's overrides",
  {
    operators: optional(
      list(operator, { unique: { what: "operator", key: "name", nameOf: (one) => one.name } }),
      "entries in the form of the generated file; engine, rolling_engine and inputs replace its own",
    ),
  },
  ({ operators = Object.freeze([]) }) => ({ operators }),
);
