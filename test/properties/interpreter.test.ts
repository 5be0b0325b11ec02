import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileService } from "#daedalus/app/compile-service.js";
import { loadProject } from "#daedalus/app/project.js";
import { OracleStop } from "../oracles/values.js";
import { interpretDays } from "../support/interpret.js";
import { inProject, type Trained, trainDirectory } from "../support/product.js";
import { differenceOfDay, expectedOf } from "./compare.js";
import { drawn } from "./draw.js";
import { type ProjectCase, randomProject } from "./random-project.js";

// A third implementation beside engine and oracle: the interpreter's every row and column is the written file's.
// DAEDALUS_LONG=1: thousands of projects. DAEDALUS_SEEDS=10..20: these.

function seeds(): readonly number[] {
  const [from = 1, to = process.env["DAEDALUS_LONG"] ? 1_500 : 60] = (process.env["DAEDALUS_SEEDS"] ?? "")
    .split("..")
    .filter(Boolean)
    .map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => 500_000 + from + i);
}

describe("the interpreter", () => {
  const all = seeds();
  for (let i = 0; i < all.length; i += 10)
    test(`gives the written files of seeds ${all[i]}..${all[Math.min(i + 9, all.length - 1)]}`, {
      timeout: 600_000,
    }, async () => {
      const faults: string[] = [];
      for (const seed of all.slice(i, i + 10)) {
        const difference = await differenceFromFiles(drawn(seed, randomProject));
        if (difference !== undefined) faults.push(`seed ${seed}: ${difference}`);
      }
      expect(faults).toEqual([]);
    });
});

/** Undefined if there is none, or if the run has to stop: then there are no files. */
async function differenceFromFiles(one: ProjectCase): Promise<string | undefined> {
  const expected = [...expectedOf(one).values()];
  if (expected.length === 0 || expected.some((day) => day instanceof OracleStop)) return undefined;
  return inProject(one, async (directory) => {
    const outputRoot = join(directory, "out");
    const skeletonOnly = one.skeletonOnly ?? false;
    const trained: Trained = await trainDirectory(directory, one.service, { outputRoot, skeletonOnly });
    const compiled = await compileService(await loadProject(directory, { environment: {} }), one.service);
    const interpreted = await interpretDays(compiled, outputRoot, [...trained.days.keys()]);
    for (const [day, written] of trained.days) {
      const own = interpreted.get(day);
      if (own === undefined) return `${day}: not interpreted`;
      if (own.faults.length > 0) return `${day}: ${own.faults.join("; ")}`;
      const difference = differenceOfDay({ ...own, parts: written.parts }, written);
      if (difference !== undefined) return `${day}: ${difference} (the interpreter's "want" against the file's "got")`;
    }
    return undefined;
  });
}
