import { test } from "vitest";
import { growRoom, growRoomBesideDays, ROOMS } from "./full-disk.js";
import { canMount } from "./mounts.js";

// Every third of the writes is the first that finds no room; `full-disk.long.test.ts` takes them all.
const STEP = 3;
// Without file systems of its own (no root) nothing can be full; the limit on a file's size in train.test.ts is left then.
const mountable = canMount();

test.skipIf(!mountable).each(Object.keys(ROOMS))(
  "too few %s: a clear problem, whole days, nothing left over, and in the end the same bytes",
  async (what) => growRoom(ROOMS[what] ?? String, STEP),
);

test.skipIf(!mountable)("days that are to be replaced stay until there is room for the new ones", async () => {
  await growRoomBesideDays(STEP);
});
