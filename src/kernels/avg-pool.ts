import { Worker } from "node:worker_threads";
import { SharedArena, sharedMemory } from "../columnar/shared-arena.js";
import { type Address, type Kernels, kernelsOf } from "./kernels.js";
import { findGroups, type KeyTable } from "./key-groups.js";

/** Vectors in a shared memory, and where the vector of a key lies. */
export interface VectorPool {
  readonly vectors: Address;
  /** Bytes from a vector to the next, a multiple of 16. */
  readonly stride: number;
  readonly dim: number;
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

/** Ids and rows that a thread takes at a time: enough to be worth asking for, few enough that all threads end together. */
const IDS_OF_A_PIECE = 4096;
const ROWS_OF_A_PIECE = 32;

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
      addresses: [entries, positions, pool.vectors, vectors, valid],
      numbers: [pool.stride, pool.dim],
      least: 0n,
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
    const pieces = Math.ceil(job.items / piecesOf(job.work));
    if (pieces === 0) return;
    this.#board.open(job, pieces);
    workOn(this.#board, this.kernels, this.#sums);
    this.#board.awaitDone(pieces);
    if (this.#board.hasFailed()) throw new Error("a thread that pools vectors failed");
  }
}

/** Longest vector: 65,536 floats. */
export const MOST_DIM = 65_536;
const MOST_SUM_BYTES = MOST_DIM * 8;

interface Job {
  readonly work: "find" | "average";
  readonly items: number;
  readonly addresses: readonly Address[];
  readonly numbers: readonly number[];
  readonly least: bigint;
}

function piecesOf(work: Job["work"]): number {
  return work === "find" ? IDS_OF_A_PIECE : ROWS_OF_A_PIECE;
}

/** Takes pieces of the job on the board until none is left. */
export function workOn(board: Board, kernels: Kernels, sums: Address): void {
  for (let piece = board.claim(); piece !== undefined; piece = board.claim()) {
    try {
      // Read after the claim: the job of the claimed piece stays until it is done.
      workOnPiece(board.job(), piece, kernels, sums);
    } catch {
      board.fail();
    }
    board.done();
  }
}

function workOnPiece(
  { work, items, addresses, numbers, least }: Job,
  piece: number,
  kernels: Kernels,
  sums: Address,
): void {
  const from = piece * piecesOf(work);
  const to = Math.min(items, from + piecesOf(work));
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = addresses;
  const [first = 0, second = 0] = numbers;
  if (work === "find") {
    const table: KeyTable =
      first === 1 ? { kind: "direct", table: d, least, span: second } : { kind: "slots", slots: d, mask: second };
    findGroups(kernels, table, to - from, a + from * 8, b === 0 ? 0 : b + from, c + from * 4);
  } else kernels.avgPool(from, to, a, b, c, first, second, sums, d, e);
}

const CONTROL_WORDS = 64;
/** Words of the board. */
const OPENED = 0;
const NEXT = 16;
const DONE = 32;
const ACTIVE = 33;
const FAILED = 34;
const JOB = 40;
/** No piece has this number: the board is closed. */
const CLOSED = 1 << 30;

/** Where a job is put up for threads; every word lies in the shared memory. */
export class Board {
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;

  constructor(memory: WebAssembly.Memory, control: Address) {
    this.#words = new Int32Array(memory.buffer, control, CONTROL_WORDS);
    this.#longs = new BigInt64Array(memory.buffer, control, CONTROL_WORDS / 2);
  }

  close(): void {
    Atomics.store(this.#words, NEXT, CLOSED);
  }

  open({ work, items, addresses, numbers, least }: Job, pieces: number): void {
    const words = this.#words;
    this.close();
    // A thread that is late may still be about to find the board closed.
    for (let active = Atomics.load(words, ACTIVE); active > 0; active = Atomics.load(words, ACTIVE))
      Atomics.wait(words, ACTIVE, active, 1);
    words[JOB] = work === "find" ? 0 : 1;
    words[JOB + 1] = items;
    words[JOB + 2] = pieces;
    for (const [place, address] of addresses.entries()) words[JOB + 3 + place] = address;
    for (const [place, number] of numbers.entries()) words[JOB + 8 + place] = number;
    this.#longs[(JOB + 10) / 2] = least;
    Atomics.store(words, DONE, 0);
    Atomics.store(words, NEXT, 0);
    Atomics.add(words, OPENED, 1);
    Atomics.notify(words, OPENED);
  }

  /** Sleeps until another job than the last one is put up; returns its number, −1 after `stop`. */
  awaitOpened(last: number): number {
    Atomics.wait(this.#words, OPENED, last);
    return Atomics.load(this.#words, OPENED);
  }

  enter(): void {
    Atomics.add(this.#words, ACTIVE, 1);
  }

  leave(): void {
    Atomics.sub(this.#words, ACTIVE, 1);
    Atomics.notify(this.#words, ACTIVE);
  }

  claim(): number | undefined {
    const piece = Atomics.add(this.#words, NEXT, 1);
    return piece >= CLOSED || piece >= (this.#words[JOB + 2] as number) ? undefined : piece;
  }

  job(): Job {
    const words = this.#words;
    return {
      work: words[JOB] === 0 ? "find" : "average",
      items: words[JOB + 1] as number,
      addresses: Array.from(words.subarray(JOB + 3, JOB + 8), (word) => word >>> 0),
      numbers: Array.from(words.subarray(JOB + 8, JOB + 10), (word) => word >>> 0),
      least: this.#longs[(JOB + 10) / 2] as bigint,
    };
  }

  done(): void {
    Atomics.add(this.#words, DONE, 1);
    Atomics.notify(this.#words, DONE);
  }

  /** A piece could not be answered: its thread goes on, so that nobody waits for it. */
  fail(): void {
    Atomics.store(this.#words, FAILED, 1);
  }

  hasFailed(): boolean {
    return Atomics.load(this.#words, FAILED) !== 0;
  }

  awaitDone(pieces: number): void {
    for (let done = Atomics.load(this.#words, DONE); done < pieces; done = Atomics.load(this.#words, DONE))
      Atomics.wait(this.#words, DONE, done);
  }

  stop(): void {
    Atomics.store(this.#words, OPENED, -1);
    Atomics.notify(this.#words, OPENED);
  }
}
