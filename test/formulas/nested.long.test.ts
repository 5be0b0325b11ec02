import { test } from "vitest";
import { CALLS, checkNested } from "./nested-formulas.js";

// Twenty times nested.test.ts, on other seeds.

const HUNDREDS = Array.from({ length: 8 }, (_, hundred) => 1_000 + hundred * 100);

test.each(HUNDREDS)("every fifth function outermost, a hundred seeds from %i", { timeout: 600_000 }, async (first) => {
  for (let seed = first; seed < first + 100; seed++) {
    const functions = Object.keys(CALLS).filter((_, place) => place % 5 === seed % 5);
    await checkNested(seed, functions);
  }
});
