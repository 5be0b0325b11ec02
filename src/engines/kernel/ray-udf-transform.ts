import { BIGINT, FLOAT, LIST, VARCHAR } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import {
  isValid,
  type ListRows,
  lentBytes,
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
    const answers = new Answers(dim);
    session.connection.registerScalarFunction(
      vectorisedFunction({
        name: called,
        parameterTypes: [type],
        returnType: LIST(FLOAT),
        mainFunction: (_info, input, output) => {
          const rows = duckdb.data_chunk_get_size(input);
          const vector = duckdb.data_chunk_get_vector(input, 0);
          answers.begin(rows);
          if (pool === undefined) take(vector, rows, vectors, crew, answers);
          else average(vector, rows, vectors, crew, answers);
          computed += write(output, rows, dim, answers);
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

/** Vectors and their validity of a batch, which may be answered in pieces; the next batch takes the same room. */
class Answers {
  floats = new Uint8Array(0);
  valid = new Uint8Array(0);
  readonly #width: number;

  constructor(dim: number) {
    this.#width = dim * 4;
  }

  begin(rows: number): void {
    if (this.floats.length < rows * this.#width) this.floats = new Uint8Array(rows * this.#width);
    this.valid = new Uint8Array(rows);
  }

  /** The binding takes no shared memory, and the next piece takes this one's. */
  add(from: number, rows: number, { memory, vectors, valid }: PooledRows): void {
    this.floats.set(new Uint8Array(memory.buffer, vectors, rows * this.#width), from * this.#width);
    this.valid.set(new Uint8Array(memory.buffer, valid, rows), from);
  }
}

function take(vector: duckdb.Vector, rows: number, vectors: EmbeddingVectors, crew: PoolCrew, answers: Answers): void {
  const ids = idsOf(vector, rows, vectors);
  const piece = Math.min(rows, vectors.idsAtOnce);
  for (let from = 0; from < rows; from += piece) {
    const count = Math.min(piece, rows - from);
    crew.begin();
    const { positions, pool } = vectors.locate(sliceOf(ids, from, count));
    answers.add(from, count, crew.take(count, positions, pool));
  }
}

function average(
  vector: duckdb.Vector,
  rows: number,
  vectors: EmbeddingVectors,
  crew: PoolCrew,
  answers: Answers,
): void {
  const lists = listRows(vector, rows);
  const { entries } = lists;
  // A row that is NULL has garbage for a list.
  for (let row = 0; row < rows; row++) if (!isValid(lists.validity, row)) entries.fill(0, row * 4, row * 4 + 4);
  const ids = elementsOf(lists, vectors);
  for (const { from, to, first, last } of piecesOf(entries, rows, vectors.idsAtOnce)) {
    crew.begin();
    const { positions, pool } = vectors.locate(sliceOf(ids, first, last - first));
    const own = entries.slice(from * 4, to * 4);
    if (first > 0)
      for (let word = 0; word < own.length; word += 4) own[word] = Math.max(0, (own[word] as number) - first);
    answers.add(from, to - from, crew.average(to - from, new Uint8Array(own.buffer), positions, pool));
  }
}

interface Piece {
  /** Rows. */
  readonly from: number;
  readonly to: number;
  /** Elements that their lists reach over. */
  readonly first: number;
  readonly last: number;
}

/** Neighbouring rows whose lists reach over at most so many elements; one that is longer is alone. */
function piecesOf(entries: Int32Array, rows: number, most: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let piece: Piece = { from: 0, to: 0, first: 0, last: 0 };
  for (let row = 0; row < rows; row++) {
    const length = entries[row * 4 + 2] as number;
    const begin = length === 0 ? piece.last : (entries[row * 4] as number);
    const isEmpty = piece.last === piece.first;
    const first = isEmpty ? begin : Math.min(piece.first, begin);
    const last = isEmpty ? begin + length : Math.max(piece.last, begin + length);
    if (last - first > most && piece.to > piece.from) {
      pieces.push(piece);
      piece = { from: row, to: row + 1, first: begin, last: begin + length };
    } else piece = { ...piece, to: row + 1, first, last };
  }
  if (piece.to > piece.from) pieces.push(piece);
  return pieces;
}

function sliceOf(ids: Ids, from: number, count: number): Ids {
  if ("texts" in ids)
    return from === 0 && count === ids.texts.length ? ids : { texts: ids.texts.slice(from, from + count) };
  return {
    count,
    bytes: ids.bytes.subarray(from * 8, (from + count) * 8),
    ...(ids.valid === undefined ? {} : { valid: ids.valid.subarray(from, from + count) }),
  };
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
  return { count, bytes: lentBytes(vector, count * 8), ...(valid === undefined ? {} : { valid }) };
}

/** Every row has its place in the child, also one that is NULL. Returns how many are not. */
function write(vector: duckdb.Vector, rows: number, dim: number, { floats, valid }: Answers): number {
  const count = rows * dim;
  duckdb.list_vector_reserve(vector, count);
  duckdb.list_vector_set_size(vector, count);
  const entries = new BigUint64Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    entries[row * 2] = BigInt(row * dim);
    entries[row * 2 + 1] = BigInt(dim);
  }
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, rows * 16);
  duckdb.copy_data_to_vector(duckdb.list_vector_get_child(vector), 0, floats.buffer, 0, count * 4);
  writeValidity(vector, valid);
  return valid.reduce((sum, byte) => sum + byte, 0);
}
