import { CROSS_SECTIONS } from "./cross-sections.js";
import { ROW_WISE } from "./row-wise.js";
import type { FormulaFunction } from "./signature.js";
import { STATES } from "./states.js";
import { WINDOWS } from "./windows.js";

/** Every function of the formula language, by its name. */
export const FUNCTIONS: ReadonlyMap<string, FormulaFunction> = new Map(
  [...ROW_WISE, ...WINDOWS, ...STATES, ...CROSS_SECTIONS].map((one) => [one.name, one]),
);
