import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { ArenaFull } from "../columnar/arena.js";
import type { ColumnBuffers } from "../columnar/arrow-answers.js";
import { SharedArena, sharedMemory } from "../columnar/shared-arena.js";
import type { Answer, Failure, Order } from "./crew-worker.js";
import { type Kernels, kernelsOf } from "./kernels.js";
import { ListsTooLong, NotSorted, openProbes, type Piece, type Probing } from "./table-probes.js";
import { SumOutside } from "./window-columns.js";

/** Pieces that a thread has been given ahead: while it answers one, the next is there. */
const AHEAD = 2;

/** A thread that failed; not the caller's fault. */
export class CrewFailure extends Error {
  override readonly name = "CrewFailure";
}

/**
 * Threads over one shared memory: the calling thread, which lays the pieces there, and workers. They live on between calls,
 * and their memory with them, so that a second call finds both warm; idle ones let the program end.
 */
export class Crew {
  readonly memory = sharedMemory();
  readonly kernels: Kernels = kernelsOf({ memory: this.memory });
  readonly #rooms: SharedArena[] = [];
  readonly #scratch = new SharedArena(this.memory);
  readonly #stage = new SharedArena(this.memory);
  readonly #members: Member[] = [];

  /** The room of the calling thread for its n-th index; each begins anew. */
  room(n: number): SharedArena {
    while (this.#rooms.length <= n) this.#rooms.push(new SharedArena(this.memory));
    return this.#rooms[n] as SharedArena;
  }

  /** Sees to it that there are so many threads, the calling one included; new ones begin meanwhile. */
  reserve(threads: number): void {
    while (this.#members.length < threads - 1) this.#members.push(new Member(this.memory));
  }

  /**
   * The answers to pieces 0 … count − 1, in their order. `lay` puts a piece into the room. Of several failures the one of
   * the first piece is thrown: the same for any number of threads.
   */
  async answer(
    probing: Probing,
    threads: number,
    count: number,
    lay: (piece: number, room: SharedArena) => Piece,
  ): Promise<readonly (readonly ColumnBuffers[])[]> {
    const answers: (readonly ColumnBuffers[])[] = [];
    const failures = new Map<number, Failure>();
    const members = this.#members.slice(0, threads - 1);
    const probes = openProbes(this.#scratch, this.kernels, probing);
    let next = 0;
    const more = (): boolean => next < count && failures.size === 0;
    const settle = (piece: number, answer: Answer): void => {
      if (answer.failure === undefined) answers[piece] = answer.columns;
      else failures.set(piece, answer.failure);
    };
    const given = new Set<Promise<void>>();
    const feed = (member: Member): void => {
      while (more() && member.isReady && member.given < AHEAD) {
        const piece = next++;
        const answered = member
          .give((room) => lay(piece, room))
          .then(
            (answer) => settle(piece, answer),
            (error: Error) => settle(piece, { columns: [], failure: { kind: "lost", message: error.message } }),
          );
        const done = answered.then(() => {
          given.delete(done);
          feed(member);
        });
        given.add(done);
      }
    };
    try {
      for (const member of members) member.begin(probing);
      while (more()) {
        for (const member of members) feed(member);
        if (more()) {
          const piece = next++;
          this.#stage.release();
          settle(
            piece,
            attempt(() => probes.answer(lay(piece, this.#stage))),
          );
        }
        if (members.length > 0 || next % YIELD === 0) await setImmediate();
      }
      while (given.size > 0) await Promise.all(given);
    } finally {
      for (const member of members) member.end();
    }
    const [first] = [...failures].sort(([a], [b]) => a - b);
    if (first !== undefined) throw errorOf(first[1]);
    return answers;
  }

  close(): void {
    for (const member of this.#members) member.close();
  }
}

/** Pieces after which the calling thread lets others in the program have a turn. */
const YIELD = 4;

export function attempt(answer: () => readonly ColumnBuffers[]): Answer {
  try {
    return { columns: answer() };
  } catch (error) {
    if (error instanceof SumOutside) return { columns: [], failure: { kind: "sum-outside", output: error.output } };
    if (error instanceof ArenaFull) return { columns: [], failure: { kind: "full" } };
    if (error instanceof NotSorted) return { columns: [], failure: { kind: "not-sorted" } };
    if (error instanceof ListsTooLong) return { columns: [], failure: { kind: "lists-too-long" } };
    return { columns: [], failure: { kind: "lost", message: error instanceof Error ? error.message : String(error) } };
  }
}

function errorOf(failure: Failure): Error {
  switch (failure.kind) {
    case "sum-outside":
      return new SumOutside(failure.output);
    case "full":
      return new ArenaFull(0);
    case "not-sorted":
      return new NotSorted();
    case "lists-too-long":
      return new ListsTooLong();
    case "lost":
      return new CrewFailure(failure.message);
  }
}

/** A worker with its pieces. */
class Member {
  readonly #worker: Worker;
  readonly #rooms: SharedArena[];
  readonly #free: SharedArena[];
  readonly #waiting: {
    readonly room: SharedArena;
    readonly settle: (answer: Answer) => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  #lost: Error | undefined;
  isReady = false;

  constructor(memory: WebAssembly.Memory) {
    this.#worker = new Worker(new URL("./crew-worker.js", import.meta.url), { workerData: memory });
    this.#worker.unref();
    this.#rooms = Array.from({ length: AHEAD }, () => new SharedArena(memory));
    this.#free = [...this.#rooms];
    this.#worker.on("message", (answer: Answer | "ready") => {
      if (answer === "ready") this.isReady = true;
      else this.#settle(answer);
    });
    this.#worker.on("error", (error) => this.#lose(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", () => this.#lose(new Error("a worker ended")));
  }

  get given(): number {
    return this.#waiting.length;
  }

  begin(probing: Probing): void {
    this.#worker.ref();
    this.#post({ kind: "probing", probing });
  }

  async give(lay: (room: SharedArena) => Piece): Promise<Answer> {
    if (this.#lost !== undefined) throw this.#lost;
    const room = this.#free.pop();
    if (room === undefined) throw new RangeError("a worker was given too many pieces");
    room.release();
    const piece = lay(room);
    return new Promise((settle, fail) => {
      this.#waiting.push({ room, settle, fail });
      this.#post({ kind: "piece", piece });
    });
  }

  end(): void {
    this.#worker.unref();
  }

  close(): void {
    void this.#worker.terminate();
  }

  #post(order: Order): void {
    this.#worker.postMessage(order);
  }

  #settle(answer: Answer): void {
    const first = this.#waiting.shift();
    if (first === undefined) return;
    this.#free.push(first.room);
    first.settle(answer);
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.isReady = false;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }
}
