import { Float64 } from "apache-arrow";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readColumns } from "#daedalus/engines/sql/arrow-tables.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { RowStream } from "#daedalus/feature-runs/row-stream.js";

let session: SqlSession;
beforeEach(async () => {
  // Little waits to be read: the query goes on while rows are taken.
  session = await SqlSession.open({ threads: "2", streaming_buffer_size: "1MB" });
});
afterEach(() => session.close());

// DuckDB's binding ends such a stream as if there were no more rows.
const FAILS =
  "SELECT i, CAST(CASE WHEN i = 700000 THEN error('boom') ELSE '1' END AS DOUBLE) AS x FROM range(1000000) t(i)";

test("a stream that fails on its way is no shorter answer", async () => {
  const stream = await RowStream.open(session, FAILS);
  await expect(stream.fill(RowStream.room(1_000_000, 1), 0, 1_000_000)).rejects.toThrow("boom");
  await stream.close();
  const types = new Map([["x", new Float64()]]);
  await expect(readColumns(session, `SELECT x FROM (${FAILS})`, 1_000_000, types)).rejects.toThrow("boom");
  await expect(readColumns(session, "SELECT 1.5::DOUBLE AS x", 2, types)).rejects.toThrow("1 of 2 rows");
});

test("what was read holds no memory after it is closed", async () => {
  const held = async (): Promise<number> => {
    const [row] = await session.query("SELECT CAST(sum(memory_usage_bytes) AS DOUBLE) AS held FROM duckdb_memory()");
    return Number(row?.["held"]);
  };
  const rows = 2_000_000;
  const stream = await RowStream.open(
    session,
    `SELECT i, random() AS x, random() AS y FROM range(${rows}) t(i) ORDER BY x ASC NULLS FIRST`,
  );
  await stream.fill(RowStream.room(rows, 2), 0, rows);
  const before = await held();
  await stream.close();
  expect(before).toBeGreaterThan(10_000_000);
  expect(await held()).toBeLessThan(before / 4);
});
