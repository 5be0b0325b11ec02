import type { DuckDBConnection, DuckDBDataChunk } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { unpackBits } from "../columnar/bits.js";
import { giveBack, lentBytes, validityOf } from "../columnar/duckdb-vectors.js";
import type { SqlSession } from "../engines/sql/session.js";

/** Columns of doubles, and ticks where they are wanted, of as many rows as were asked for. */
export interface Rows {
  readonly ticks: BigInt64Array<ArrayBuffer>;
  readonly columns: readonly { readonly values: Float64Array<ArrayBuffer>; readonly valid: Uint8Array<ArrayBuffer> }[];
}

/** Where rows go; without ticks only their columns are wanted. */
type Room = Pick<Rows, "columns"> & Partial<Rows>;

/** The rows of a query, in its order: a BIGINT column, then columns of DOUBLE. */
export class RowStream {
  #chunk: DuckDBDataChunk | undefined;
  /** Of the chunk: rows that were taken. */
  #taken = 0;

  private constructor(
    private readonly session: SqlSession,
    private readonly connection: DuckDBConnection,
    private readonly sql: string,
    private readonly chunks: AsyncIterator<DuckDBDataChunk>,
  ) {}

  static async open(session: SqlSession, sql: string): Promise<RowStream> {
    const connection = await session.connect();
    const result = await connection.stream(sql).catch((error: unknown) => {
      session.disconnect(connection);
      throw error;
    });
    const chunks = async function* () {
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk())
        yield chunk;
    };
    return new RowStream(session, connection, sql, chunks());
  }

  /** Room for rows of so many columns; nothing is NULL in it. */
  static room(rows: number, width: number): Rows {
    return {
      ticks: new BigInt64Array(rows),
      columns: Array.from({ length: width }, () => ({
        values: new Float64Array(rows),
        valid: new Uint8Array(rows).fill(1),
      })),
    };
  }

  /** The next rows, from a row of the room on; without a room they are left out. Throws what the query failed of. */
  async fill(into: Room | undefined, to: number, rows: number): Promise<void> {
    let at = to;
    for (let wanted = rows; wanted > 0; ) {
      const { chunk, from } = await this.#current(wanted);
      const count = Math.min(wanted, chunk.rowCount - from);
      if (into !== undefined) copyRows(chunk, from, count, into, at);
      this.#taken += count;
      at += count;
      wanted -= count;
    }
  }

  async close(): Promise<void> {
    // What is not read to its end keeps its memory until a garbage collection, sorted rows and all.
    await this.chunks.next().catch(() => undefined);
    this.session.disconnect(this.connection);
  }

  async #current(wanted: number): Promise<{ readonly chunk: DuckDBDataChunk; readonly from: number }> {
    if (this.#chunk === undefined || this.#taken === this.#chunk.rowCount) {
      const next = await this.chunks.next();
      if (next.done === true) {
        // A stream that fails on its way just ends; the whole answer at once tells why.
        await this.connection.run(this.sql);
        throw new RangeError(`the rows end ${wanted} rows before they should`);
      }
      this.#chunk = next.value;
      this.#taken = 0;
    }
    return { chunk: this.#chunk, from: this.#taken };
  }
}

function copyRows(chunk: DuckDBDataChunk, from: number, count: number, into: Room, at: number): void {
  const { rowCount } = chunk;
  if (into.ticks !== undefined) copyVector(chunk, 0, rowCount, new Uint8Array(into.ticks.buffer), from, count, at);
  for (const [place, { values, valid }] of into.columns.entries()) {
    const vector = copyVector(chunk, place + 1, rowCount, new Uint8Array(values.buffer), from, count, at);
    const bits = validityOf(vector, rowCount);
    if (bits !== undefined) unpackBits(bits, from, count, valid, at);
  }
  giveBack();
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
  into.set(lentBytes(vector, rows * 8).subarray(from * 8, (from + count) * 8), at * 8);
  return vector;
}
