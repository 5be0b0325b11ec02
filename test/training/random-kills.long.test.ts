import { test } from "vitest";
import { killAtRandom } from "./random-kills.js";

test("killed at 200 instants of a run of 13 commits, and at every step of a commit at least five times", async () => {
  await killAtRandom(200, 5);
}, 7_200_000);
