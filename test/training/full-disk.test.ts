import { expect, test } from "vitest";
import { growRoom, growRoomBesideDays, ROOMS } from "./full-disk.js";
import { canMount } from "./mounts.js";
import { smallService } from "./small-service.js";

// Every third of the writes is the first that finds no room; `full-disk.long.test.ts` takes them all.
const STEP = 3;
// Without file systems of its own (no root, or a container that forbids mounting) nothing can be full: then files cannot grow.
if (canMount()) {
  test.each(Object.keys(ROOMS))(
    "too few %s: a clear problem, whole days, nothing left over, and in the end the same bytes",
    async (what) => growRoom(ROOMS[what] ?? String, STEP),
  );

  test("days that are to be replaced stay until there is room for the new ones", async () => {
    await growRoomBesideDays(STEP);
  });
} else {
  test.each([0, 1, 2])(
    "files that cannot grow beyond %i KiB: a clear problem, and in the end all days",
    async (kibibytes) => {
      const service = await smallService();
      const ended = await service.limited(kibibytes);
      expect([ended.code, ended.stdout]).toEqual([1, expect.stringMatching(/"(run|engine)\/disk-full"/)]);
      expect((await service.train()).code).toBe(0);
    },
  );
}
