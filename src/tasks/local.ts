import { type ChildProcess, fork } from "node:child_process";
import { DaedalusError } from "../errors/problem.js";
import { Interrupted, WorkerLost } from "../runs/failure.js";
import { decode, encode } from "./exact-json.js";
import type { Answer, Order } from "./messages.js";
import type { TaskDocument, TaskExecutor } from "./task.js";

export interface LocalExecutorOptions {
  /** Processes at a time, at least 1. */
  readonly workers: number;
  /** A module that calls `serveTasks`. */
  readonly entry: URL;
  readonly environment?: NodeJS.ProcessEnv;
}

/** How long an interrupted task may take to end before its process is killed. */
const GRACE_MILLIS = 5_000;

/**
 * Worker processes of this machine. They start with their first task and live until `close`; one that dies takes only its
 * task with it (`WorkerLost`) and is replaced for the next.
 */
export function localExecutor(options: LocalExecutorOptions): TaskExecutor {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: ((worker: Worker) => void)[] = [];

  function take(lane: number | undefined): Promise<Worker> {
    for (const worker of [...idle]) if (!worker.alive) idle.splice(idle.indexOf(worker), 1);
    const last = idle.find((worker) => lane !== undefined && worker.lane === lane) ?? idle.at(-1);
    if (last !== undefined) {
      idle.splice(idle.indexOf(last), 1);
      return Promise.resolve(last);
    }
    if (all.size < options.workers) return Promise.resolve(start());
    return new Promise((resolve) => waiting.push(resolve));
  }

  function start(): Worker {
    const worker = new Worker(options);
    all.add(worker);
    worker.ended.then(() => all.delete(worker));
    return worker;
  }

  function giveBack(worker: Worker): void {
    const next = waiting.shift();
    if (next !== undefined) next(worker.alive ? worker : start());
    else if (worker.alive) idle.push(worker);
  }

  return {
    workers: options.workers,
    async run(task, signal, onReport) {
      if (signal.aborted) throw new Interrupted();
      const worker = await take(task.lane);
      worker.lane = task.lane;
      try {
        return await worker.run(task, signal, onReport);
      } finally {
        giveBack(worker);
      }
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.stop()));
    },
  };
}

class Worker {
  readonly #process: ChildProcess;
  readonly ended: Promise<string>;
  alive = true;
  /** Of its last task. */
  lane: number | undefined;
  #onAnswer: ((answer: Answer) => void) | undefined;

  constructor({ entry, environment }: LocalExecutorOptions) {
    // What a worker prints goes to stderr: stdout is the command's answer.
    this.#process = fork(entry, [], {
      execArgv: [],
      stdio: ["ignore", 2, 2, "ipc"],
      ...(environment === undefined ? {} : { env: environment }),
    });
    this.#process.on("message", (answer: Answer) => this.#onAnswer?.(answer));
    this.ended = new Promise((resolve) => {
      this.#process.on("error", (error) => {
        this.alive = false;
        resolve(error.message);
      });
      this.#process.on("exit", (code, signal) => {
        this.alive = false;
        resolve(signal === null ? `exit code ${code}` : `signal ${signal}`);
      });
    });
  }

  async run(task: TaskDocument, signal: AbortSignal, onReport?: (report: unknown) => void): Promise<unknown> {
    if (signal.aborted) throw new Interrupted();
    let timer: NodeJS.Timeout | undefined;
    const interrupt = () => {
      this.#send({ type: "interrupt" });
      timer = setTimeout(() => this.#process.kill("SIGKILL"), GRACE_MILLIS);
    };
    signal.addEventListener("abort", interrupt);
    try {
      const answered = new Promise<Answer>((resolve) => {
        this.#onAnswer = (answer) => {
          if (answer.type !== "report") resolve(answer);
          else if (!signal.aborted) onReport?.(decode(answer.report));
        };
      });
      this.#send({ type: "run", task: encode(task) });
      const answer = await Promise.race([answered, this.ended]);
      if (signal.aborted) throw new Interrupted();
      if (typeof answer === "string") throw new WorkerLost(answer);
      return result(answer);
    } finally {
      this.#onAnswer = undefined;
      clearTimeout(timer);
      signal.removeEventListener("abort", interrupt);
    }
  }

  async stop(): Promise<void> {
    if (!this.alive) return;
    this.#send({ type: "interrupt" });
    this.#send({ type: "stop" });
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), GRACE_MILLIS);
    await this.ended;
    clearTimeout(timer);
  }

  #send(order: Order): void {
    // A process that has just died is told by its exit, not by the failing message.
    if (this.#process.connected) this.#process.send(order, () => undefined);
  }
}

function result(answer: Answer): unknown {
  if (answer.type === "report") throw new RangeError("a report is no answer");
  if (answer.type === "done") return decode(answer.answer);
  if (answer.type === "refused") throw new DaedalusError(answer.problems, answer.exitCode);
  const error = new Error(answer.message);
  if (answer.stack !== undefined) error.stack = answer.stack;
  throw Object.assign(error, answer.code === undefined ? {} : { code: answer.code });
}
