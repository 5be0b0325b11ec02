import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sqlText, testConnection } from "../../support/duckdb.js";
import { eventsProject } from "../../support/events-project.js";
import { trainDirectory } from "../../support/product.js";
import { writeProjectFiles } from "../../support/project-files.js";

// Parts of several row groups: their bytes must not depend on threads, nor on which days are worked on together.

const directory = mkdtempSync(join(tmpdir(), "daedalus-parts-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** 160,000 rows on the second day, behind 1,000 of the first, so that its rows begin in the middle of a vector. */
beforeAll(async () => {
  writeProjectFiles(
    directory,
    eventsProject({
      fields: { item: "BIGINT", word: "TEXT" },
      columns: {
        user_id: "key BIGINT",
        item: "spine BIGINT",
        word: "spine TEXT",
        items_1h: "rolling BIGINT[]",
        n: "rolling BIGINT",
      },
      specs: [
        { name: "items", agg: "list", source_column: "item", windows: ["1h"] },
        { name: "n", agg: "count", windows: ["all"] },
      ],
    }),
  );
  const connection = await testConnection();
  await connection.run(
    `COPY (SELECT range % 5003 AS user_id, CASE WHEN range < 1000 THEN range ELSE 86400 + range // 2 END AS ts,
        range * 7919 % 1000 AS item, CASE WHEN range % 7 > 0 THEN 'word ' || range % 97 END AS word FROM range(161000))
      TO ${sqlText(join(directory, "events.parquet"))} (FORMAT parquet)`,
  );
});

async function hashesOf(name: string, threads: string, days?: readonly string[]): Promise<readonly string[]> {
  const outputRoot = join(directory, name);
  await trainDirectory(directory, "main", {
    outputRoot,
    duckdbConfig: { threads },
    ...(days === undefined ? {} : { days }),
  });
  return ["dt=1970-01-01", "dt=1970-01-02"].flatMap((day) => {
    try {
      return [
        createHash("sha256")
          .update(readFileSync(join(outputRoot, day, "part-0-0.parquet")))
          .digest("hex"),
      ];
    } catch {
      return [];
    }
  });
}

test("are the same for any number of threads, together with other days or alone", async () => {
  const [first, second] = await hashesOf("one", "1");
  expect(await hashesOf("two", "2")).toEqual([first, second]);
  expect(await hashesOf("four", "4")).toEqual([first, second]);
  expect(await hashesOf("alone", "2", ["1970-01-02"])).toEqual([second]);
});
