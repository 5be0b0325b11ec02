import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { spillFolder } from "./spill-folder.js";

/** DuckDB's columns as it hands them out, by name; for small answers (counts, schemas), never for data. */
export type SmallRow = Readonly<Record<string, unknown>>;

const SETTINGS = [
  "SET TimeZone = 'UTC'",
  "SET default_null_order = 'NULLS_FIRST'",
  "SET preserve_insertion_order = true",
  // With few left rows an ASOF join becomes a loop that takes −0 in carried values for +0.
  "SET asof_loop_join_threshold = 0",
] as const;

/**
 * One DuckDB instance with one connection. Settings that hold everywhere: no extension is fetched or loaded by itself, the
 * time zone is UTC, NULLs sort first, rows keep their order.
 */
export class SqlSession {
  readonly #instance: DuckDBInstance;
  readonly connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
  }

  /** `config`: DuckDB settings as text (`threads`, `memory_limit`, `temp_directory`, …). */
  static async open(config: Readonly<Record<string, string>> = {}): Promise<SqlSession> {
    const instance = await DuckDBInstance.create(":memory:", {
      ...config,
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      temp_directory: spillFolder(config["temp_directory"]),
    });
    const connection = await instance.connect();
    await connection.run(SETTINGS.join("; "));
    return new SqlSession(instance, connection);
  }

  /** Runs statements for their effect. */
  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  /** The rows of a small answer; BIGINT and wider come as `bigint`. */
  async query(sql: string): Promise<readonly SmallRow[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJS();
  }

  /** Stops a running query; its promise rejects. */
  interrupt(): void {
    this.connection.interrupt();
  }

  close(): void {
    this.connection.closeSync();
    this.#instance.closeSync();
  }
}
