import { afterEach, beforeEach, expect, test } from "vitest";
import { planDays, train } from "#daedalus/app/train-service.js";
import { problemsOf, TinyProject } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
});
afterEach(() => project.close());

test("plan tells the event time that stops train, and needs no other day to be wrong", async () => {
  project.add("feed.csv", "9,,view,c,\n");
  const compiled = await project.compile();
  const outputRoot = project.path("out");
  const stopped = await problemsOf(() => train(compiled, { outputRoot }));
  expect(stopped).toMatchObject([{ code: "source/null-time", exitCode: 1 }]);
  expect(await problemsOf(() => planDays(compiled, { outputRoot }))).toEqual(stopped);
});
