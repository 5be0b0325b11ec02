import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { jsonSchemas } from "#daedalus/definitions/json-schemas.js";

const ARTWORKS = fileURLToPath(new URL("../../examples/artworks/", import.meta.url));

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The keywords that our schemas use, checked naively; a keyword that it does not know throws. */
function accepts(schema: Json, value: Json): boolean {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) throw new Error("not a schema");
  return Object.entries(schema).every(([keyword, wanted]) => keywordHolds(keyword, wanted, value, schema));
}

function keywordHolds(keyword: string, wanted: Json, value: Json, schema: { [key: string]: Json }): boolean {
  const map = typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  const properties = (schema["properties"] ?? {}) as { [key: string]: Json };
  switch (keyword) {
    case "$schema":
    case "$id":
    case "title":
    case "description":
    case "default":
      return true;
    case "type":
      return [wanted].flat().some((type) => typeOf(value).includes(String(type)));
    case "const":
      return value === wanted;
    case "enum":
      return (wanted as Json[]).includes(value);
    case "anyOf":
      return (wanted as Json[]).some((one) => accepts(one, value));
    case "oneOf":
      return (wanted as Json[]).filter((one) => accepts(one, value)).length === 1;
    case "minLength":
      return typeof value !== "string" || value.length >= Number(wanted);
    case "pattern":
      return typeof value !== "string" || new RegExp(String(wanted), "u").test(value);
    case "minimum":
      return typeof value !== "number" || value >= Number(wanted);
    case "maximum":
      return typeof value !== "number" || value <= Number(wanted);
    case "items":
      return !Array.isArray(value) || value.every((item) => accepts(wanted, item));
    case "minItems":
      return !Array.isArray(value) || value.length >= Number(wanted);
    case "minProperties":
      return map === undefined || Object.keys(map).length >= Number(wanted);
    case "required":
      return map === undefined || (wanted as string[]).every((key) => Object.hasOwn(map, key));
    case "properties":
      return Object.entries(map ?? {}).every(
        ([key, one]) => !(key in properties) || accepts(properties[key] ?? {}, one),
      );
    case "propertyNames":
      return Object.keys(map ?? {}).every((key) => accepts(wanted, key));
    case "additionalProperties":
      return Object.entries(map ?? {}).every(
        ([key, one]) => key in properties || (wanted !== false && accepts(wanted, one)),
      );
    default:
      throw new Error(`unknown keyword ${keyword}`);
  }
}

function typeOf(value: Json): string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  return typeof value === "number" && Number.isInteger(value) ? ["number", "integer"] : [typeof value];
}

const FILES: readonly (readonly [path: string, schema: string])[] = [
  ["daedalus.yaml", "daedalus.schema.json"],
  ["config/base.yaml", "base.schema.json"],
  ["config/training/aggregations.yaml", "aggregations.schema.json"],
  ["config/training/runtime.yaml", "runtime.schema.json"],
  ["feature_services/dssm_ranking.yaml", "feature-service.schema.json"],
  ["feature_services/xgb_reranker.yaml", "feature-service.schema.json"],
];

const schemaOf = (file: string): Json => JSON.parse(JSON.stringify(jsonSchemas().get(file) ?? null)) as Json;
const yamlOf = async (path: string): Promise<Json> => parse(await readFile(join(ARTWORKS, path), "utf8")) as Json;

describe("JSON Schemas", () => {
  test.each(FILES)("%s is accepted by %s", async (path, schema) => {
    expect(accepts(schemaOf(schema), await yamlOf(path))).toBe(true);
  });

  test("the feature views are accepted", async () => {
    for (const file of await readdir(join(ARTWORKS, "feature_views")))
      expect(accepts(schemaOf("feature-view.schema.json"), await yamlOf(join("feature_views", file))), file).toBe(true);
  });

  test.each<[string, Json]>([
    [
      "feature-view.schema.json",
      { name: "a", entity: "b", source: { path: "p" }, fields: [{ name: "c", dtype: "BIGNIT" }] },
    ],
    ["feature-view.schema.json", { name: "a", entity: "b", source: { path: "p" } }],
    ["feature-view.schema.json", { name: "a", entity: "b", source: { path: "p" }, fields: [], tll: "1d" }],
    [
      "feature-service.schema.json",
      { name: "a", version: 1, spine: "b", columns: [{ name: "c", kind: "key", dtype: "TEXT" }] },
    ],
    ["runtime.schema.json", { feed_start: 202601, feed_end: "202602" }],
    ["runtime.schema.json", { feed_start: "202601", feed_end: "202602", compute: { engine: "spark" } }],
    ["aggregations.schema.json", { aggregation_specs: [{ name: "a", agg: "list", windows: [] }] }],
    ["aggregations.schema.json", { aggregation_specs: [{ name: "a", agg: "list", windows: ["1d"], max_length: 0 }] }],
    [
      "base.schema.json",
      { connections: { db: { type: "postgres", host: "h", database: "d", user: "u", password: "x" } } },
    ],
    ["daedalus.schema.json", {}],
  ])("%s refuses a wrong file (%#)", (schema, value) => {
    expect(accepts(schemaOf(schema), value)).toBe(false);
  });

  test("say of every key what it means", () => {
    const silent: string[] = [];
    const visit = (schema: Json, path: string): void => {
      if (typeof schema !== "object" || schema === null) return;
      if (!Array.isArray(schema) && typeof schema["properties"] === "object" && "title" in schema)
        for (const [key, one] of Object.entries(schema["properties"] ?? {}))
          if (typeof one !== "object" || one === null || !("description" in one)) silent.push(`${path}.${key}`);
      for (const [key, one] of Object.entries(schema)) visit(one, `${path}.${key}`);
    };
    for (const file of jsonSchemas().keys()) visit(schemaOf(file), file);
    expect(silent).toEqual([]);
    for (const schema of jsonSchemas().values())
      expect(schema).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
  });
});
