import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Interrupted, WorkerLost } from "../runs/failure.js";
import { resultOf } from "./answers.js";
import { decode, encode } from "./exact-json.js";
import { onMessages } from "./message-stream.js";
import type { Answer, FinalAnswer, Order } from "./messages.js";
import { runEach } from "./run-all.js";
import type { TaskDocument, TaskExecutor, TaskLimits } from "./task.js";
import { logLost } from "./task-log.js";

export interface LocalExecutorOptions extends Partial<TaskLimits> {
  /** Processes at a time, at least 1. */
  readonly workers: number;
  /** A module that calls `serveTasks`. */
  readonly entry: URL;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Milliseconds, some 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

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

  const executor: TaskExecutor = {
    workers: options.workers,
    ready: async () => undefined,
    runAll: (tasks, signal, settle) => runEach(executor, options.attempts ?? 1, tasks, signal, settle),
    async run(task, signal, onReport) {
      if (signal.aborted) throw new Interrupted();
      const worker = await take(task.lane);
      worker.lane = task.lane;
      try {
        return await worker.run(task, signal, onReport);
      } catch (error) {
        if (error instanceof WorkerLost) logLost(task.log, `${error.message}, process ${worker.pid}`);
        throw error;
      } finally {
        giveBack(worker);
      }
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.stop()));
    },
  };
  return executor;
}

class Worker {
  readonly #process: ChildProcess;
  readonly #orders: Writable;
  readonly #timeoutSeconds: number | undefined;
  readonly ended: Promise<string>;
  readonly pid: number | undefined;
  alive = true;
  /** Of its last task. */
  lane: number | undefined;
  #onAnswer: ((answer: Answer) => void) | undefined;

  constructor({ entry, environment, timeoutSeconds }: LocalExecutorOptions) {
    this.#timeoutSeconds = timeoutSeconds;
    // What a worker prints goes to stderr: stdout is the command's answer.
    this.#process = spawn(process.execPath, [fileURLToPath(entry), "3"], {
      stdio: ["pipe", 2, 2, "pipe"],
      ...(environment === undefined ? {} : { env: environment }),
    });
    const { stdin: orders, stdio, pid } = this.#process;
    this.pid = pid;
    if (orders === null) throw new RangeError("the worker has no stdin");
    this.#orders = orders;
    // A process that has just died is told by its end, not by the failing order.
    this.#orders.on("error", () => undefined);
    onMessages<Answer>(stdio[3] as Readable, (answer) => this.#onAnswer?.(answer));
    this.ended = new Promise((resolve) => {
      this.#process.on("error", (error) => {
        this.alive = false;
        resolve(error.message);
      });
      this.#process.on("exit", () => {
        this.alive = false;
      });
      // Not before all that it has said was heard.
      this.#process.on("close", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
  }

  async run(task: TaskDocument, signal: AbortSignal, onReport?: (report: unknown) => void): Promise<unknown> {
    if (signal.aborted) throw new Interrupted();
    const timers: NodeJS.Timeout[] = [];
    const kill = () => this.#process.kill("SIGKILL");
    const interrupt = () => {
      this.#send({ type: "interrupt" });
      timers.push(setTimeout(kill, GRACE_MILLIS));
    };
    signal.addEventListener("abort", interrupt);
    let late: string | undefined;
    const limit = this.#timeoutSeconds;
    // A longer timer would go off at once.
    if (limit !== undefined && limit * 1000 <= LONGEST_TIMER)
      timers.push(
        setTimeout(() => {
          late = `ended, since it took longer than ${limit} s`;
          kill();
        }, limit * 1000),
      );
    try {
      const answered = new Promise<FinalAnswer>((resolve) => {
        this.#onAnswer = (answer) => {
          if (answer.type !== "report") resolve(answer);
          else if (!signal.aborted) onReport?.(decode(answer.report));
        };
      });
      this.#send({ type: "run", task: encode(task) });
      const answer = await Promise.race([answered, this.ended]);
      if (signal.aborted) throw new Interrupted();
      if (typeof answer === "string") throw new WorkerLost(late ?? answer);
      return resultOf(answer);
    } finally {
      this.#onAnswer = undefined;
      for (const timer of timers) clearTimeout(timer);
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
    if (this.alive) this.#orders.write(`${JSON.stringify(order)}\n`);
  }
}
