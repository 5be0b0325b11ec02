import type { DuckDBConnection } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { Arena } from "../../columnar/arena.js";
import { validBytes } from "../../columnar/duckdb-vectors.js";
import type { HistoryBatch } from "../../kernels/history-index.js";
import { INTEGER_CODES, kernelsOf } from "../../kernels/kernels.js";
import type { WindowGroup } from "../../kernels/window-columns.js";

/** Rows of a batch: a multiple of DuckDB's vectors. */
const BATCH = 131_072;
const VECTOR = 2048;

/** A batch that grows. */
class Filling {
  rows = 0;
  readonly keys = new BigInt64Array(BATCH);
  readonly times = new BigInt64Array(BATCH);
  readonly available: BigInt64Array | undefined;
  readonly codes: readonly BigInt64Array[];
  readonly valid: (Uint8Array | undefined)[];

  constructor(columns: number, available: boolean) {
    this.available = available ? new BigInt64Array(BATCH) : undefined;
    this.codes = Array.from({ length: columns }, () => new BigInt64Array(BATCH));
    this.valid = Array.from({ length: columns }, () => undefined);
  }

  get batch(): HistoryBatch {
    return {
      rows: this.rows,
      keys: this.keys,
      times: this.times,
      ...(this.available === undefined ? {} : { available: this.available }),
      values: this.codes.map((codes, index) => {
        const valid = this.valid[index];
        return { codes, ...(valid === undefined ? {} : { valid }) };
      }),
    };
  }
}

/** Streams the history of a kernel's plan (key, time, available if the group has it, values) into batches of codes. */
export async function loadHistory(
  connection: DuckDBConnection,
  sql: string,
  group: Pick<WindowGroup, "columns" | "available">,
): Promise<readonly HistoryBatch[]> {
  const scratch = new Arena();
  const kernels = kernelsOf(scratch);
  const raw = scratch.allocate(VECTOR * 8);
  const codes = scratch.allocate(VECTOR * 8);
  const filled: Filling[] = [];
  const first = group.available ? 3 : 2;
  const result = await connection.stream(sql);
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const { rowCount: rows } = chunk;
    let filling = filled.at(-1);
    if (filling === undefined || filling.rows + rows > BATCH) {
      filling = new Filling(group.columns.length, group.available);
      filled.push(filling);
    }
    const vectorOf = (column: number) => duckdb.data_chunk_get_vector(chunk.chunk, column);
    const copy = (into: BigInt64Array, column: number): void => {
      new Uint8Array(into.buffer, filling.rows * 8, rows * 8).set(duckdb.vector_get_data(vectorOf(column), rows * 8));
    };
    copy(filling.keys, 0);
    copy(filling.times, 1);
    if (filling.available !== undefined) copy(filling.available, 2);
    for (const [index, { kind, width }] of group.columns.entries()) {
      const into = filling.codes[index];
      if (into === undefined) continue;
      const vector = vectorOf(first + index);
      if (kind === INTEGER_CODES && width === 8) copy(into, first + index);
      else {
        scratch.bytesAt(raw, rows * width).set(duckdb.vector_get_data(vector, rows * width));
        kernels.encode(rows, raw, width, kind, codes);
        into.set(scratch.int64At(codes, rows), filling.rows);
      }
      const valid = validBytes(vector, rows);
      if (valid !== undefined) {
        filling.valid[index] ??= new Uint8Array(BATCH).fill(1);
        filling.valid[index]?.set(valid, filling.rows);
      }
    }
    filling.rows += rows;
  }
  return filled.map(({ batch }) => batch);
}
