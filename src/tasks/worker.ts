import { writeSync } from "node:fs";
import { DaedalusError } from "../errors/problem.js";
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

  // Ctrl-C reaches the whole group of processes; the parent decides what it means.
  process.on("SIGINT", () => undefined);
  onMessages<Order>(process.stdin, obey);
  process.stdin.on("close", () => process.kill(process.pid, "SIGKILL"));

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
    process.exit(0);
  }

  function send(answer: Answer): void {
    const bytes = Buffer.from(`${JSON.stringify(answer)}\n`);
    for (let written = 0; written < bytes.length; ) written += writeSync(answers, bytes, written);
  }
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
