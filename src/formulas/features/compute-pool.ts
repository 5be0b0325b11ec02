import { Worker } from "node:worker_threads";
import { booleansChunk, doublesChunk, type ParquetChunk } from "../../columnar/parquet-chunks.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import { GroupComputer, keptRows, type RowGroup, type Target, type Work } from "./row-groups.js";

/** A row group on its way to a thread; with targets they are filled, without the values come back as chunks of Parquet. */
export interface Order {
  readonly number: number;
  readonly rows: number;
  readonly begins: readonly number[];
  readonly kept: readonly (readonly [number, number])[];
  readonly given: readonly (readonly [id: string, column: GivenColumn])[];
  readonly targets?: readonly (readonly [id: string, target: Target])[];
}

export interface Answer {
  readonly number: number;
  /** Of the kept nodes, in their order; undefined: it has failed, or the targets were filled. */
  readonly chunks: readonly (ParquetChunk | undefined)[];
  /** Of all groups so far. */
  readonly failures: readonly (readonly [id: string, message: string])[];
}

/** What a thread does with an order. */
export function answer(computer: GroupComputer, work: Work, order: Order): Answer {
  const group: RowGroup = { ...order, given: new Map(order.given) };
  const targets = new Map(order.targets ?? freshTargets(work.kept, keptRows(order)));
  computer.compute(group, targets);
  const failures = [...computer.failures].map(([id, error]) => [id, error.message] as const);
  const types = new Map(work.nodes.map(({ id, output }) => [id, output]));
  const chunks = work.kept.map((id) => {
    const made = targets.get(id);
    if (order.targets !== undefined || made === undefined || computer.failures.has(id)) return undefined;
    const values = made.values as Float64Array<ArrayBuffer>;
    return types.get(id) === "Boolean" ? booleansChunk(values, made.valid) : doublesChunk(values, made.valid);
  });
  return { number: order.number, chunks, failures };
}

function freshTargets(ids: readonly string[], rows: number): readonly (readonly [string, Target])[] {
  return ids.map((id) => [id, { values: new Float64Array(rows), valid: new Uint8Array(rows) }]);
}

/**
 * Threads that compute row groups of the same work. A symbol's groups go to one lane, in their order; lanes do not wait for one
 * another.
 */
export class ComputePool {
  readonly #lanes: readonly Lane[];

  private constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes;
  }

  /** `threads` 0: the calling thread computes. */
  static open(work: Work, threads: number): ComputePool {
    if (threads === 0) return new ComputePool([new OwnLane(work)]);
    return new ComputePool(Array.from({ length: threads }, () => new ThreadLane(work)));
  }

  /** The lane with the least to do. */
  lane(): Lane {
    return this.#lanes.reduce((best, lane) => (lane.waiting < best.waiting ? lane : best));
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }
}

/** Computes groups one after the other. */
export interface Lane {
  /** Rows that are not yet computed. */
  readonly waiting: number;
  compute(order: Omit<Order, "number">): Promise<Answer>;
  close(): Promise<void>;
}

class OwnLane implements Lane {
  readonly waiting = 0;
  readonly #computer: GroupComputer;

  constructor(private readonly work: Work) {
    this.#computer = new GroupComputer(work);
  }

  async compute(order: Omit<Order, "number">): Promise<Answer> {
    return answer(this.#computer, this.work, { ...order, number: 0 });
  }

  async close(): Promise<void> {}
}

interface Pending {
  readonly rows: number;
  readonly done: (answer: Answer) => void;
  readonly failed: (error: Error) => void;
}

class ThreadLane implements Lane {
  waiting = 0;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #orders = 0;
  #lost: Error | undefined;

  constructor(work: Work) {
    this.#worker = new Worker(new URL("./compute-worker.js", import.meta.url), { workerData: work });
    this.#worker.on("message", (made: Answer) => {
      const pending = this.#pending.get(made.number);
      this.#pending.delete(made.number);
      this.waiting -= pending?.rows ?? 0;
      pending?.done(made);
    });
    this.#worker.on("error", (error) => this.#lose(error));
    this.#worker.on("exit", () => this.#lose(new Error("a computing thread has ended")));
  }

  compute(order: Omit<Order, "number">): Promise<Answer> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const number = this.#orders++;
    this.waiting += order.rows;
    return new Promise((done, failed) => {
      this.#pending.set(number, { rows: order.rows, done, failed });
      this.#worker.postMessage({ ...order, number } satisfies Order);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #lose(error: Error): void {
    this.#lost = error;
    for (const { failed } of this.#pending.values()) failed(error);
    this.#pending.clear();
  }
}
