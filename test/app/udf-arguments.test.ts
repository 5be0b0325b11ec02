import { afterEach, beforeEach, expect, test } from "vitest";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { trainHere } from "../support/product.js";
import { RUNTIME, SERVICE, TinyProject } from "../support/tiny-project.js";

// A function where the rows are written takes what was joined, by its name or as view.column.

let project: TinyProject;
beforeEach(() => {
  project = new TinyProject();
  for (const view of ["north", "south"]) {
    project.write(
      `feature_views/${view}.yaml`,
      `name: ${view}\nentity: user\nsource: {path: ${view}.csv}\nfields: [{name: user_id, dtype: BIGINT}, {name: town, dtype: TEXT}]\n`,
    );
    project.write(`${view}.csv`, `user_id,town\n1,${view}-1\n2,${view}-2\n`);
  }
  project.write(
    "project.udfs.ts",
    `import { defineUdf } from "daedalus/udfs";
export const same = defineUdf({ arguments: ["TEXT"], returns: "TEXT", compute: ([one]) => one });
`,
  );
  project.change(RUNTIME, "feature_refs: [users]", "feature_refs: [users, north, south]");
  project.add(SERVICE, "  - {name: home, kind: static, dtype: TEXT, column: north.town}\n");
  project.add(SERVICE, "  - {name: again, kind: derived, dtype: TEXT}\n");
});
afterEach(() => project.close());

const taking = (argument: string): TinyProject =>
  project.add(RUNTIME, `udf_columns: [{name: again, function: same, arguments: [${argument}]}]\n`);

test("view.column is what was joined of that view", async () => {
  const outputRoot = project.path("out");
  await trainHere(await taking("south.town").compile(), { outputRoot, skeletonOnly: true });
  const session = await SqlSession.open({ threads: "1" });
  const rows = await session.query(
    `SELECT DISTINCT user_id, home, again FROM read_parquet('${outputRoot}/dt=*/*.parquet') ORDER BY user_id ASC NULLS FIRST`,
  );
  session.close();
  expect(rows).toEqual([
    { user_id: 1n, home: "north-1", again: "south-1" },
    { user_id: 2n, home: "north-2", again: "south-2" },
  ]);
});

test("a name of two views is ambiguous, and one of the contract is told by what it is called where it was joined", async () => {
  expect((await taking("town").problems()).map(({ code, help }) => [code, help])).toEqual([
    ["compiler/ambiguous-column", "write north.town or south.town"],
  ]);
  project.change(RUNTIME, "[town]", "[home]");
  const [problem, ...more] = await project.problems();
  expect(more).toEqual([]);
  expect(problem).toMatchObject({ code: "compiler/unresolved-name", suggestion: "north.town" });
  expect(problem?.says).not.toContain("contract");
});
