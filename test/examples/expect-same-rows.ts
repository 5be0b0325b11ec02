import { join } from "node:path";
import { expect } from "vitest";
import { sqlText, testConnection } from "../support/duckdb.js";

/**
 * A written day has the rows that the SQL gives, in any order, and columns of the same names and types; instants in ms. `rounded`:
 * columns of sums that plain SQL cannot make exactly, compared to nine digits.
 */
export async function expectSameRows(
  outputRoot: string,
  day: string,
  byHand: string,
  rounded: readonly string[] = [],
): Promise<void> {
  const connection = await testConnection();
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJS();
  const described = async (table: string) =>
    (await rows(`DESCRIBE ${table}`)).map((row) => `${row["column_name"]} ${row["column_type"]}`);
  const parts = `read_parquet(${sqlText(join(outputRoot, `dt=${day}`, "*.parquet"))}, hive_partitioning = false)`;
  const [time] = await rows(
    `SELECT column_type AS type FROM (DESCRIBE FROM ${parts}) WHERE column_name = 'event_timestamp'`,
  );
  const millis = time?.["type"] === "BIGINT" ? "event_timestamp" : "epoch_ms(event_timestamp)";
  const nine = rounded.map((name) => `round(${name}, 9) AS ${name}`).join(", ");
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE by_hand AS SELECT *${nine === "" ? "" : ` REPLACE (${nine})`} FROM (${byHand})`,
  );
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE written AS SELECT * REPLACE (${[`${millis} AS event_timestamp`, nine].filter(Boolean).join(", ")}) FROM ${parts}`,
  );
  expect(await described("written")).toEqual(await described("by_hand"));
  const [count] = await rows("SELECT count(*) AS rows FROM by_hand");
  expect(count?.["rows"]).toBeGreaterThan(0n);
  expect(await rows("SELECT count(*) AS rows FROM written")).toEqual([count]);
  expect(await rows("FROM by_hand EXCEPT ALL FROM written")).toEqual([]);
  expect(await rows("FROM written EXCEPT ALL FROM by_hand")).toEqual([]);
}
