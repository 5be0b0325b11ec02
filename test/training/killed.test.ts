import { expect, test } from "vitest";
import { COMMIT_FAIL_POINTS } from "#daedalus/runs/commit.js";
import { leftovers, tree } from "../runs/processes.js";
import { smallService } from "./small-service.js";

const isManifest = (path: string) => path.endsWith("_manifest.json");

/** What a run that nobody disturbs writes; it is the same in every folder. */
let undisturbed: Promise<Record<string, string>> | undefined;
function wholeTree(): Promise<Record<string, string>> {
  undisturbed ??= smallService().then(async (service) => {
    await service.train();
    return tree(service.root, isManifest);
  });
  return undisturbed;
}

// The first commit of a run is the map's, the second the first day's.
const FIRST = COMMIT_FAIL_POINTS.filter((point) => point.startsWith("commit/"));
const POINTS = ["root/owned", "unit/staged:2", "unit/performed:2", ...FIRST, ...FIRST.map((point) => `${point}:2`)];

test.each(POINTS)("killed at %s, the next run ends with the same files", async (point) => {
  const service = await smallService();
  const whole = await wholeTree();
  const killed = await service.train({}, { DAEDALUS_FAIL_POINT: point });
  expect(killed.signal).toBe("SIGKILL");
  for (const [path, sum] of Object.entries(tree(service.root, isManifest)))
    expect([path, sum]).toEqual([path, whole[path]]);
  expect((await service.train()).code).toBe(0);
  expect(tree(service.root, isManifest)).toEqual(whole);
  expect(leftovers(service.root)).toEqual([]);
});

test("killed at each step of replacing a day, the next run ends with the same files", async () => {
  const service = await smallService();
  const whole = await wholeTree();
  await service.train();
  for (const point of COMMIT_FAIL_POINTS.filter((name) => name.startsWith("swap/"))) {
    const killed = await service.train({ force: true }, { DAEDALUS_FAIL_POINT: `${point}:2` });
    expect(killed.signal).toBe("SIGKILL");
    const now = tree(service.root, isManifest);
    for (const [path, sum] of Object.entries(now)) expect([path, sum]).toEqual([path, whole[path]]);
    expect((await service.train()).code).toBe(0);
    expect(tree(service.root, isManifest)).toEqual(whole);
    expect(leftovers(service.root)).toEqual([]);
  }
});

test("workers that die after writing a day's parts, the next run ends with the same files", async () => {
  const service = await smallService();
  const ended = await service.train({ dayWorkers: 2 }, { DAEDALUS_FAIL_POINT: "day/written" });
  expect(ended.code).toBe(1);
  expect(ended.stdout).toContain("run/worker-lost");
  expect(Object.keys(tree(service.root))).toEqual(["qid_map.parquet"]);
  expect((await service.train()).code).toBe(0);
  expect(tree(service.root, isManifest)).toEqual(await wholeTree());
});
