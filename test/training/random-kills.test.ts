import { test } from "vitest";
import { killAtRandom } from "./random-kills.js";

test("killed at 20 instants of a run of 13 commits: nothing lost, nothing half-visible, nobody left, the same bytes", async () => {
  await killAtRandom(20, 0);
}, 600_000);
