import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { caseFromJson, caseToJson } from "./case-json.js";
import { CHAPTER_7, drawnOf } from "./chapter-7.js";
import { differenceOf } from "./compare.js";
import { drawn } from "./draw.js";
import { type ProjectCase, randomProject } from "./random-project.js";
import { smallestDifference } from "./smallest-difference.js";

// Random projects against the naive oracle: bit for bit, in order, schema and parts included.
// DAEDALUS_LONG=1: thousands. DAEDALUS_SEEDS=10..20: these. What fails is made small and kept in counter-examples/.

const COUNTER_EXAMPLES = join(import.meta.dirname, "counter-examples");

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
        if (difference !== undefined) faults.push(await tell(seed, one, difference));
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

/** Shrinks the project, keeps it, and tells both differences. */
async function tell(seed: number, one: ProjectCase, difference: string): Promise<string> {
  const small =
    process.env["DAEDALUS_SHRINK"] === "0"
      ? one
      : await smallestDifference(one, (candidate) => sameFault(candidate, difference));
  mkdirSync(COUNTER_EXAMPLES, { recursive: true });
  const file = join(COUNTER_EXAMPLES, `seed-${seed}.json`);
  if (process.env["DAEDALUS_DIST"] === undefined) writeFileSync(file, caseToJson(small));
  return `seed ${seed}: ${difference}\nmade small in ${file}: ${await differenceOf(small)}`;
}

/** A candidate counts only if it fails in the same manner: values stay a difference of values, a stop a stop of that code. */
async function sameFault(candidate: ProjectCase, difference: string): Promise<boolean> {
  const manner = (text: string): string =>
    /^the product stops: \S*( {2}\S+)?|^the product writes|^days|^qid map|columns|parts of|rows instead|row \d+/
      .exec(text)?.[0]
      .replace(/\d+/g, "") ?? "";
  try {
    const found = await differenceOf(candidate);
    return found !== undefined && manner(found) === manner(difference);
  } catch {
    return false; // the candidate makes no sense to the oracle
  }
}
