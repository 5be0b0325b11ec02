import { Worker } from "node:worker_threads";
import type { PoolCrew } from "../kernels/avg-pool.js";
import type { Address } from "../kernels/kernels.js";
import type { StoreDefinition } from "./lance-store.js";

/** i32 words in the shared memory by which the reading thread answers. */
export const STATE = 0;
export const MESSAGE_LENGTH = 1;
const WORDS = 2;
export const MESSAGE_BYTES = 4096;
/** Values of the word `STATE`. */
export const ASKED = 0;
export const ANSWERED = 1;
export const FAILED = 2;

/** To the reading thread: where the numbers of the rows stand (u64), how many, and where their vectors go. */
export interface TakeOrder {
  readonly rows: Address;
  readonly count: number;
  readonly vectors: Address;
  readonly stride: number;
}

export interface TakerData {
  readonly definition: StoreDefinition;
  readonly version: number;
  readonly memory: WebAssembly.Memory;
  readonly control: Address;
}

/**
 * A thread that reads vectors of a store into the shared memory while the calling one waits for them: SQL asks by a call that
 * cannot wait for a promise.
 */
export class VectorTaker {
  readonly #crew: PoolCrew;
  readonly #control: Address;
  readonly #thread: Worker;

  constructor(definition: StoreDefinition, version: number, crew: PoolCrew) {
    this.#crew = crew;
    this.#control = crew.arena.allocate(WORDS * 4 + MESSAGE_BYTES);
    const workerData: TakerData = { definition, version, memory: crew.memory, control: this.#control };
    this.#thread = new Worker(new URL("./vector-taker-thread.js", import.meta.url), { workerData });
    this.#thread.unref();
  }

  /** The vectors of the rows (ascending numbers), in their order, in the room of the batch. */
  take(rows: BigUint64Array, stride: number): Address {
    const { stage } = this.#crew;
    const numbers = stage.allocate(Math.max(8, rows.byteLength));
    stage.bytesAt(numbers, rows.byteLength).set(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    const vectors = stage.allocate(Math.max(1, rows.length) * stride);
    if (rows.length === 0) return vectors;
    const words = stage.int32At(this.#control, WORDS);
    Atomics.store(words, STATE, ASKED);
    const order: TakeOrder = { rows: numbers, count: rows.length, vectors, stride };
    this.#thread.postMessage(order);
    // The other thread may still have to wake us for the answer before, which was seen without sleeping.
    while (Atomics.load(words, STATE) === ASKED) Atomics.wait(words, STATE, ASKED);
    if (Atomics.load(words, STATE) === FAILED) {
      const bytes = stage.bytesAt(this.#control + WORDS * 4, words[MESSAGE_LENGTH] as number);
      throw new Error(Buffer.from(bytes).toString("utf8"));
    }
    return vectors;
  }

  close(): void {
    void this.#thread.terminate();
  }
}
