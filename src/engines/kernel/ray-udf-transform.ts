import { BIGINT, FLOAT, LIST, VARCHAR } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import {
  isValid,
  type ListRows,
  listRows,
  textsOf,
  validBytes,
  vectorisedFunction,
  writeValidity,
} from "../../columnar/duckdb-vectors.js";
import type { EmbeddingVectors, Ids } from "../../embeddings/vector-pool.js";
import type { PoolCrew, PooledRows } from "../../kernels/avg-pool.js";
import type { RayUdfTransform } from "../../operators/ray-udf-transform.js";
import type { SqlSession } from "../sql/session.js";
import { identifier } from "../sql/text.js";

/** An embedding column as SQL computes it. */
export interface EmbeddingColumn {
  readonly name: string;
  readonly sql: string;
  readonly dim: number;
  /** Values that were computed since it was last asked. */
  takeCount(): number;
}

/**
 * The operator's columns as SQL over rows that have their ids; the session's connection is made to know the functions.
 * `vectors`: of the operator's store. They lie in the memory of `crew`.
 */
export function rayUdfTransform(
  self: RayUdfTransform,
  session: SqlSession,
  vectors: EmbeddingVectors,
  crew: PoolCrew,
): readonly EmbeddingColumn[] {
  const key = vectors.keysAre === "text" ? VARCHAR : BIGINT;
  const { dim } = vectors;
  return self.columns.map(({ name, ids, pool }) => {
    const type = pool === undefined ? key : LIST(key);
    const called = `daedalus_${self.name}_${name}`;
    let computed = 0;
    session.connection.registerScalarFunction(
      vectorisedFunction({
        name: called,
        parameterTypes: [type],
        returnType: LIST(FLOAT),
        mainFunction: (_info, input, output) => {
          const rows = duckdb.data_chunk_get_size(input);
          const vector = duckdb.data_chunk_get_vector(input, 0);
          crew.begin();
          const pooled = pool === undefined ? take(vector, rows, vectors, crew) : average(vector, rows, vectors, crew);
          computed += write(output, rows, dim, pooled);
        },
      }),
    );
    return {
      name,
      sql: `${identifier(called)}(CAST(${identifier(ids)} AS ${type}))`,
      dim,
      takeCount: () => {
        const count = computed;
        computed = 0;
        return count;
      },
    };
  });
}

function take(vector: duckdb.Vector, rows: number, vectors: EmbeddingVectors, crew: PoolCrew): PooledRows {
  const { positions, pool } = vectors.locate(idsOf(vector, rows, vectors));
  return crew.take(rows, positions, pool);
}

function average(vector: duckdb.Vector, rows: number, vectors: EmbeddingVectors, crew: PoolCrew): PooledRows {
  const lists = listRows(vector, rows);
  const { entries } = lists;
  // A row that is NULL has garbage for a list.
  for (let row = 0; row < rows; row++) if (!isValid(lists.validity, row)) entries.fill(0, row * 4, row * 4 + 4);
  const { positions, pool } = vectors.locate(elementsOf(lists, vectors));
  return crew.average(rows, new Uint8Array(entries.buffer, entries.byteOffset, rows * 16), positions, pool);
}

function idsOf(vector: duckdb.Vector, count: number, { keysAre }: EmbeddingVectors): Ids {
  return keysAre === "text" ? { texts: textsOf(vector, [[0, count]], count) } : integersOf(vector, count);
}

function elementsOf({ child, size, entries }: ListRows, { keysAre }: EmbeddingVectors): Ids {
  if (keysAre !== "text") return integersOf(child, size);
  const ranges = Array.from({ length: entries.length / 4 }, (_, row) => {
    const from = entries[row * 4] as number;
    return [from, from + (entries[row * 4 + 2] as number)] as const;
  });
  return { texts: textsOf(child, ranges, size) };
}

function integersOf(vector: duckdb.Vector, count: number): Ids {
  const valid = validBytes(vector, count);
  const bytes = count === 0 ? new Uint8Array(0) : duckdb.vector_get_data(vector, count * 8);
  return { count, bytes, ...(valid === undefined ? {} : { valid }) };
}

/** Every row has its place in the child, also one that is NULL. Returns how many are not. */
function write(vector: duckdb.Vector, rows: number, dim: number, pooled: PooledRows): number {
  const count = rows * dim;
  duckdb.list_vector_reserve(vector, count);
  duckdb.list_vector_set_size(vector, count);
  const entries = new BigUint64Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    entries[row * 2] = BigInt(row * dim);
    entries[row * 2 + 1] = BigInt(dim);
  }
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, rows * 16);
  // The binding takes no shared memory.
  const floats = new Uint8Array(pooled.memory.buffer, pooled.vectors, count * 4).slice();
  duckdb.copy_data_to_vector(duckdb.list_vector_get_child(vector), 0, floats.buffer as ArrayBuffer, 0, count * 4);
  const valid = new Uint8Array(pooled.memory.buffer, pooled.valid, rows);
  writeValidity(vector, valid);
  return valid.reduce((count, byte) => count + byte, 0);
}
