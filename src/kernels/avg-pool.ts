import { Worker } from "node:worker_threads";
import { SharedArena, sharedMemory } from "../columnar/shared-arena.js";
import { Board, bitsOf, CONTROL_WORDS, itemsOfAPiece, type Job, workOn } from "./job-board.js";
import { type Address, type Kernels, kernelsOf } from "./kernels.js";
import type { KeyTable } from "./key-groups.js";

/** Vectors in a shared memory, and where the vector of a key lies. */
export interface VectorPool {
  readonly vectors: Address;
  /** Bytes from a vector to the next, a multiple of 16. */
  readonly stride: number;
  readonly dim: number;
  /** The largest magnitude in it; infinite where it is not known, or not finite. */
  readonly most: number;
  /** i16 per vector, see the kernel `granularities`; not looked at where `most` is infinite. */
  readonly granularity: Address;
}

/** Ids, a row each, or elements of lists. */
export interface IdBatch {
  readonly count: number;
  /** Little-endian int64, or what `positions` were found for. */
  readonly bytes: Uint8Array;
  /** A byte per id, zero: NULL; absent: none is. */
  readonly valid?: Uint8Array;
}

/** Vectors, `dim` floats per row; a row whose byte in `valid` is zero has none. */
export interface PooledRows {
  readonly memory: WebAssembly.Memory;
  readonly vectors: Address;
  readonly valid: Address;
}

/** Longest vector: 65,536 floats. */
export const MOST_DIM = 65_536;
const MOST_SUM_BYTES = MOST_DIM * 8;

/**
 * Threads that answer a batch together while the calling one waits for them, itself one of them: SQL asks by a call that
 * cannot wait otherwise. They share one memory, which keeps the vectors; idle they sleep, and let the program end.
 */
export class PoolCrew {
  readonly memory = sharedMemory();
  readonly kernels: Kernels = kernelsOf({ memory: this.memory });
  /** For what lives as long as the crew. */
  readonly arena = new SharedArena(this.memory);
  /** The room of a batch; it begins anew with each. */
  readonly stage = new SharedArena(this.memory);
  readonly #board: Board;
  readonly #sums: Address;
  readonly #workers: Worker[] = [];

  constructor(readonly threads: number) {
    const control = this.arena.allocate(CONTROL_WORDS * 4);
    this.#board = new Board(this.memory, control);
    this.#board.close();
    this.#sums = this.arena.allocate(MOST_SUM_BYTES);
    for (let thread = 1; thread < threads; thread++) {
      const workerData = { memory: this.memory, control, sums: this.arena.allocate(MOST_SUM_BYTES) };
      const worker = new Worker(new URL("./avg-pool-worker.js", import.meta.url), { workerData });
      worker.unref();
      this.#workers.push(worker);
    }
  }

  /** A batch begins: what was answered to the last one ends. */
  begin(): void {
    this.stage.release();
  }

  /** Where the ids' vectors lie (i32 each; −1: nowhere). */
  find(ids: IdBatch, table: KeyTable): Address {
    const { stage } = this;
    const keys = stage.allocate(ids.count * 8);
    stage.bytesAt(keys, ids.count * 8).set(ids.bytes.subarray(0, ids.count * 8));
    const valid = ids.valid === undefined ? 0 : stage.allocate(ids.count);
    if (ids.valid !== undefined) stage.bytesAt(valid, ids.count).set(ids.valid.subarray(0, ids.count));
    const found = stage.allocate(Math.max(4, ids.count * 4));
    const [kind, place, size, least] =
      table.kind === "direct" ? [1, table.table, table.span, table.least] : [0, table.slots, table.mask, 0n];
    this.#answer({
      work: "find",
      items: ids.count,
      addresses: [keys, valid, found, place],
      numbers: [kind, size],
      least,
    });
    return found;
  }

  /** The vector of each row's id. */
  take(rows: number, positions: Address, pool: VectorPool): PooledRows {
    const { vectors, valid } = this.#output(rows, pool);
    this.kernels.takeVectors(rows, positions, pool.vectors, pool.stride, pool.dim, vectors, valid);
    return { memory: this.memory, vectors, valid };
  }

  /** The mean of the vectors of each row's list; `lists`: offset and length of each, u64, in `positions`. */
  average(rows: number, lists: Uint8Array, positions: Address, pool: VectorPool): PooledRows {
    const entries = this.stage.allocate(rows * 16);
    this.stage.bytesAt(entries, rows * 16).set(lists.subarray(0, rows * 16));
    const { vectors, valid } = this.#output(rows, pool);
    this.#answer({
      work: "average",
      items: rows,
      addresses: [entries, positions, pool.vectors, vectors, valid, pool.granularity],
      numbers: [pool.stride, pool.dim],
      least: bitsOf(pool.most),
    });
    return { memory: this.memory, vectors, valid };
  }

  close(): void {
    this.#board.stop();
    for (const worker of this.#workers) void worker.terminate();
  }

  #output(rows: number, { dim }: VectorPool) {
    if (dim * 8 > MOST_SUM_BYTES) throw new RangeError(`vectors of ${dim} floats are too long`);
    return { vectors: this.stage.allocate(rows * dim * 4), valid: this.stage.allocate(rows) };
  }

  #answer(job: Job): void {
    const pieces = Math.ceil(job.items / itemsOfAPiece(job.work));
    if (pieces === 0) return;
    this.#board.open(job, pieces);
    workOn(this.#board, this.kernels, this.#sums);
    this.#board.awaitDone(pieces);
    if (this.#board.hasFailed()) throw new Error("a thread that pools vectors failed");
  }
}
