import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planDays, statusOf, train } from "#daedalus/app/train-service.js";
import { problemsOf, TinyProject } from "../support/tiny-project.js";

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
