import { DuckDBInstance } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { Field, Float64, Int64, makeData, RecordBatch, Schema, Struct, Table, tableToIPC, Utf8 } from "apache-arrow";
import polars from "nodejs-polars";

type Kind = "BIGINT" | "DOUBLE" | "VARCHAR";

/** A Parquet file of whole numbers, doubles and short texts as an Arrow table of one batch. */
export async function readParquet(path: string, columns: Readonly<Record<string, Kind>>): Promise<Table> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
  const connection = await instance.connect();
  await connection.run("SET streaming_buffer_size = '64MB'");
  const [[rows = 0n] = []] = (await connection.runAndReadAll(`SELECT count(*) FROM '${path}'`)).getRows() as bigint[][];
  const length = Number(rows);
  const filling = Object.entries(columns).map(([name, kind]) => ({ name, kind, into: buffersOf(kind, length) }));
  const result = await connection.stream(`SELECT ${Object.keys(columns).join(", ")} FROM '${path}'`);
  let from = 0;
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const count = chunk.rowCount;
    filling.forEach(({ into }, place) => {
      into.take(duckdb.data_chunk_get_vector(chunk.chunk, place), from, count);
    });
    from += count;
  }
  connection.closeSync();
  instance.closeSync();
  const fields = filling.map(({ name, into }) => new Field(name, into.type, false));
  const schema = new Schema(fields);
  const children = filling.map(({ into }) => into.data());
  return new Table(schema, [
    new RecordBatch(schema, makeData({ type: new Struct(fields), length, nullCount: 0, children })),
  ]);
}

function buffersOf(kind: Kind, length: number) {
  if (kind === "VARCHAR") return new ShortTexts(length);
  const values = kind === "BIGINT" ? new BigInt64Array(length) : new Float64Array(length);
  const bytes = new Uint8Array(values.buffer);
  const type = kind === "BIGINT" ? new Int64() : new Float64();
  return {
    type,
    take: (vector: duckdb.Vector, from: number, count: number) =>
      bytes.set(duckdb.vector_get_data(vector, count * 8), from * 8),
    data: () => makeData({ type, length, nullCount: 0, data: values } as Parameters<typeof makeData>[0]),
  };
}

/** Texts of at most 12 bytes: DuckDB keeps them in place. */
class ShortTexts {
  readonly type = new Utf8();
  readonly #length: number;
  readonly #offsets: Int32Array;
  #bytes = new Uint8Array(1 << 20);
  #end = 0;

  constructor(length: number) {
    this.#length = length;
    this.#offsets = new Int32Array(length + 1);
  }

  take(vector: duckdb.Vector, from: number, count: number): void {
    const words = duckdb.vector_get_data(vector, count * 16);
    if (this.#end + count * 12 > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    for (let row = 0; row < count; row++) {
      const size = words[row * 16] as number;
      if (size > 12) throw new RangeError("a text of more than 12 bytes");
      for (let i = 0; i < size; i++) this.#bytes[this.#end++] = words[row * 16 + 4 + i] as number;
      this.#offsets[from + row + 1] = this.#end;
    }
  }

  data() {
    const bytes = this.#bytes.slice(0, this.#end);
    return makeData({ type: this.type, length: this.#length, nullCount: 0, valueOffsets: this.#offsets, data: bytes });
  }
}

export function writeParquet(table: Table, path: string): void {
  const frame = polars.readIPC(Buffer.from(tableToIPC(table, "file")));
  frame.writeParquet(path, { compression: "zstd" });
}
