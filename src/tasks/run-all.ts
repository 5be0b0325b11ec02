import { Interrupted, WorkerLost } from "../runs/failure.js";
import type { TaskDocument, TaskExecutor, TaskOutcome } from "./task.js";

/** `TaskExecutor.runAll` by `run`: in order, as many at a time as there are workers. */
export async function runEach(
  { run, workers }: Pick<TaskExecutor, "run" | "workers">,
  attempts: number,
  tasks: readonly TaskDocument[],
  signal: AbortSignal,
  settle: (place: number, outcome: TaskOutcome) => Promise<void>,
): Promise<void> {
  const settler = inTurn(settle);
  const places = tasks.keys();
  async function work(): Promise<void> {
    for (const place of places) {
      const task = tasks[place];
      if (task === undefined || signal.aborted || settler.failed.aborted) return;
      await settler.settle(place, await outcomeOf(task));
    }
  }
  async function outcomeOf(task: TaskDocument): Promise<TaskOutcome> {
    for (let attempt = 1; ; attempt++) {
      try {
        return { answer: await run(task, signal) };
      } catch (error) {
        if (signal.aborted) throw new Interrupted();
        if (!(error instanceof WorkerLost)) return { error };
        if (attempt >= attempts) return { error: new WorkerLost(error.message, attempt) };
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, work));
  if (signal.aborted) throw new Interrupted();
}

export interface SettledInTurn {
  readonly failed: AbortSignal;
  settle(place: number, outcome: TaskOutcome): Promise<void>;
}

/** Settles outcomes one after the other; `failed` is aborted when one could not be, and every later one is refused alike. */
export function inTurn(settle: (place: number, outcome: TaskOutcome) => Promise<void>): SettledInTurn {
  const failed = new AbortController();
  let last = Promise.resolve();
  return {
    failed: failed.signal,
    settle(place: number, outcome: TaskOutcome): Promise<void> {
      last = last.then(() => settle(place, outcome));
      last.catch(() => failed.abort());
      return last;
    },
  };
}
