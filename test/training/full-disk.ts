import { rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Ended, leftovers } from "../runs/processes.js";
import { mountMemory, remount } from "./mounts.js";
import { expectWholeDays, written } from "./project-runs.js";
import { type SmallService, smallService } from "./small-service.js";

const PAGE = 4096;
const OPTIONS = { to: "2024-01-02" };
const PLENTY = "size=64m,nr_inodes=10000";

/** What the same project writes on a disk with room: its manifests name the same inputs. */
async function wholeOf(service: SmallService): Promise<Record<string, string>> {
  await service.train({ ...OPTIONS, outputRoot: join(service.directory, "whole") });
  return written(join(service.directory, "whole"));
}

/** A run on a disk without room ends with a clear problem; what is visible is whole, and nothing else is left. */
function expectClearFailure({ root }: SmallService, ended: Ended, whole: Record<string, string>): void {
  expect([ended.code, ended.stdout]).toEqual([1, expect.stringMatching(/"(run|engine)\/disk-full"/)]);
  const codes = ended.stdout.match(/"code":"[^"]*"/g) ?? [];
  expect(codes.filter((code) => !code.includes("/disk-full"))).toEqual([]);
  expectWholeDays(written(root), whole);
  expect(leftovers(root)).toEqual([]);
}

/** What runs tell of themselves would take what each run of a chain has more than the one before. */
function forgetRuns(service: SmallService): void {
  for (const told of ["runs", "logs"]) rmSync(join(service.root, "_daedalus", told), { recursive: true, force: true });
}

/** What grows from run to run. */
export const ROOMS: Readonly<Record<string, (n: number) => string>> = {
  "pages of data": (n) => `size=${n * PAGE},nr_inodes=10000`,
  "files and folders": (n) => `size=64m,nr_inodes=${n}`,
};

/** Each run has so much more room than the one that failed before it, until one has enough. */
export async function growRoom(sized: (n: number) => string, step: number): Promise<void> {
  const service = await smallService();
  const whole = await wholeOf(service);
  mountMemory(service.root, sized(1));
  let failures = 0;
  for (let room = 1; ; room += step) {
    remount(service.root, sized(room));
    const ended = await service.train(OPTIONS);
    if (ended.code === 0) break;
    expectClearFailure(service, ended, whole);
    failures++;
    forgetRuns(service);
  }
  // The map, two days of two parts with their manifests, and what the run needs beside them.
  expect(failures).toBeGreaterThan(10 / step);
  expect(written(service.root)).toEqual(whole);
  expect(leftovers(service.root)).toEqual([]);
}

/** The same for runs that replace days: those stay until there is room for the new ones. */
export async function growRoomBesideDays(step: number): Promise<void> {
  const service = await smallService();
  const whole = await wholeOf(service);
  mountMemory(service.root, PLENTY);
  await service.train(OPTIONS);
  forgetRuns(service);
  const { blocks, bavail, bsize } = statfsSync(service.root);
  const used = (blocks - bavail) * bsize;
  let failures = 0;
  for (let room = 0; ; room += step) {
    remount(service.root, `size=${used + room * PAGE}`);
    const ended = await service.train({ ...OPTIONS, force: true });
    expect(written(service.root)).toEqual(whole);
    if (ended.code === 0) break;
    expectClearFailure(service, ended, whole);
    failures++;
    forgetRuns(service);
  }
  expect(failures).toBeGreaterThan(3 / step);
  expect(leftovers(service.root)).toEqual([]);
}
