import { BIGINT, DOUBLE, DuckDBInstance, DuckDBScalarFunction, type DuckDBType, LIST, STRUCT } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import {
  type Data,
  DataType,
  Field,
  Float64,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
} from "apache-arrow";

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

/**
 * Writes columns of a Parquet file and, behind them, those of an Arrow table with a row for each of its rows: one COPY of the file,
 * with a function that hands the table's rows out by their number. So both cores decode and encode, and the order stays.
 */
export async function writeBeside(
  from: string,
  columns: readonly string[],
  table: Table,
  to: string,
  threads: string,
): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:", { threads });
  const connection = await instance.connect();
  const answers = table.schema.fields.map(({ name, type }) => ({
    name,
    isList: DataType.isList(type),
    type: DataType.isList(type) ? LIST(scalarOf(type.valueType)) : scalarOf(type),
    chunks: chunksOf(table.getChild(name)?.data ?? []),
  }));
  const created = DuckDBScalarFunction.create({
    name: "answer_of",
    parameterTypes: [BIGINT],
    returnType: STRUCT(Object.fromEntries(answers.map(({ name, type }) => [name, type]))),
    mainFunction: () => {},
    volatile: true,
  });
  duckdb.scalar_function_set_function(created.scalar_function, (_info, input, output) => {
    const count = duckdb.data_chunk_get_size(input);
    const numbers = duckdb.vector_get_data(duckdb.data_chunk_get_vector(input, 0), 8);
    const first = Number(new DataView(numbers.buffer, numbers.byteOffset).getBigInt64(0, true));
    for (const [place, { isList, chunks }] of answers.entries()) {
      const vector = duckdb.struct_vector_get_child(output, place);
      if (isList) handLists(vector, chunks, first, count);
      else handScalars(vector, chunks, first, count);
    }
  });
  connection.registerScalarFunction(created);
  const fields = answers.map(({ name }) => `answer.${name}`);
  await connection.run(
    `COPY (SELECT ${[...columns, ...fields].join(", ")} FROM (SELECT *, answer_of(file_row_number) AS answer
      FROM read_parquet('${from}', file_row_number = true))) TO '${to}' (FORMAT parquet, COMPRESSION zstd, DICTIONARY_SIZE_LIMIT 1, PARQUET_VERSION v2)`,
  );
  connection.closeSync();
  instance.closeSync();
}

interface Chunk {
  readonly first: number;
  readonly data: Data;
}

function chunksOf(data: readonly Data[]): readonly Chunk[] {
  let first = 0;
  return data.map((one) => {
    first += one.length;
    return { first: first - one.length, data: one };
  });
}

function scalarOf(type: DataType): DuckDBType {
  return DataType.isFloat(type) ? DOUBLE : BIGINT;
}

/** Calls `use` with the pieces of rows `first …` in the chunks: rows from … to of a chunk, the first of which is row `at` of them. */
function eachPiece(
  chunks: readonly Chunk[],
  first: number,
  count: number,
  use: (data: Data, from: number, to: number, at: number) => void,
): void {
  for (const { first: begin, data } of chunks) {
    const from = Math.max(first, begin);
    const to = Math.min(first + count, begin + data.length);
    if (from < to) use(data, from - begin, to - begin, from - first);
  }
}

function handScalars(vector: duckdb.Vector, chunks: readonly Chunk[], first: number, count: number): void {
  let validity: Uint8Array | undefined;
  eachPiece(chunks, first, count, ({ values, nullCount, nullBitmap }, from, to, at) => {
    hand(vector, at, values, from, to);
    if (nullCount === 0) return;
    validity ??= new Uint8Array(Math.ceil(count / 64) * 8).fill(255);
    for (let row = from; row < to; row++)
      if ((((nullBitmap[row >> 3] as number) >> (row & 7)) & 1) === 0) {
        const place = at + row - from;
        validity[place >> 3] = (validity[place >> 3] as number) & ~(1 << (place & 7));
      }
  });
  if (validity === undefined) return;
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer as ArrayBuffer, 0, validity.length);
}

/** Lists of values of 8 bytes, none of them NULL. */
function handLists(vector: duckdb.Vector, chunks: readonly Chunk[], first: number, count: number): void {
  const entries = new Uint32Array(count * 4);
  let size = 0;
  const parts: (() => void)[] = [];
  eachPiece(chunks, first, count, ({ valueOffsets, children }, from, to, at) => {
    const begin = valueOffsets[from] as number;
    const end = valueOffsets[to] as number;
    for (let row = from; row < to; row++) {
      const place = (at + row - from) * 4;
      entries[place] = size + (valueOffsets[row] as number) - begin;
      entries[place + 2] = (valueOffsets[row + 1] as number) - (valueOffsets[row] as number);
    }
    const place = size;
    parts.push(() => hand(duckdb.list_vector_get_child(vector), place, (children[0] as Data).values, begin, end));
    size += end - begin;
  });
  duckdb.list_vector_reserve(vector, size);
  duckdb.list_vector_set_size(vector, size);
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, count * 16);
  for (const part of parts) part();
}

/** Values from … to, of 8 bytes each, from the place on. */
function hand(vector: duckdb.Vector, place: number, values: Data["values"], from: number, to: number): void {
  if (from === to) return;
  const { buffer, byteOffset } = values as Float64Array<ArrayBuffer>;
  duckdb.copy_data_to_vector(vector, place * 8, buffer, byteOffset + from * 8, (to - from) * 8);
}
