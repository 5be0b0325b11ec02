import { ANY, BOOLEAN, type DuckDBConnection } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { Arena } from "../../columnar/arena.js";
import { validBytes, vectorisedFunction } from "../../columnar/duckdb-vectors.js";
import type { HistoryBatch } from "../../kernels/history-index.js";
import { INTEGER_CODES, type Kernels, kernelsOf } from "../../kernels/kernels.js";
import type { WindowGroup } from "../../kernels/window-columns.js";

/** Rows that lie together: a multiple of DuckDB's vectors. */
const BLOCK = 131_072;
const VECTOR = 2048;

const TAKE = "daedalus_take";

/**
 * Reads histories of kernels out of SQL. A function that SQL calls with the columns takes the rows: chunks of a streamed result
 * would have to wait for a garbage collection, a vector that the function sees belongs to DuckDB.
 */
export class HistoryLoader {
  readonly #connection: DuckDBConnection;
  readonly #scratch = new Arena();
  readonly #kernels: Kernels = kernelsOf(this.#scratch);
  readonly #raw = this.#scratch.allocate(VECTOR * 8);
  readonly #codes = this.#scratch.allocate(VECTOR * 8);
  #taking: Taking | undefined;

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
    connection.registerScalarFunction(
      vectorisedFunction({
        name: TAKE,
        parameterTypes: [],
        varArgsType: ANY,
        returnType: BOOLEAN,
        mainFunction: (_info, input) => this.#take(input),
      }),
    );
  }

  /**
   * The rows of a history: `SELECT` of key, time, available if the group has it, then values (`v0`, …), which become codes.
   * Undefined if they are more than `most`.
   */
  async load(
    sql: string,
    group: Pick<WindowGroup, "columns" | "available">,
    most: number = Number.POSITIVE_INFINITY,
  ): Promise<readonly HistoryBatch[] | undefined> {
    const names = ["key", "time", ...(group.available ? ["available"] : []), ...group.columns.map((_, i) => `v${i}`)];
    const taking = new Taking(group, most);
    this.#taking = taking;
    try {
      await this.#connection.run(`SELECT count(${TAKE}(${names.join(", ")})) FROM (${sql})`);
    } catch (error) {
      if (taking.rows <= most) throw error;
      return undefined;
    } finally {
      this.#taking = undefined;
    }
    return taking.batches();
  }

  #take(input: duckdb.DataChunk): void {
    const taking = this.#taking;
    if (taking === undefined) throw new RangeError("no history is being loaded");
    const rows = duckdb.data_chunk_get_size(input);
    if (rows === 0) return;
    const { block, from } = taking.room(rows);
    const { columns, available } = taking.group;
    const vectorOf = (column: number) => duckdb.data_chunk_get_vector(input, column);
    const copy = (into: BigInt64Array, column: number): void => {
      new Uint8Array(into.buffer, from * 8, rows * 8).set(duckdb.vector_get_data(vectorOf(column), rows * 8));
    };
    copy(block.keys, 0);
    copy(block.times, 1);
    if (block.available !== undefined) copy(block.available, 2);
    const first = available ? 3 : 2;
    for (const [index, { kind, width }] of columns.entries()) {
      const into = block.codes[index];
      if (into === undefined) continue;
      const vector = vectorOf(first + index);
      if (kind === INTEGER_CODES && width === 8) copy(into, first + index);
      else {
        this.#scratch.bytesAt(this.#raw, rows * width).set(duckdb.vector_get_data(vector, rows * width));
        this.#kernels.encode(rows, this.#raw, width, kind, this.#codes);
        into.set(this.#scratch.int64At(this.#codes, rows), from);
      }
      const valid = validBytes(vector, rows);
      if (valid !== undefined) {
        block.valid[index] ??= new Uint8Array(BLOCK).fill(1);
        block.valid[index]?.set(valid, from);
      }
    }
  }
}

/** Rows that lie together, a column each. */
class Block {
  rows = 0;
  readonly keys = new BigInt64Array(BLOCK);
  readonly times = new BigInt64Array(BLOCK);
  readonly available: BigInt64Array | undefined;
  readonly codes: readonly BigInt64Array[];
  readonly valid: (Uint8Array | undefined)[];

  constructor({ columns, available }: Taking["group"]) {
    this.available = available ? new BigInt64Array(BLOCK) : undefined;
    this.codes = columns.map(() => new BigInt64Array(BLOCK));
    this.valid = columns.map(() => undefined);
  }
}

/** A history while it comes. */
class Taking {
  rows = 0;
  readonly group: Pick<WindowGroup, "columns" | "available">;
  readonly #most: number;
  readonly #blocks: Block[] = [];
  readonly #chunks: { readonly block: Block; readonly from: number; readonly to: number }[] = [];

  constructor(group: Taking["group"], most: number) {
    this.group = group;
    this.#most = most;
  }

  /** Room for a chunk. Throws where there are more rows than wanted. */
  room(rows: number): { readonly block: Block; readonly from: number } {
    this.rows += rows;
    if (this.rows > this.#most) throw new RangeError("the history is longer than wanted");
    let block = this.#blocks.at(-1);
    if (block === undefined || block.rows + rows > BLOCK) {
      block = new Block(this.group);
      this.#blocks.push(block);
    }
    const from = block.rows;
    block.rows += rows;
    this.#chunks.push({ block, from, to: block.rows });
    return { block, from };
  }

  /**
   * What came, a batch a chunk. Threads hand their chunks in by turns: those of a history in order of time are put in order
   * again, which spares sorting each key's rows.
   */
  batches(): readonly HistoryBatch[] {
    const chunks = [...this.#chunks].sort((left, right) => compare(beginningOf(left), beginningOf(right)));
    return chunks.map(({ block, from, to }) => ({
      rows: to - from,
      keys: block.keys.subarray(from, to),
      times: block.times.subarray(from, to),
      ...(block.available === undefined ? {} : { available: block.available.subarray(from, to) }),
      values: block.codes.map((codes, index) => {
        const valid = block.valid[index];
        return { codes: codes.subarray(from, to), ...(valid === undefined ? {} : { valid: valid.subarray(from, to) }) };
      }),
    }));
  }
}

function beginningOf({ block, from }: { readonly block: Block; readonly from: number }): bigint {
  return block.times[from] ?? 0n;
}

function compare(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
