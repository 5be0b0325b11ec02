import { writeSync } from "node:fs";
import { DaedalusError } from "../errors/problem.js";
import { runProblem } from "../errors/run.js";
import { decode, encode } from "./exact-json.js";
import { onMessages } from "./message-stream.js";
import type { Answer, FinalAnswer, Order } from "./messages.js";
import type { TaskDocument, TaskHandler, TaskRegistry } from "./task.js";
import { logTask } from "./task-log.js";

/**
 * Turns this process into a worker of the one that started it: one task after the other, each by the handler of its kind.
 * When nobody gives orders any more, whatever the reason, the process ends at once: by SIGKILL, since an orderly exit would wait
 * for a running query, and what is staged is nobody's any more.
 */
export function serveTasks(registry: TaskRegistry): void {
  const answers = Number(process.argv[2]);
  if (!Number.isInteger(answers)) throw new RangeError("a worker is told by its first argument where its answers go");
  const handlers = new Map<string, TaskHandler>();
  let running: TaskHandler | undefined;
  let stopping = false;

  // Ctrl-C reaches the whole group of processes; the parent decides what it means.
  process.on("SIGINT", () => undefined);
  onMessages<Order>(process.stdin, obey);
  process.stdin.on("close", die);
  // What a user's function has left behind, or its `process.exit`.
  process.on("uncaughtException", (error) => lose(wordsOf(error)));
  process.on("exit", (code) => {
    if (!stopping) lose(`process.exit(${code})`);
  });

  function obey(order: Order): void {
    if (order.type === "run") void run(order.task);
    if (order.type === "interrupt") running?.interrupt();
    if (order.type === "stop") void stop();
  }

  async function run(text: string): Promise<void> {
    const task = decode(text) as TaskDocument;
    const log = logTask(task);
    const answer = await finalAnswer(task);
    running = undefined;
    log(answer);
    send(answer);
  }

  async function finalAnswer({ kind, body }: TaskDocument): Promise<FinalAnswer> {
    try {
      running = handlerOf(kind);
      const report = (value: unknown): void => send({ type: "report", report: encode(value) });
      // Nothing is no JSON.
      return { type: "done", answer: encode((await running.run(body, report)) ?? null) };
    } catch (error) {
      return failure(error);
    }
  }

  function handlerOf(kind: string): TaskHandler {
    const known = handlers.get(kind);
    if (known !== undefined) return known;
    const make = registry[kind];
    if (make === undefined) throw new Error(`no handler for tasks of kind ${kind}`);
    const handler = make();
    handlers.set(kind, handler);
    return handler;
  }

  async function stop(): Promise<void> {
    for (const handler of handlers.values()) await handler.close();
    stopping = true;
    process.exit(0);
  }

  /** Tells why its task will never end, and is gone. */
  function lose(what: string): void {
    const problem = runProblem("uncaught", { what });
    try {
      if (running === undefined) process.stderr.write(`${problem.says}\n`);
      else send({ type: "refused", problems: [problem], exitCode: 1 });
    } finally {
      // Also where nobody listens any more.
      die();
    }
  }

  function send(answer: Answer): void {
    const bytes = Buffer.from(`${JSON.stringify(answer)}\n`);
    for (let written = 0; written < bytes.length; ) written += writeSync(answers, bytes, written);
  }
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}

/** Without its stack: where a user's functions stand is one long line. */
function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function failure(error: unknown): FinalAnswer {
  if (error instanceof DaedalusError) return { type: "refused", problems: error.problems, exitCode: error.exitCode };
  if (!(error instanceof Error)) return { type: "failed", message: String(error) };
  return {
    type: "failed",
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...("code" in error ? { code: String(error.code) } : {}),
  };
}
