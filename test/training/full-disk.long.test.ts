import { test } from "vitest";
import { growRoom, growRoomBesideDays, ROOMS } from "./full-disk.js";
import { canMount } from "./mounts.js";

/** Every write is once the first that finds no room. */
const STEP = 1;
const mountable = canMount();

test.skipIf(!mountable).each(Object.keys(ROOMS))(
  "too few %s: a clear problem, whole days, nothing left over, and in the end the same bytes",
  async (what) => growRoom(ROOMS[what] ?? String, STEP),
  600_000,
);

test.skipIf(!mountable)(
  "days that are to be replaced stay until there is room for the new ones",
  async () => {
    await growRoomBesideDays(STEP);
  },
  600_000,
);
