import { platform } from "node:os";
import { expect, test } from "vitest";
import { OwnedRoot } from "#daedalus/runs/owned-root.js";

test.runIf(platform() === "linux")(
  "a folder that the file system refuses to make is told, and does not hang",
  async () => {
    await expect(OwnedRoot.open("/proc/daedalus/output", "test")).rejects.toThrow(/run\/unwritable/);
  },
);
