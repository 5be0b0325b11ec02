import { Worker } from "node:worker_threads";
import { packMarks } from "../../columnar/bits.js";
import { booleansChunk, doublesChunk, type ParquetChunk } from "../../columnar/parquet-chunks.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import { GroupComputer, keptRows, type Work } from "./row-groups.js";

/** How made values come back: as they are, or as chunks of a Parquet file. */
export type Form = "columns" | "chunks";

/** A row group on its way to a thread. */
export interface Order {
  readonly number: number;
  readonly form: Form;
  readonly rows: number;
  readonly begins: readonly number[];
  readonly kept: readonly (readonly [number, number])[];
  readonly given: readonly (readonly [id: string, column: GivenColumn])[];
}

/** Values of the kept rows of a node. */
export interface Piece {
  readonly values: Float64Array<ArrayBuffer>;
  /** From the lowest on, 0: NULL; absent: no row is NULL. */
  readonly bits?: Uint8Array<ArrayBuffer>;
  readonly nulls: number;
}

export interface Answer {
  readonly number: number;
  /** Of the kept nodes, in their order; undefined: it has failed, or it is asked for in the other form. */
  readonly columns: readonly (Piece | undefined)[];
  readonly chunks: readonly (ParquetChunk | undefined)[];
  /** Of all groups so far. */
  readonly failures: readonly (readonly [id: string, message: string])[];
}

/** What a thread does with an order. */
export function answer(computer: GroupComputer, work: Work, order: Order): Answer {
  const rows = keptRows(order);
  const targets = freshTargets(work.kept, rows);
  computer.compute({ ...order, given: new Map(order.given) }, targets);
  const failures = [...computer.failures].map(([id, error]) => [id, error.message] as const);
  const made = work.kept.map((id) => (computer.failures.has(id) ? undefined : targets.get(id)));
  if (order.form === "columns")
    return { number: order.number, columns: made.map((one) => one && pieceOf(one)), chunks: [], failures };
  const types = new Map(work.nodes.map(({ id, output }) => [id, output]));
  const chunks = made.map((one, place) => {
    const encode = types.get(work.kept[place] ?? "") === "Boolean" ? booleansChunk : doublesChunk;
    return one && encode(one.values, one.valid);
  });
  return { number: order.number, columns: [], chunks, failures };
}

/** One piece of memory for all: systems are slow to hand out many. */
function freshTargets(ids: readonly string[], rows: number) {
  const room = new ArrayBuffer(ids.length * rows * 8);
  return new Map(
    ids.map((id, place) => [
      id,
      { values: new Float64Array(room, place * rows * 8, rows), valid: new Uint8Array(rows) },
    ]),
  );
}

export function pieceOf({ values, valid }: { values: Float64Array<ArrayBuffer>; valid: Uint8Array }): Piece {
  const { bits, zeros } = packMarks(valid);
  return zeros === 0 ? { values, nulls: 0 } : { values, bits, nulls: zeros };
}

/** The memory that an answer takes with it to another thread. */
export function buffersOf({ columns, chunks }: Answer): readonly ArrayBuffer[] {
  const ofColumns = columns.flatMap((piece) => (piece === undefined ? [] : [piece.values, piece.bits ?? piece.values]));
  const ofChunks = chunks.flatMap((chunk) => chunk?.parts ?? []);
  return [...new Set([...ofColumns, ...ofChunks].map(({ buffer }) => buffer))];
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
  /** The memory of `moved` is the lane's from here on. */
  compute(order: Omit<Order, "number">, moved?: readonly ArrayBuffer[]): Promise<Answer>;
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

  compute(order: Omit<Order, "number">, moved: readonly ArrayBuffer[] = []): Promise<Answer> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const number = this.#orders++;
    this.waiting += order.rows;
    return new Promise((done, failed) => {
      this.#pending.set(number, { rows: order.rows, done, failed });
      this.#worker.postMessage({ ...order, number } satisfies Order, [...moved]);
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
