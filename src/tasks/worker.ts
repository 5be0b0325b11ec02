import { DaedalusError } from "../errors/problem.js";
import { decode, encode } from "./exact-json.js";
import type { Answer, Order } from "./messages.js";
import type { TaskDocument, TaskHandler, TaskRegistry } from "./task.js";

/**
 * Turns this process into a worker of the one that forked it: one task after the other, each by the handler of its kind.
 * When the parent is gone, whatever the reason, the process ends at once: by SIGKILL, since an orderly exit would wait for
 * a running query, and what is staged is nobody's any more.
 */
export function serveTasks(registry: TaskRegistry): void {
  const handlers = new Map<string, TaskHandler>();
  let running: TaskHandler | undefined;

  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  // Ctrl-C reaches the whole group of processes; the parent decides what it means.
  process.on("SIGINT", () => undefined);
  process.on("message", (order: Order) => {
    if (order.type === "run") void run(order.task);
    if (order.type === "interrupt") running?.interrupt();
    if (order.type === "stop") void stop();
  });
  if (!process.connected) process.kill(process.pid, "SIGKILL");

  async function run(text: string): Promise<void> {
    try {
      const { kind, body } = decode(text) as TaskDocument;
      running = handlerOf(kind);
      const report = (value: unknown): void => send({ type: "report", report: encode(value) });
      // Nothing is no JSON.
      const answer = encode((await running.run(body, report)) ?? null);
      send({ type: "done", answer });
    } catch (error) {
      send(failure(error));
    } finally {
      running = undefined;
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
    process.send?.(answer);
  }
}

function failure(error: unknown): Answer {
  if (error instanceof DaedalusError) return { type: "refused", problems: error.problems, exitCode: error.exitCode };
  if (!(error instanceof Error)) return { type: "failed", message: String(error) };
  return {
    type: "failed",
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...("code" in error ? { code: String(error.code) } : {}),
  };
}
