import { nearest } from "../../errors/nearest.js";
import { CROSS_SECTIONS } from "./cross-sections.js";
import { ROW_WISE } from "./row-wise.js";
import type { FormulaFunction } from "./signature.js";
import { STATES } from "./states.js";
import { WINDOWS } from "./windows.js";

/** Every function of the formula language, by its name. */
export const FUNCTIONS: ReadonlyMap<string, FormulaFunction> = new Map(
  [...ROW_WISE, ...WINDOWS, ...STATES, ...CROSS_SECTIONS].map((one) => [one.name, one]),
);

/** The function that a mistaken name most likely meant. Elsewhere windows are called `ts_mean`, or just `mean`. */
export function nearestFunction(name: string, others: Iterable<string> = []): string | undefined {
  const bare = name.toLowerCase().replace(/^(?:ts|roll|rolling)_/, "");
  const elsewhere = name === "rank" ? ["cs_rank"] : [`rolling_${bare}`, bare, `cs_${bare}`];
  const meant = elsewhere.find((one) => FUNCTIONS.has(one));
  return meant ?? nearest(name, [...FUNCTIONS.keys(), ...others]);
}
