import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { caseFromJson } from "./case-json.js";
import { CHAPTER_7, drawnOf } from "./chapter-7.js";
import { differenceOf } from "./compare.js";
import { drawn } from "./draw.js";
import { COUNTER_EXAMPLES, keepCounterExample } from "./keep-counter-example.js";
import { randomProject } from "./random-project.js";

// Random projects against the naive oracle: bit for bit, in order, schema and parts included.
// DAEDALUS_LONG=1: thousands. DAEDALUS_SEEDS=10..20: these. What fails is made small and kept in counter-examples/.

function seeds(): readonly number[] {
  const [from = 1, to = process.env["DAEDALUS_LONG"] ? 3_000 : 80] = (process.env["DAEDALUS_SEEDS"] ?? "")
    .split("..")
    .filter(Boolean)
    .map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe("counter-examples of the past", () => {
  for (const file of readdirSync(COUNTER_EXAMPLES)
    .filter((name) => name.endsWith(".json"))
    .sort())
    test(file, async () => {
      const one = caseFromJson(readFileSync(join(COUNTER_EXAMPLES, file), "utf8"));
      expect(await differenceOf(one)).toBeUndefined();
    });
});

describe("random projects", () => {
  const all = seeds();
  for (let i = 0; i < all.length; i += 10)
    test(`seeds ${all[i]}..${all[Math.min(i + 9, all.length - 1)]} give the oracle's table`, {
      timeout: 600_000,
    }, async () => {
      const faults: string[] = [];
      for (const seed of all.slice(i, i + 10)) {
        const one = drawn(seed, randomProject);
        const difference = await differenceOf(one);
        if (difference !== undefined) faults.push(await keepCounterExample(`seed-${seed}`, one, difference));
      }
      if (faults.length > 0) throw new Error(faults.join("\n\n"));
    });

  test("draw every key and value of chapter 7", () => {
    const counts = new Map<string, number>();
    for (const seed of all)
      for (const key of drawnOf(drawn(seed, randomProject))) counts.set(key, (counts.get(key) ?? 0) + 1);
    if (process.env["DAEDALUS_PRINT_DRAWN"] || process.env["CI"])
      console.log(CHAPTER_7.map((key) => `${String(counts.get(key) ?? 0).padStart(5)}  ${key}`).join("\n"));
    if (process.env["DAEDALUS_SEEDS"] === undefined)
      expect(
        CHAPTER_7.filter((key) => !counts.has(key)),
        "never drawn",
      ).toEqual([]);
  });
});
