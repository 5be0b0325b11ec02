import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Database } from "./database.js";

/** Rows and, by column, how many cells differ; row against row in the order of the files. */
export async function compare(ours: string, script: string, days: readonly string[]) {
  const database = await Database.open({ threads: "2" });
  let rows = 0;
  const differences: Record<string, number> = {};
  for (const day of days) {
    const [left, right] = [relation(ours, day), relation(script, day)];
    const columns = (await database.rows(`DESCRIBE ${left}`)).map(
      (row) => `${row["column_name"]} ${row["column_type"]}`,
    );
    const others = (await database.rows(`DESCRIBE ${right}`)).map(
      (row) => `${row["column_name"]} ${row["column_type"]}`,
    );
    if (columns.join() !== others.join())
      throw new Error(`the schemas of ${day} differ:\n${columns.join(", ")}\n${others.join(", ")}`);
    const counts = columns
      .map((column) => column.split(" ")[0])
      .map((name) => `count(*) FILTER (l."${name}" IS DISTINCT FROM r."${name}") AS "${name}"`);
    const [answer = {}] = await database.rows(`
      SELECT count(*) AS "#rows", ${counts.join(", ")}
      FROM (SELECT row_number() OVER () AS "#", * FROM (${left})) l FULL JOIN (SELECT row_number() OVER () AS "#", * FROM (${right})) r USING ("#")`);
    for (const [name, count] of Object.entries(answer))
      if (name === "#rows") rows += Number(count);
      else if (Number(count) > 0) differences[name] = (differences[name] ?? 0) + Number(count);
  }
  database.close();
  return { rows, differences };
}

function relation(root: string, day: string): string {
  const folder = join(root, `dt=${day}`);
  if (!existsSync(folder)) throw new Error(`${folder} was not written`);
  const parts = readdirSync(folder)
    .filter((name) => name.endsWith(".parquet"))
    .sort((a, b) => Number(a.split("-")[1]) - Number(b.split("-")[1]));
  return `FROM read_parquet([${parts.map((part) => `'${join(folder, part)}'`).join(", ")}], hive_partitioning = false)`;
}
