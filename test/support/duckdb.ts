import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

let shared: Promise<DuckDBConnection> | undefined;

/** One connection of the tests' own, for writing inputs and reading outputs; in UTC. */
export function testConnection(): Promise<DuckDBConnection> {
  shared ??= DuckDBInstance.create(":memory:", { threads: "1" }).then(async (instance) => {
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return connection;
  });
  return shared;
}

export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
