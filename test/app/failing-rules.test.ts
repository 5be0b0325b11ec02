import { afterEach, beforeEach, expect, test } from "vitest";
import { writtenRules } from "#daedalus/app/written-rules.js";
import { trainHere } from "../support/product.js";
import { RUNTIME, SERVICE, SPECS, TinyProject } from "../support/tiny-project.js";

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
});
afterEach(() => project.close());

/** What the first day's failure tells. */
async function failure() {
  const compiled = await project.compile();
  const options = {
    outputRoot: project.path("out"),
    skeletonOnly: false,
    rules: writtenRules(compiled.project, "rank"),
  };
  const { days } = await trainHere(compiled, options);
  return days[0]?.problems;
}

const CAST = "CAST(event AS DOUBLE) > 1";

test("a rule of the content filter that fails over some row: the operator, the rule and where it stands", async () => {
  project.add(RUNTIME, `content_filter:\n  - {drop_where: "price > 100"}\n  - {drop_where: "${CAST}"}\n`);
  expect(await failure()).toMatchObject([
    {
      code: "engine/rule-failed",
      says: expect.stringMatching(/rule CAST\(event AS DOUBLE\) > 1 of operator "content_filter".*'view'/),
      file: RUNTIME,
      line: 7,
      column: 18,
    },
  ]);
});

test.each([
  ["price", ""],
  ["price", '\ncontent_filter: [{drop_where: "price > 1000"}]'],
])("a curation rule of %s, evaluated when rows are written or filtered%s", async (column, filter) => {
  project.add(RUNTIME, `curation:\n  - {column: ${column}, value: 1.0, where: "event = 'x'"}\n`);
  project.add(RUNTIME, `  - {column: ${column}, value: 2.0, where: "${CAST}"}${filter}\n`);
  expect(await failure()).toMatchObject([
    { code: "engine/rule-failed", says: expect.stringContaining('operator "curation"'), file: RUNTIME, line: 7 },
  ]);
});

test("the where of a lookup", async () => {
  project.add(SERVICE, "  - {name: last, kind: lookup, dtype: DOUBLE}\n");
  project.add(RUNTIME, `lookups:\n  - {name: last, view: feed, value: price, where: "${CAST}"}\n`);
  expect(await failure()).toMatchObject([{ code: "engine/rule-failed", file: RUNTIME, line: 6 }]);
});

test("the where of an aggregation spec", async () => {
  project.change(SPECS, "agg: count,", `agg: count, where: "${CAST}",`);
  expect(await failure()).toMatchObject([
    { code: "engine/rule-failed", says: expect.stringContaining('operator "rolling"'), file: SPECS, line: 2 },
  ]);
});

test("a value of a text file that another day holds: file, row and value all the same", async () => {
  project.change("feed.csv", "1,1704157200,like,b,3.5", "1,1704157200,like,b,dear");
  const problems = await failure();
  expect(problems).toMatchObject([{ code: "source/value-does-not-fit", file: "feed.csv" }]);
  expect(problems?.[0]?.says).toContain("dear");
});
