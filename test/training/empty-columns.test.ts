import { afterEach, beforeEach, expect, test } from "vitest";
import { trainHere } from "../support/product.js";
import { TinyProject } from "../support/tiny-project.js";

const SPECS = "config/training/aggregations.yaml";

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
});
afterEach(() => project.close());

async function emptyColumns(days: { readonly from?: string; readonly to?: string } = {}): Promise<readonly string[]> {
  const options = { outputRoot: project.path("out"), skeletonOnly: true, ...days };
  return (await trainHere(await project.compile(), options)).empty;
}

test("every column with a value in some row of some day has one", async () => {
  expect(await emptyColumns()).toEqual([]);
});

test("a misspelt event, keys that never meet and a column of NULLs are told; days that are there are not", async () => {
  project.change(SPECS, "agg: count,", "agg: count, events: [vew],");
  project.write("users.csv", "user_id,at,score,born\n7,2023-12-01T00:00:00,0.5,2000-01-01\n");
  expect(await emptyColumns()).toEqual(["score", "clicks_7d"]);
  expect(await emptyColumns()).toEqual([]);
});

test("lists without an element are no value, zeros of the data are one", async () => {
  project.write(
    SPECS,
    "aggregation_specs:\n  - {name: seen, agg: list, source_column: price, events: [vew], windows: [7d], partition_by: user_id}\n",
  );
  project.change(
    "feature_services/rank.yaml",
    "{name: clicks_7d, kind: rolling, dtype: BIGINT}",
    '{name: seen_7d, kind: rolling, dtype: "DOUBLE[]"}',
  );
  project.write("feed.csv", "user_id,ts,event,session,price\n1,1704067200,view,a,0\n1,1704070800,view,a,0\n");
  expect(await emptyColumns()).toEqual(["seen_7d"]);
});
