import { Interrupted } from "../runs/failure.js";
import { runEach } from "./run-all.js";
import type { TaskExecutor, TaskHandler } from "./task.js";

/** Runs tasks in this process, one at a time: for work so small that a process of its own would cost more than it. */
export function hereExecutor(handler: TaskHandler): TaskExecutor {
  const executor: TaskExecutor = {
    workers: 1,
    ready: async () => undefined,
    runAll: (tasks, signal, settle) => runEach(executor, 1, tasks, signal, settle),
    async run(task, signal, onReport = () => undefined) {
      if (signal.aborted) throw new Interrupted();
      const interrupt = () => handler.interrupt();
      signal.addEventListener("abort", interrupt);
      try {
        return await handler.run(task.body, onReport);
      } catch (error) {
        if (signal.aborted) throw new Interrupted();
        throw error;
      } finally {
        signal.removeEventListener("abort", interrupt);
      }
    },
    async close() {
      handler.close();
    },
  };
  return executor;
}
