import { expect, test } from "vitest";
import { FUNCTIONS } from "#daedalus/formulas/functions/registry.js";
import { CALLS, checkNested } from "./nested-formulas.js";

// Formulas in formulas, by the engine, against exact rationals. The long run (nested.long.test.ts) draws twenty times as many.

test("every function of the language is drawn", () => {
  expect(Object.keys(CALLS).sort()).toEqual([...FUNCTIONS.keys()].sort());
});

test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
  "every fifth function outermost, seed %i",
  async (seed) => {
    const functions = Object.keys(CALLS).filter((_, place) => place % 5 === seed % 5);
    expect(await checkNested(seed, functions)).toBeGreaterThan(functions.length);
  },
);
