import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { doublesChunk } from "#daedalus/columnar/parquet-chunks.js";
import { GroupWriter } from "#daedalus/feature-runs/group-writer.js";
import { ask } from "./run-folder.js";

test("a group that comes before its turn is done when it is written, and not before: its memory is used again then", async () => {
  const folder = mkdtempSync(join(tmpdir(), "daedalus-groups-"));
  try {
    const path = join(folder, "wide.parquet");
    const writer = await GroupWriter.create(path, [{ name: "a", type: "DOUBLE", nullable: true }]);
    const part = writer.part();
    const done: number[] = [];
    const add = (number: number): Promise<void> => {
      const values = Float64Array.of(number, number + 0.5);
      return part.add(number, [doublesChunk(values, Uint8Array.of(1, 1))]).then(() => {
        done.push(number);
        values.fill(-1);
      });
    };
    const early = [add(2), add(1)];
    await new Promise((wait) => setTimeout(wait, 50));
    expect(done).toEqual([]);
    await Promise.all([...early, add(0)]);
    expect([...done].sort()).toEqual([0, 1, 2]);
    await writer.finish(new Set(), {});
    expect(await ask(`SELECT a FROM '${path}'`)).toEqual([0, 0.5, 1, 1.5, 2, 2.5].map((a) => ({ a })));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
