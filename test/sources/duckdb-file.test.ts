import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { needsNetworkOrExtension } from "#daedalus/sources/address.js";
import { columns, failing, micros, Project, refusal } from "./files.js";

let project: Project;
beforeAll(async () => {
  project = await Project.open();
  await write(
    "x.duckdb",
    `CREATE TABLE events AS SELECT 9007199254740993 AS id, unnest([TIMESTAMP '2024-01-01 05:00', TIMESTAMP '2024-01-03 00:00', NULL]) AS t, 'ü' AS s;
     CREATE SCHEMA other; CREATE TABLE other.names AS SELECT 'x' AS n, '2001'::ENUM('2001', '2002') AS e;
     CREATE VIEW recent AS SELECT id, t FROM events WHERE t IS NOT NULL;
     CREATE TABLE seconds AS SELECT unnest([1::TIMESTAMP_S]) AS t, [1, 2]::INTEGER[2] AS a, 1::HUGEINT AS h
       FROM (SELECT 1) WHERE false;
     INSERT INTO seconds VALUES ('1969-12-31 23:59:59', [1, 2], 170141183460469231731687303715884105727)`,
  );
});
afterAll(() => project.close());

async function write(name: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(project.path(name));
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

const source = (more: { table?: string; query?: string }) => project.source({ databasePath: "x.duckdb", ...more });
async function ids(more: { table?: string; query?: string }, column = "id"): Promise<readonly unknown[]> {
  const { sql } = await source(more).scan(columns({ [column]: column === "id" ? "BIGINT" : "TEXT" }));
  return (await project.session.query(sql)).map((row) => row[column]);
}

describe("a DuckDB file", () => {
  test("a table, a table of another schema, a view", async () => {
    expect(await ids({ table: "events" })).toEqual([9007199254740993n, 9007199254740993n, 9007199254740993n]);
    expect(await ids({ table: "other.names" }, "n")).toEqual(["x"]);
    expect(await ids({ table: "other.names" }, "e")).toEqual(["2001"]);
    expect(await ids({ table: "recent" })).toHaveLength(2);
    expect((await source({ table: "events" }).schema()).columns.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["id", "BIGINT"],
      ["t", "TIMESTAMP"],
      ["s", "TEXT"],
    ]);
  });

  test("a query speaks of the file's tables, with joins, subqueries and its own names", async () => {
    await project.session.run("CREATE OR REPLACE TABLE events AS SELECT 0 AS id");
    const query = `WITH recent AS (SELECT id, 'é' AS s FROM events WHERE s = 'ü')
      SELECT r.id FROM recent r JOIN "other".names n ON n.n = 'x' WHERE r.id IN (SELECT id FROM "events") ;`;
    expect(await ids({ query })).toHaveLength(3);
  });

  test("fixed-size arrays, seconds; a HUGEINT that does not fit", async () => {
    const seconds = source({ table: "seconds" });
    const { sql } = await seconds.scan({
      ...columns({ a: "BIGINT[]" }),
      instants: [{ name: "t", source: "t", unit: "timestamp" }],
    });
    expect(await project.session.query(sql)).toEqual([{ a: [1n, 2n], t: -1_000_000n }]);
    expect(await failing(project.session, seconds, columns({ h: "BIGINT" }))).toMatchObject({
      code: "source/value-does-not-fit",
      file: "x.duckdb",
      says: expect.stringContaining("170141183460469231731687303715884105727 in row 1 of seconds"),
    });
  });

  test("identity: the file, for every day after its first row; days; NULL times", async () => {
    const events = source({ table: "events" });
    const time = { source: "t", unit: "timestamp" } as const;
    const { files } = await events.identity({ time, before: micros("2024-01-02T00:00:00Z") });
    expect(files).toEqual([{ path: "x.duckdb", size: expect.any(Number), modified: expect.stringMatching(/^\d+$/) }]);
    expect((await events.identity({ time, before: micros("2024-01-01T05:00:00Z") })).files).toEqual([]);
    expect([...(await events.rowsByDay(time, {})).keys()]).toEqual(["2024-01-01", "2024-01-03"]);
    expect(await events.firstNullInstant(time)).toMatchObject({ code: "source/null-time", file: "x.duckdb" });
    expect(await source({ table: "recent" }).firstNullInstant(time)).toBeUndefined();
  });

  test("several sources may be asked at once in a fresh session", async () => {
    const fresh = await Project.open();
    try {
      const path = project.path("x.duckdb");
      const tables = ["events", "recent", "other.names", "seconds"];
      const schemas = await Promise.all(tables.map((table) => fresh.source({ databasePath: path, table }).schema()));
      expect(schemas.map(({ columns: found }) => found.length)).toEqual([3, 2, 2, 3]);
    } finally {
      fresh.close();
    }
  });

  test("is opened READ_ONLY", async () => {
    await source({ table: "events" }).schema();
    const [database] = await project.session.query(
      "SELECT database_name AS name FROM duckdb_databases() WHERE path LIKE '%x.duckdb'",
    );
    await expect(project.session.run(`CREATE TABLE ${database?.["name"]}.forbidden AS SELECT 1`)).rejects.toThrow(
      /read-only/i,
    );
  });

  test.each([
    ["SELECT * FROM read_csv('/etc/passwd')", "read_csv()"],
    ["SELECT * FROM events, read_text('/etc/hostname')", "read_text()"],
    ["SELECT * FROM (SELECT * FROM glob('*'))", "glob()"],
    ["SELECT id FROM events WHERE id IN (SELECT 1 FROM read_parquet('x.parquet'))", "read_parquet()"],
    ["SELECT id, random() AS r FROM events", "random()"],
    ["SELECT id FROM events ORDER BY uuid()", "uuid()"],
    ["SELECT id, now() AS t FROM events", "now()"],
    ["SELECT id, current_date AS d FROM events", "current_date"],
    ["SELECT id, getenv('HOME') AS h FROM events", "getenv()"],
    ["SELECT id FROM events TABLESAMPLE 10%", "a sample"],
    ["SELECT id FROM events USING SAMPLE 1", "a sample"],
    ["SELECT * FROM system.information_schema.tables", "another database"],
    ["SUMMARIZE events", "SUMMARIZE"],
  ])("a query may use nothing but tables and functions that always give the same: %s", async (query, what) => {
    const refused = await refusal(() => source({ query }).schema());
    expect(refused).toMatchObject({ code: "source/query-refused", exitCode: 2 });
    expect(refused.says).toContain(what);
    expect(refused.help).toContain("one SELECT over the tables of the database");
  });

  test.each([
    ["SELECT * FROM '/tmp/x.parquet'", "/tmp/x.parquet"],
    ['SELECT * FROM "x.csv"', "x.csv"],
    ["SELECT * FROM duckdb_settings", "duckdb_settings"],
    ["SELECT * FROM information_schema.tables", "information_schema.tables"],
    ["SELECT * FROM event", "event"],
  ])("and only tables that the database has: %s", async (query, table) => {
    expect(await refusal(() => source({ query }).schema())).toMatchObject({
      code: "source/unknown-table",
      says: `x.duckdb has no table "${table}"`,
      exitCode: 2,
    });
  });

  test("what a query may do", async () => {
    const query = `SELECT max(id) AS id, list(s ORDER BY s) AS all, geomean(1.0 + id * 0) AS g, lower(any_value(s)) AS s
      FROM EVENTS, range(2) r, unnest([1]) u(x) GROUP BY ALL HAVING count(*) > 1
      UNION ALL SELECT row_number() OVER (), ['a'], 1, 'b' FROM recent`;
    expect((await source({ query }).schema()).columns.map(({ name }) => name)).toEqual(["id", "all", "g", "s"]);
  });

  test("what is refused", async () => {
    const code = async (address: Parameters<Project["source"]>[0]) =>
      (await refusal(() => project.source(address).schema())).code;
    expect(await refusal(() => source({ table: "event" }).schema())).toMatchObject({
      code: "source/unknown-table",
      suggestion: "events",
      exitCode: 2,
    });
    for (const query of ["SELECT * FROM events;", "SELECT * FROM events -- all of them", "SELECT * FROM events;\n"])
      expect((await source({ query }).schema()).columns.length).toBeGreaterThan(0);
    expect(await code({ databasePath: "x.duckdb", query: "DROP TABLE events" })).toBe("source/bad-query");
    expect(await code({ databasePath: "x.duckdb", query: "SELECT 1; SELECT 2" })).toBe("source/bad-query");
    expect(await code({ databasePath: "x.duckdb", query: "SELECT nothing FROM events" })).toBe("source/bad-query");
    expect(await code({ databasePath: "x.duckdb" })).toBe("source/table-or-query");
    expect(await code({ databasePath: "gone.duckdb", table: "events" })).toBe("source/no-such-file");
    project.text("broken.duckdb", "this is no database");
    expect(await code({ databasePath: "broken.duckdb", table: "events" })).toBe("source/unreadable-database");
    expect(await code({})).toBe("source/no-address");
  });
});

describe("addresses that need a network or an extension", () => {
  const printed = (address: Parameters<Project["view"]>[0]) => needsNetworkOrExtension(project.view(address));
  test.each([
    [{ path: "s3://bucket/events" }, "s3://bucket/events"],
    [{ path: "https://host/x.parquet?X-Amz-Signature=abc&v=1" }, "https://host/x.parquet?X-Amz-Signature=***&v=***"],
    [{ path: "data/x", connection: "lake" }, "data/x through connection lake"],
    [{ connection: "pg", table: "events" }, "connection pg, table events"],
    [{ databasePath: "postgres://me:p@ss/word@host/db" }, "postgres://me:***@host/db"],
    [{ databasePath: "ducklake:postgres:dbname=x password=secret" }, "ducklake:postgres:dbname=x password=***"],
    [{ databasePath: "iceberg:meta/v1.metadata.json" }, "iceberg:meta/v1.metadata.json"],
    [{ databasePath: "snowflake://account" }, "snowflake://account"],
  ])("%j", (address, expected) => {
    expect(printed(address)).toBe(expected);
  });
  test.each([
    [{ path: "data/x.parquet" }],
    [{ databasePath: "x.duckdb", table: "t" }],
    [{ path: "x.csv", databasePath: "postgres://h/d" }],
    [{}],
  ])("%j needs none", (address) => {
    expect(printed(address)).toBeUndefined();
  });
});
