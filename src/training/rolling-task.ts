import { DaedalusError } from "../errors/problem.js";
import { runProblem } from "../errors/run.js";
import { failPoint } from "../runs/fail-point.js";
import { WorkerLost } from "../runs/failure.js";
import type { TaskDocument, TaskExecutor, TaskHandler } from "../tasks/task.js";
import type { RollingPart, RollingWorkers } from "./day.js";

/** The kind of the task document of a part of a rolling aggregate of the tag `pythonic`. */
export const ROLLING_TASK = "training/rolling";

/** Answers parts: `run` writes the answers of one. */
export interface RollingAnswerer {
  run(part: RollingPart): Promise<void>;
  interrupt(): void;
  close(): void;
}

export function rollingTaskHandler(answerer: RollingAnswerer): TaskHandler {
  return {
    async run(body) {
      await answerer.run(body as RollingPart);
      failPoint("rolling/answered");
    },
    interrupt: () => answerer.interrupt(),
    close: () => answerer.close(),
  };
}

/**
 * Runs parts as tasks. The executor is started for the first of them: whoever has no such aggregate starts no workers. It runs
 * beside whoever has the rows: they lie on that machine's disk.
 */
export function rollingWorkers(count: number, start: (workers: number) => TaskExecutor): RollingWorkers {
  let executor: TaskExecutor | undefined;
  let running = new AbortController();
  return {
    count,
    async run(parts, log) {
      executor ??= start(count);
      running = new AbortController();
      const tasks = parts.map(
        (body): TaskDocument => ({ kind: ROLLING_TASK, body, ...(log === undefined ? {} : { log }) }),
      );
      const failures = new Map<number, unknown>();
      await executor.runAll(tasks, running.signal, async (place, outcome) => {
        if ("error" in outcome) failures.set(place, outcome.error);
      });
      const [first] = [...failures].sort(([a], [b]) => a - b);
      if (first === undefined) return;
      const [, error] = first;
      if (!(error instanceof WorkerLost)) throw error;
      throw new DaedalusError([runProblem("worker-lost", { how: error.message, attempts: error.attempts })], 1);
    },
    interrupt: () => running.abort(),
    close: () => void executor?.close(),
  };
}
