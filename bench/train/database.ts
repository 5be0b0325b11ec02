import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";

/** A DuckDB of the benchmark's own: the script under comparison must not lean on the product's code. */
export class Database {
  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
  ) {}

  static async open(config: Record<string, string>): Promise<Database> {
    const instance = await DuckDBInstance.create(":memory:", config);
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'; SET default_null_order = 'NULLS_FIRST'");
    return new Database(instance, connection);
  }

  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  async rows(sql: string): Promise<Record<string, unknown>[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJS();
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }
}
