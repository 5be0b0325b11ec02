import { Arena } from "../columnar/arena.js";
import { embeddingProblem } from "../errors/embedding.js";
import { DaedalusError } from "../errors/problem.js";
import { type IdBatch, MOST_DIM, type PoolCrew, type VectorPool } from "../kernels/avg-pool.js";
import type { Address } from "../kernels/kernels.js";
import { CHUNK, groupKeys, type KeyChunk, type KeyTable } from "../kernels/key-groups.js";
import type { LanceStore, StoreKeys } from "./lance-store.js";
import { VectorTaker } from "./vector-taker.js";

/** Ids as an engine has them: int64, or the bytes of texts (as latin1 strings; undefined: NULL). */
export type Ids = IdBatch | { readonly texts: readonly (string | undefined)[] };

/** Where the vectors of some ids lie, as long as no other batch is begun. */
export interface Located {
  /** i32 per id; −1: the store has no vector for it. */
  readonly positions: Address;
  readonly pool: VectorPool;
}

/** The vectors of a store, for whoever has ids. */
export interface EmbeddingVectors {
  readonly keysAre: StoreKeys["type"];
  readonly dim: number;
  /** What they take of the memory of the crew as long as the store is open. */
  readonly bytes: number;
  /** How many ids should be asked for together at most. */
  readonly idsAtOnce: number;
  locate(ids: Ids): Located;
  close(): void;
}

/** What the vectors of a store take in memory, with the table of its ids. */
function poolBytes(rows: number, dim: number): number {
  return rows * (strideOf(dim) + BYTES_OF_A_KEY);
}

/** Slots of 16 bytes, at most half of them full, and a table by which narrow ids are found at once. */
const BYTES_OF_A_KEY = 80;

function strideOf(dim: number): number {
  return Math.ceil((dim * 4) / 16) * 16;
}

/** A WebAssembly memory ends at 4 GiB; the rest is for batches. */
const MOST_POOL_BYTES = 3e9;

/**
 * The vectors of a store for the threads that pool them: in their memory if they fit there beside so many bytes of other stores, else
 * those of each batch are taken from the store; the answers are the same. Throws DaedalusError `embedding/store-too-large` if not
 * even the ids fit. `most`: bytes; only tests give others.
 */
export async function vectorsOf(
  store: LanceStore,
  crew: PoolCrew,
  beside: number,
  most = MOST_POOL_BYTES,
): Promise<EmbeddingVectors> {
  const { name, uri, dim } = store.definition;
  if (dim > MOST_DIM)
    throw new DaedalusError([embeddingProblem("vector-too-long", { store: name, dim, most: MOST_DIM })], 1);
  const rows = await store.countRows();
  if (poolBytes(rows, dim) + beside <= most) return residentVectors(store, crew, poolBytes(rows, dim));
  const bytes = rows * BYTES_OF_A_KEY + TAKEN_BYTES;
  if (bytes + beside > MOST_POOL_BYTES) {
    const problem = { store: name, uri, rows, dim, bytes: bytes + beside, most: MOST_POOL_BYTES };
    throw new DaedalusError([embeddingProblem("store-too-large", problem)], 1);
  }
  return takenVectors(store, crew, bytes);
}

/** All vectors of a store in the memory of the threads. */
async function residentVectors(store: LanceStore, crew: PoolCrew, bytes: number): Promise<EmbeddingVectors> {
  const index = await KeyIndex.of(store, crew);
  const { dim } = store.definition;
  const stride = strideOf(dim);
  const vectors = crew.arena.allocate(Math.max(1, index.size) * stride);
  for await (const batch of store.vectors()) {
    crew.begin();
    const found = index.find(idsOf(batch.keys));
    // A view ends where the memory did when it was made, so it is made after.
    const places = new Int32Array(crew.memory.buffer, found, batch.keys.length);
    const floats = new Float32Array(crew.memory.buffer);
    places.forEach((place, row) => {
      if (place < 0) throw changed(store);
      floats.set(batch.vectors.subarray(row * dim, (row + 1) * dim), (vectors + place * stride) / 4);
    });
  }
  const most = crew.kernels.largestMagnitude(index.size, vectors, stride, dim);
  const granularity = crew.arena.allocate(Math.max(1, index.size) * 2);
  if (Number.isFinite(most)) crew.kernels.granularities(index.size, vectors, stride, dim, granularity);
  const pool = { vectors, stride, dim, most, granularity };
  return {
    keysAre: store.keysAre,
    dim,
    bytes,
    idsAtOnce: Number.POSITIVE_INFINITY,
    locate: (ids) => ({ positions: index.find(ids), pool }),
    close: () => undefined,
  };
}

/** What the vectors of a batch may take. */
const TAKEN_BYTES = 512 * 2 ** 20;

/** The vectors of a batch's ids are taken from the store, each once, in the order of its rows. */
async function takenVectors(store: LanceStore, crew: PoolCrew, bytes: number): Promise<EmbeddingVectors> {
  const index = await KeyIndex.of(store, crew);
  const { dim } = store.definition;
  const stride = strideOf(dim);
  const rowOf = new BigUint64Array(index.size);
  for await (const { keys, rows } of store.keyRows()) {
    crew.begin();
    const found = index.find(idsOf(keys));
    new Int32Array(crew.memory.buffer, found, keys.length).forEach((place, row) => {
      if (place < 0) throw changed(store);
      rowOf[place] = rows[row] as bigint;
    });
  }
  const taker = new VectorTaker(store.definition, await store.version(), crew);
  /** Where the vector of a place lies among those that were taken; −1: it was not. */
  const slotOf = new Int32Array(index.size).fill(-1);
  return {
    keysAre: store.keysAre,
    dim,
    bytes,
    idsAtOnce: Math.max(1, Math.floor(TAKEN_BYTES / stride)),
    locate(ids) {
      const positions = index.find(ids);
      const count = "texts" in ids ? ids.texts.length : ids.count;
      const places = new Set(new Int32Array(crew.memory.buffer, positions, count));
      places.delete(-1);
      const wanted = [...places].sort((a, b) => ((rowOf[a] as bigint) < (rowOf[b] as bigint) ? -1 : 1));
      const vectors = taker.take(
        BigUint64Array.from(wanted, (place) => rowOf[place] as bigint),
        stride,
      );
      wanted.forEach((place, slot) => {
        slotOf[place] = slot;
      });
      const own = new Int32Array(crew.memory.buffer, positions, count);
      for (let i = 0; i < count; i++) if ((own[i] as number) >= 0) own[i] = slotOf[own[i] as number] as number;
      return { positions, pool: { vectors, stride, dim, most: Number.POSITIVE_INFINITY, granularity: 0 } };
    },
    close: () => taker.close(),
  };
}

function idsOf(keys: BigInt64Array | readonly string[]): Ids {
  return keys instanceof BigInt64Array
    ? { count: keys.length, bytes: new Uint8Array(keys.buffer, keys.byteOffset, keys.byteLength) }
    : { texts: keys };
}

function changed(store: LanceStore): DaedalusError {
  const { name, uri } = store.definition;
  return new DaedalusError([embeddingProblem("store-changed", { store: name, uri })], 1);
}

/** The ids that have a vector. Throws DaedalusError `embedding/duplicate-id`, of rows without a vector too. */
export async function presentKeys(store: LanceStore): Promise<StoreKeys> {
  const all = await distinctKeys(store);
  return (await store.countAbsent()) === 0 ? all : store.keys({ present: true });
}

/** All ids. Throws DaedalusError `embedding/duplicate-id`. */
export async function distinctKeys(store: LanceStore): Promise<StoreKeys> {
  const all = await store.keys({ present: false });
  if (all.type === "text") refuseDuplicates(store, all.keys);
  else if (groupKeys(chunksOf(all.keys), new Arena(), new Arena()).largest > 1) refuseDuplicates(store, all.keys);
  return all;
}

/** Numbers the ids that have a vector. */
class KeyIndex {
  readonly size: number;
  readonly #crew: PoolCrew;
  readonly #table: KeyTable;
  /** Of ids that are texts: their code, which is their place. */
  readonly #codes: ReadonlyMap<string, number> | undefined;

  private constructor(crew: PoolCrew, size: number, table: KeyTable, codes?: ReadonlyMap<string, number>) {
    this.#crew = crew;
    this.size = size;
    this.#table = table;
    this.#codes = codes;
  }

  static async of(store: LanceStore, crew: PoolCrew): Promise<KeyIndex> {
    const present = await presentKeys(store);
    if (present.type === "text") {
      const codes = new Map<string, number>();
      for (const texts of present.keys) for (const text of texts) codes.set(text, codes.size);
      return new KeyIndex(crew, codes.size, { kind: "direct", table: 0, least: 0n, span: 0 }, codes);
    }
    const { groups, table } = groupKeys(chunksOf(present.keys), crew.arena, new Arena());
    return new KeyIndex(crew, groups, table);
  }

  /** i32 per id. */
  find(ids: Ids): Address {
    if (!("texts" in ids)) return this.#crew.find(ids, this.#table);
    const stage = this.#crew.stage;
    const positions = stage.allocate(Math.max(1, ids.texts.length) * 4);
    const places = stage.int32At(positions, ids.texts.length);
    for (const [row, text] of ids.texts.entries())
      places[row] = text === undefined ? -1 : (this.#codes?.get(text) ?? -1);
    return positions;
  }
}

function chunksOf(keys: readonly BigInt64Array[]): readonly KeyChunk[] {
  return keys.flatMap((batch) =>
    Array.from({ length: Math.ceil(batch.length / CHUNK) }, (_, place) => {
      const own = batch.subarray(place * CHUNK, (place + 1) * CHUNK);
      return { rows: own.length, keys: own };
    }),
  );
}

/** Throws DaedalusError `embedding/duplicate-id`. */
function refuseDuplicates(store: LanceStore, batches: StoreKeys["keys"]): void {
  const seen = new Set<bigint | string>();
  for (const batch of batches)
    for (const id of batch) {
      if (seen.has(id)) {
        const { name, uri } = store.definition;
        const shown = typeof id === "string" ? JSON.stringify(Buffer.from(id, "latin1").toString("utf8")) : String(id);
        throw new DaedalusError([embeddingProblem("duplicate-id", { store: name, uri, id: shown })], 1);
      }
      seen.add(id);
    }
}
