import type { Address, Kernels } from "./kernels.js";
import { findGroups, type KeyTable } from "./key-groups.js";

/** Ids and rows that a thread takes at a time: enough to be worth asking for, few enough that all threads end together. */
const IDS_OF_A_PIECE = 4096;
const ROWS_OF_A_PIECE = 64;

/** Work on one batch: numbers in the shared memory, of which each piece takes its part. */
export interface Job {
  readonly work: "find" | "average";
  readonly items: number;
  readonly addresses: readonly Address[];
  readonly numbers: readonly number[];
  /** Of a search: the least key of a direct table; of means: the bits of the largest magnitude in the pool, a double. */
  readonly least: bigint;
}

export function itemsOfAPiece(work: Job["work"]): number {
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
  const from = piece * itemsOfAPiece(work);
  const to = Math.min(items, from + itemsOfAPiece(work));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = addresses;
  const [first = 0, second = 0] = numbers;
  if (work === "find") {
    const table: KeyTable =
      first === 1 ? { kind: "direct", table: d, least, span: second } : { kind: "slots", slots: d, mask: second };
    findGroups(kernels, table, to - from, a + from * 8, b === 0 ? 0 : b + from, c + from * 4);
  } else kernels.avgPool(from, to, a, b, c, first, second, sums, d, e, doubleOf(least), f);
}

const bits = new BigInt64Array(1);
const double = new Float64Array(bits.buffer);

/** A double as the bits that a job holds, and back. */
export function bitsOf(value: number): bigint {
  double[0] = value;
  return bits[0] as bigint;
}

function doubleOf(value: bigint): number {
  bits[0] = value;
  return double[0] as number;
}

/** i32 words that a board takes. */
export const CONTROL_WORDS = 64;
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
    for (const [place, number] of numbers.entries()) words[JOB + 9 + place] = number;
    this.#longs[(JOB + 12) / 2] = least;
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
      addresses: Array.from(words.subarray(JOB + 3, JOB + 9), (word) => word >>> 0),
      numbers: Array.from(words.subarray(JOB + 9, JOB + 11), (word) => word >>> 0),
      least: this.#longs[(JOB + 12) / 2] as bigint,
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
