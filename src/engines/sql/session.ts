import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { parseByteSize } from "../../columnar/byte-sizes.js";
import { spillFolder } from "./spill-folder.js";
import { identifier, text } from "./text.js";

/** DuckDB's columns as it hands them out, by name; for small answers (counts, schemas), never for data. */
export type SmallRow = Readonly<Record<string, unknown>>;

const SETTINGS = [
  "SET TimeZone = 'UTC'",
  "SET default_order = 'ASC'",
  "SET default_null_order = 'NULLS_FIRST'",
  "SET preserve_insertion_order = true",
  // With few left rows an ASOF join becomes a loop that takes −0 in carried values for +0.
  "SET asof_loop_join_threshold = 0",
] as const;

/** What is streamed waits in a buffer; the default of 1 MB lets the threads that fill it wait too. */
const STREAMING_BUFFER = ["streaming_buffer_size", "64MB"] as const;

const MEMORY = /^(memory_limit|max_memory)$/;
const SMALLEST_QUERY = "CREATE OR REPLACE TEMP TABLE smallest AS SELECT range AS x FROM range(2048)";

function setting(name: string, value: string): string {
  return `SET ${identifier(name)} = ${text(value)}`;
}

/** Settings of the Parquet reader, and of connections: an instance takes them only when it is there. */
const LATER = /_parquet_|^parquet_|^streaming_buffer_size$/;

/**
 * One DuckDB instance with a connection, and perhaps a second one. Settings that hold everywhere: no extension is fetched or loaded by itself, the
 * time zone is UTC, NULLs sort first, rows keep their order.
 */
export class SqlSession {
  readonly #instance: DuckDBInstance;
  readonly connection: DuckDBConnection;
  /** Where temporary files may lie, if the settings say so. */
  readonly temporary: string | undefined;
  /** Bytes, if the settings say so. */
  readonly memoryLimit: number | undefined;

  #beside: DuckDBConnection | undefined;
  readonly #further = new Set<DuckDBConnection>();
  /** SQL of the settings that each connection has for itself. */
  readonly #settings: string;

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    settings: string,
    config: Readonly<Record<string, string>>,
  ) {
    this.#instance = instance;
    this.connection = connection;
    this.#settings = settings;
    this.temporary = config["temp_directory"];
    this.memoryLimit = parseByteSize(config["memory_limit"] ?? config["max_memory"] ?? "");
  }

  /** `config`: DuckDB settings as text (`threads`, `memory_limit`, `temp_directory`, …). */
  static async open(config: Readonly<Record<string, string>> = {}): Promise<SqlSession> {
    const settings = Object.entries(config);
    const instance = await DuckDBInstance.create(":memory:", {
      ...Object.fromEntries(settings.filter(([name]) => !LATER.test(name))),
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      temp_directory: spillFolder(config["temp_directory"]),
    });
    const connection = await instance.connect();
    const later = settings.filter(([name]) => LATER.test(name)).map(([name, value]) => setting(name, value));
    const [name, size] = STREAMING_BUFFER;
    const own = [...SETTINGS, setting(name, config[name] ?? size)].join("; ");
    await connection.run([own, ...later].join("; "));
    return new SqlSession(instance, connection, own, config);
  }

  /**
   * What DuckDB says against the values of its settings, by setting; nothing is read, and the session's own stay as they are.
   * A memory limit must leave room for the smallest query.
   */
  static async faultsOfSettings(config: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
    const faults = new Map<string, string>();
    const trial = await SqlSession.open();
    // Threads first: others count them. Memory last: with too little of it no other is judged.
    const rank = (name: string): number => (name === "threads" ? 0 : MEMORY.test(name) ? 2 : 1);
    try {
      for (const [name, value] of Object.entries(config).sort(([a], [b]) => rank(a) - rank(b))) {
        if (name === "external_threads" && faults.has("threads")) continue;
        const query = MEMORY.test(name) ? `; ${SMALLEST_QUERY}` : "";
        await trial.run(setting(name, value) + query).catch((error: unknown) => {
          const [line = ""] = String(error instanceof Error ? error.message : error).split("\n");
          faults.set(name, line.replace(/^[\w ]+ Error: /, ""));
        });
      }
      return faults;
    } finally {
      trial.close();
    }
  }

  /** Runs statements for their effect. */
  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  /** The rows of a small answer; BIGINT and wider come as `bigint`. */
  async query(sql: string): Promise<readonly SmallRow[]> {
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJS();
  }

  /** A `query` while another runs, on a connection of its own. */
  async queryBeside(sql: string): Promise<readonly SmallRow[]> {
    if (this.#beside === undefined) {
      this.#beside = await this.connect();
    }
    return (await this.#beside.runAndReadAll(sql)).getRowObjectsJS();
  }

  /** A further connection, to be given back by who asks; it sees all but the temporary tables of the others. */
  async connect(): Promise<DuckDBConnection> {
    const connection = await this.#instance.connect();
    await connection.run(this.#settings);
    this.#further.add(connection);
    return connection;
  }

  /** Gives back what `connect` gave. */
  disconnect(connection: DuckDBConnection): void {
    this.#further.delete(connection);
    connection.closeSync();
  }

  /** Stops running queries; their promises reject. */
  interrupt(): void {
    this.connection.interrupt();
    for (const connection of this.#further) connection.interrupt();
  }

  close(): void {
    for (const connection of this.#further) connection.closeSync();
    this.connection.closeSync();
    this.#instance.closeSync();
  }
}
