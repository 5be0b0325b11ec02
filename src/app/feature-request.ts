import { Table } from "apache-arrow";
import { refuseUnknownKeys } from "./unknown-keys.js";

type Shape = "text" | "texts" | "numbers";

const SPEC: Readonly<Record<string, Shape>> = {
  name: "text",
  formula: "text",
  type: "text",
  table: "text",
  inputs: "texts",
  parameters: "numbers",
};

const EXPECTED: Readonly<Record<Shape, string>> = {
  text: "a text",
  texts: "an object of texts",
  numbers: "an object of numbers and booleans",
};

/** Throws RangeError for a request of `computeFeatures`, from a caller without types, that is none. */
export function checkFeatureRequest(request: unknown): void {
  if (!isObject(request)) throw new RangeError("computeFeatures takes { specs, frames }");
  refuseUnknownKeys("computeFeatures has no option", Object.keys(request), ["specs", "frames", "strict"]);
  const { specs, frames, strict = false } = request;
  if (!Array.isArray(specs)) throw new RangeError(`specs is ${shown(specs)}, and must be a list of features`);
  for (const [place, spec] of specs.entries()) checkSpec(`specs[${place}]`, spec);
  if (!isObject(frames)) throw new RangeError(`frames is ${shown(frames)}, and must be an object of tables`);
  for (const [name, table] of Object.entries(frames))
    if (!(table instanceof Table))
      throw new RangeError(
        `frames.${name} is ${shown(table)}, and must be a Table of the apache-arrow that Daedalus uses`,
      );
  if (typeof strict !== "boolean") throw new RangeError(`strict is ${shown(strict)}, and must be true or false`);
}

function checkSpec(at: string, spec: unknown): void {
  if (!isObject(spec)) throw new RangeError(`${at} is ${shown(spec)}, and must be a feature`);
  refuseUnknownKeys(`${at} has no key`, Object.keys(spec), Object.keys(SPEC));
  if (spec["name"] === undefined && spec["type"] === undefined)
    throw new RangeError(`${at} has no name, and no type to be named by`);
  for (const [key, shape] of Object.entries(SPEC)) {
    const value = spec[key];
    if (value !== undefined && !fits(value, shape))
      throw new RangeError(`${at}.${key} is ${shown(value)}, and must be ${EXPECTED[shape]}`);
  }
}

function fits(value: unknown, shape: Shape): boolean {
  if (shape === "text") return typeof value === "string";
  const types = shape === "texts" ? ["string"] : ["number", "boolean"];
  return isObject(value) && Object.values(value).every((one) => types.includes(typeof one));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return "not there";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? typeof value;
  if (Array.isArray(value)) return "a list";
  const entries = Object.entries(value).map(([key, one]) => `${key}: ${isObject(one) ? "{…}" : shown(one)}`);
  return `{${entries.join(", ")}}`;
}
