import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { unpackBits } from "../columnar/bits.js";
import { validityOf } from "../columnar/duckdb-vectors.js";

/** Columns of doubles, and ticks where they are wanted, of as many rows as were asked for. */
export interface Rows {
  readonly ticks: BigInt64Array<ArrayBuffer>;
  readonly columns: readonly { readonly values: Float64Array<ArrayBuffer>; readonly valid: Uint8Array<ArrayBuffer> }[];
}

/** The rows of a query, in its order: a BIGINT column, then columns of DOUBLE. */
export class RowStream {
  #chunk: DuckDBDataChunk | undefined;
  /** Of the chunk: rows that were taken. */
  #taken = 0;

  private constructor(
    private readonly connection: DuckDBConnection,
    private readonly chunks: AsyncIterator<DuckDBDataChunk>,
    private readonly width: number,
  ) {}

  /** `width`: columns of DOUBLE. The connection is the stream's. */
  static async open(connection: DuckDBConnection, sql: string, width: number): Promise<RowStream> {
    const result = await connection.stream(sql);
    const chunks = async function* () {
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk())
        yield chunk;
    };
    return new RowStream(connection, chunks(), width);
  }

  async skip(rows: number): Promise<void> {
    await this.#each(rows, () => undefined);
  }

  /** Throws RangeError if there are not so many. */
  async take(rows: number): Promise<Rows> {
    const made: Rows = {
      ticks: new BigInt64Array(rows),
      columns: Array.from({ length: this.width }, () => ({
        values: new Float64Array(rows),
        valid: new Uint8Array(rows).fill(1),
      })),
    };
    let at = 0;
    await this.#each(rows, (chunk, from, count) => {
      const { rowCount } = chunk;
      copyVector(chunk, 0, rowCount, new Uint8Array(made.ticks.buffer), from, count, at);
      for (const [place, { values, valid }] of made.columns.entries()) {
        const vector = copyVector(chunk, place + 1, rowCount, new Uint8Array(values.buffer), from, count, at);
        const bits = validityOf(vector, rowCount);
        if (bits !== undefined) unpackBits(bits, from, count, valid, at);
      }
      at += count;
    });
    return made;
  }

  close(): void {
    this.connection.closeSync();
  }

  async #each(rows: number, take: (chunk: DuckDBDataChunk, from: number, count: number) => void): Promise<void> {
    for (let wanted = rows; wanted > 0; ) {
      if (this.#chunk === undefined || this.#taken === this.#chunk.rowCount) {
        const next = await this.chunks.next();
        if (next.done === true) throw new RangeError(`the rows end ${wanted} rows before they should`);
        this.#chunk = next.value;
        this.#taken = 0;
      }
      const count = Math.min(wanted, this.#chunk.rowCount - this.#taken);
      take(this.#chunk, this.#taken, count);
      this.#taken += count;
      wanted -= count;
    }
  }
}

/** Eight bytes a row. */
function copyVector(
  chunk: DuckDBDataChunk,
  place: number,
  rows: number,
  into: Uint8Array,
  from: number,
  count: number,
  at: number,
): duckdb.Vector {
  const vector = duckdb.data_chunk_get_vector(chunk.chunk, place);
  into.set(duckdb.vector_get_data(vector, rows * 8).subarray(from * 8, (from + count) * 8), at * 8);
  return vector;
}
