import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { type Lane, WritingLanes } from "#daedalus/engines/sql/writing-lanes.js";

// Which days are written when, and what is told in which order; that their bytes are the same stands in part-bytes.test.ts.

const GIB = 2 ** 30;
let session: SqlSession;
beforeEach(async () => {
  session = await SqlSession.open({ threads: "4" });
});
afterEach(() => session.close());

test.each([
  ["threads that one group leaves idle", 64 * GIB, 1, 4],
  ["two days where one has all threads at work, but for its last groups", 64 * GIB, 4, 2],
  ["a day of many groups alone", 64 * GIB, 9, 1],
  ["as much as memory allows", 5 * GIB, 1, 2],
  ["one in any case", 0.1 * GIB, 1, 1],
])("%s", async (_, memory, groups, lanes) => {
  expect((await WritingLanes.of(session, memory)).lanesFor(groups)).toBe(lanes);
});

/** Writes 0, 1, …, `count` − 1 as the waits say, and notes how many are written at once and what is told. */
async function written(count: number, lanes: number, write: (entry: number, lane: Lane) => Promise<void>) {
  const told: number[] = [];
  const at: number[] = [];
  let running = 0;
  const all = await WritingLanes.of(session, 64 * GIB);
  const end = await all
    .inOrder(
      Array.from({ length: count }, (_, entry) => entry),
      lanes,
      async (entry, lane) => {
        running += 1;
        at.push(running);
        try {
          await lane.run(`CREATE OR REPLACE TABLE lane_${lane.number} AS SELECT ${entry} AS entry`);
          await write(entry, lane);
        } finally {
          running -= 1;
        }
        return entry * 10;
      },
      async (entry, result) => {
        expect(result).toBe(entry * 10);
        told.push(entry);
        await setTimeout(1);
      },
    )
    .then(
      () => "done",
      (error: unknown) => String(error),
    );
  expect(running).toBe(0);
  return { told, end, most: Math.max(...at), begun: at.length };
}

test("several at a time, each lane on a connection of its own, told in their order", async () => {
  const { told, end, most } = await written(9, 3, async (entry, lane) => {
    await setTimeout(entry % 3 === 0 ? 30 : 1);
    await lane.run("SELECT 1");
  });
  expect([told, end, most]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8], "done", 3]);
});

test("after a failure nothing is begun, and what came before it is told", async () => {
  const { told, end, begun } = await written(9, 2, async (entry) => {
    await setTimeout(5);
    if (entry === 3) throw new Error("no value fits");
  });
  expect(end).toBe("Error: no value fits");
  expect(told).toEqual([0, 1, 2]);
  expect(begun).toBeLessThanOrEqual(5);
});

test("without memory for several, what failed is written again alone, and so is the rest", async () => {
  const tries = new Map<number, number>();
  let running = 0;
  const alone: number[] = [];
  const { told, end } = await written(9, 3, async (entry) => {
    running += 1;
    try {
      tries.set(entry, (tries.get(entry) ?? 0) + 1);
      await setTimeout(5);
      if (running === 1) alone.push(entry);
      else if (entry >= 3) throw new Error("Out of Memory Error: could not allocate block");
    } finally {
      running -= 1;
    }
  });
  expect([told, end]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8], "done"]);
  expect(Math.max(...tries.values())).toBe(2);
  for (const entry of [6, 7, 8]) expect(alone).toContain(entry);
});

test("what fails alone for want of memory has failed", async () => {
  const { told, end } = await written(4, 2, async (entry) => {
    await setTimeout(1);
    if (entry === 2) throw new Error("Out of Memory Error: could not allocate block");
  });
  expect(end).toContain("Out of Memory");
  expect(told).toEqual([0, 1]);
});
