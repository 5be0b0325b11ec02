import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { audit } from "#daedalus/app/audit-service.js";
import { compileService } from "#daedalus/app/compile-service.js";
import { loadProject } from "#daedalus/app/project.js";
import { OracleStop } from "../oracles/values.js";
import { inProject, trainDirectory } from "../support/product.js";
import { expectedOf } from "./compare.js";
import { drawn } from "./draw.js";
import { type ProjectCase, randomProject } from "./random-project.js";

// An audit of random projects finds nothing: what it perturbs is really the future of what it compares, whatever the types,
// layouts, rules and clocks; and its copies of the sources mean what the sources mean.
// DAEDALUS_LONG=1: hundreds. DAEDALUS_SEEDS=10..20: these.

function seeds(): readonly number[] {
  const [from = 1, to = process.env["DAEDALUS_LONG"] ? 400 : 12] = (process.env["DAEDALUS_SEEDS"] ?? "")
    .split("..")
    .filter(Boolean)
    .map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => 700_000 + from + i);
}

describe("an audit of random projects", () => {
  const all = seeds();
  for (let i = 0; i < all.length; i += 4)
    test(`finds nothing: seeds ${all[i]}..${all[Math.min(i + 3, all.length - 1)]}`, { timeout: 600_000 }, async () => {
      for (const seed of all.slice(i, i + 4)) {
        const one = drawn(seed, randomProject);
        expect(await counterExamples(one, seed), `seed ${seed}`).toEqual([]);
      }
    });
});

async function counterExamples(one: ProjectCase, seed: number): Promise<readonly unknown[]> {
  const expected = [...expectedOf(one).values()];
  if (expected.length === 0 || expected.some((day) => day instanceof OracleStop)) return [];
  return inProject(one, async (directory) => {
    const outputRoot = join(directory, "out");
    await trainDirectory(directory, one.service, { outputRoot, skeletonOnly: one.skeletonOnly ?? false });
    const compiled = await compileService(await loadProject(directory, { environment: {} }), one.service);
    const report = await audit(compiled, { outputRoot, rows: 40, trials: 4, seed, counterExamples: directory });
    const stops = report.future.trials.filter(({ why }) => why?.startsWith("the day stops"));
    return [...report.counterExamples, ...stops];
  });
}
