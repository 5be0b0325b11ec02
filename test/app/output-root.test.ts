import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planDays, statusOf, type TrainOptions, train } from "#daedalus/app/train-service.js";
import { FEED, problemsOf, TinyProject } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
});
afterEach(() => project.close());

test.each([
  ["s3://key:verysecret@bucket/x", "definition/remote-output-root"],
  ["", "definition/empty"],
])(
  "an output root %j is refused by train, plan and status, exit 2, before anything is written",
  async (outputRoot, code) => {
    const compiled = await project.compile();
    for (const command of [train, planDays, statusOf]) {
      const [problem, ...more] = await problemsOf(() => command(compiled, { outputRoot }));
      expect(more).toEqual([]);
      expect(problem).toMatchObject({ code, exitCode: 2 });
      expect(problem?.says).not.toContain("verysecret");
      if (outputRoot !== "") expect(problem?.says).toContain("@bucket/x");
    }
    expect(existsSync("s3:")).toBe(false);
  },
);

test("options of train that are none are told, by who calls without types", async () => {
  const compiled = await project.compile();
  for (const [options, says] of [
    [{ outputRoot: 5 }, "outputRoot is 5, and must be a text"],
    [{ dayWorkers: -1 }, "dayWorkers is -1, and must be a whole number, 1 at least"],
    [{ dayWorkers: "x" }, 'dayWorkers is "x"'],
    [{ engine: "x" }, 'engine is "x", and must be one of'],
    [{ executor: "x" }, 'executor is "x", and must be one of'],
    [{ targetDay: "2024-01-01" }, 'train has no option "targetDay"; did you mean "targetDate"?'],
    [{ onProgress: 5 }, "onProgress is 5, and must be a function"],
  ] as const)
    await expect(train(compiled, options as unknown as TrainOptions)).rejects.toThrow(says);
  expect(existsSync(project.path("data/training_output"))).toBe(false);
});

test("an output root among the files that a view reads is refused", async () => {
  project
    .write("data/feed/feed.csv", readFileSync(project.path("feed.csv")))
    .write("data/feed/deep/a.csv", "user_id,ts\n");
  const view = readFileSync(project.path(FEED), "utf8");
  for (const [path, outputRoot, isRefused] of [
    ["data", "data/training_output/rank", true],
    ["data/feed", "data/feed/out", true],
    ["data/*/*.csv", "data/out", false],
    ["data/**/*", "data/out", true],
    ["data/feed", "data/out", false],
  ] as const) {
    project.write(FEED, view.replace("feed.csv", JSON.stringify(path)));
    const made = await problemsOf(async () =>
      planDays(await project.compile(), { outputRoot: join(project.directory, outputRoot) }),
    );
    expect([path, made.some(({ code }) => code === "training/output-is-input")]).toEqual([path, isRefused]);
  }
});

test("an output root whose name no file system takes is told as that", async () => {
  const compiled = await project.compile();
  const outputRoot = project.path("d".repeat(300));
  expect(await problemsOf(() => train(compiled, { outputRoot }))).toMatchObject([{ code: "run/unwritable" }]);
});
