import { join } from "node:path";
import { expect, test } from "vitest";
import { COMMIT_FAIL_POINTS } from "#daedalus/runs/commit.js";
import { DIST, leftovers, start, temporaryFolder, tree } from "./processes.js";

const TOY = join(import.meta.dirname, "toy-run.mjs");

function toy(root: string, options: object, environment: Record<string, string> = {}) {
  return start("node", [TOY, DIST, root, JSON.stringify(options)], environment).ended;
}

/** What an undisturbed run writes, by its content. */
const undisturbed = new Map<string, Promise<Record<string, string>>>();
function wholeTree(content: string): Promise<Record<string, string>> {
  const known =
    undisturbed.get(content) ??
    temporaryFolder().then(async (folder) => {
      await toy(folder, { content });
      return tree(folder);
    });
  undisturbed.set(content, known);
  return known;
}

const POINTS = ["root/owned", "unit/staged", "unit/performed", ...COMMIT_FAIL_POINTS];

test.each(POINTS)("a new unit: killed at %s, the next run ends with the same tree", async (point) => {
  const [killed, whole] = [await temporaryFolder(), await wholeTree("1")];
  const first = await toy(killed, {}, { DAEDALUS_FAIL_POINT: point });
  expect(first.signal ?? "passed").toBe(point.startsWith("swap/") ? "passed" : "SIGKILL");
  // Whatever is visible is whole.
  const visible = tree(killed);
  for (const [path, sum] of Object.entries(visible)) expect(sum).toBe(whole[path]);
  const second = await toy(killed, {});
  expect(second.code).toBe(0);
  expect(tree(killed)).toEqual(whole);
  expect(leftovers(killed)).toEqual([]);
});

test.each(POINTS)(
  "a unit that replaces another: killed at %s, each unit is its old or its new version",
  async (point) => {
    const killed = await temporaryFolder();
    await toy(killed, { content: "old" });
    const first = await toy(
      killed,
      { content: "new" },
      { DAEDALUS_FAIL_POINT: `${point}${point === "root/owned" ? "" : ":2"}` },
    );
    expect(first.signal ?? "passed").toBe(point === "commit/visible" ? "passed" : "SIGKILL");
    // The next start of a run, even one that does nothing, finishes what was begun.
    expect((await toy(killed, { units: [] })).code).toBe(0);
    const [now, before, after] = [tree(killed), await wholeTree("old"), await wholeTree("new")];
    expect(Object.keys(now)).toEqual(Object.keys(before));
    for (const unit of ["a", "b", "c"]) {
      const of = (files: Record<string, string>) =>
        Object.entries(files).filter(([path]) => path.startsWith(`${unit}/`));
      expect([of(before), of(after)]).toContainEqual(of(now));
    }
    expect(leftovers(killed)).toEqual([]);
    expect((await toy(killed, { content: "new" })).code).toBe(0);
    expect(tree(killed)).toEqual(after);
  },
);
