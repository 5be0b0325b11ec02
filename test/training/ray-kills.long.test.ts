import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../runs/processes.js";
import { RAY_PYTHON } from "../services/ray.js";
import { type Kind, RayRuns, VICTIMS, type Victim } from "./ray-runs.js";

const EACH = 3;

if (RAY_PYTHON === undefined) test.skip("kills on Ray: the test script could not install it", () => undefined);
else
  describe("runs on Ray that are killed", () => {
    let runs: RayRuns;
    beforeAll(async () => {
      runs = await RayRuns.open();
    });
    afterAll(() => runs.close());

    test.each(
      (Object.keys(VICTIMS) as Victim[]).flatMap((victim) =>
        (["days", "enrich"] satisfies Kind[]).map((kind) => [victim, kind] as const),
      ),
    )(
      "%s, up to a second after %s have begun: nothing is lost, the bytes are the same",
      async (victim, kind) => {
        for (let kill = 0; kill < EACH; kill++) {
          const output = runs.output();
          const run = runs.train(output);
          await until(() => runs.atWork(output, kind) !== undefined, undefined, 60_000);
          const node = runs.atWork(output, kind) ?? Number.NaN;
          const pid = VICTIMS[victim](node, run);
          const wait = ((kill + Math.random()) / EACH) * 1000;
          await Promise.race([sleep(wait), run.ended]);
          expect(run.processes().includes(pid), `${victim} lives after ${Math.round(wait)} ms`).toBe(true);
          process.kill(pid, "SIGKILL");
          await runs.expectNothingBroken(run, victim, output);
          await runs.expectWhole(runs.train(output), output);
        }
      },
      600_000,
    );
  });
