import { isTable } from "../columnar/foreign-tables.js";
import { checkOptions, checkValue, FLAG, isObject, objectOf, type Shapes, shown, TEXT } from "./options.js";

const SPEC: Shapes = {
  name: TEXT,
  formula: TEXT,
  type: TEXT,
  table: TEXT,
  inputs: objectOf(["string"], "an object of texts"),
  parameters: objectOf(["number", "boolean"], "an object of numbers and booleans"),
};

/** Throws RangeError for a request of `computeFeatures`, from a caller without types, that is none. */
export function checkFeatureRequest(request: unknown): void {
  if (!isObject(request)) throw new RangeError("computeFeatures takes { specs, frames }");
  const specs = { is: Array.isArray, expected: "a list of features" };
  const frames = { is: isObject, expected: "an object of tables" };
  checkOptions("computeFeatures", request, { specs, frames, strict: FLAG }, { needed: ["specs", "frames"] });
  for (const [place, spec] of (request["specs"] as readonly unknown[]).entries()) {
    const at = `specs[${place}]`;
    if (!isObject(spec)) throw new RangeError(`${at} is ${shown(spec)}, and must be a feature`);
    checkOptions(at, spec, SPEC, { at: `${at}.` });
    if (spec["name"] === undefined && spec["type"] === undefined)
      throw new RangeError(`${at} has no name, and no type to be named by`);
  }
  const table = { is: isTable, expected: "a Table of apache-arrow" };
  for (const [name, frame] of Object.entries(request["frames"] as object)) checkValue(`frames.${name}`, frame, table);
}
