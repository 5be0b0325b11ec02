/** Where tasks run: processes of this machine, or a Ray cluster; what they write is the same. */
export const EXECUTORS = ["local", "ray"] as const;
export type ExecutorName = (typeof EXECUTORS)[number];

/** A small order for a worker: what to do and where to put the results; plain data, integers as bigint. */
export interface TaskDocument {
  readonly kind: string;
  readonly body: unknown;
  /** Tasks of one lane follow each other: the worker that did the last one has what the next can use. */
  readonly lane?: number;
  /** A file to which whoever works on the task appends when it began and how it ended. */
  readonly log?: string;
}

/** Runs tasks somewhere; data never passes through it, only documents and small answers. */
export interface TaskExecutor {
  /** How many tasks it runs at a time. */
  readonly workers: number;
  /** Resolves when tasks can be run. Throws DaedalusError if they cannot be, `Interrupted` after the signal. */
  ready(signal?: AbortSignal): Promise<void>;
  /**
   * The handler's answer; what it reports before arrives at `onReport`, in order. Rejects with the handler's DaedalusError,
   * with `WorkerLost` if the worker died or was ended for taking too long, with `Interrupted` after the signal.
   */
  run(task: TaskDocument, signal: AbortSignal, onReport?: (report: unknown) => void): Promise<unknown>;
  /**
   * Runs tasks that are all known, in no promised order, and tells of each when it is over; one whose worker is lost is run
   * again, so doing it twice must do no harm. What workers load for them is loaded once a host. Rejects with `Interrupted` after
   * the signal; else only with what `settle` throws.
   */
  runAll(
    tasks: readonly TaskDocument[],
    signal: AbortSignal,
    settle: (place: number, outcome: TaskOutcome) => Promise<void>,
  ): Promise<void>;
  /** Ends the workers; tasks that run are interrupted. */
  close(): Promise<void>;
}

export type TaskOutcome = { readonly answer: unknown } | { readonly error: unknown };

/** What holds for every task of an executor. */
export interface TaskLimits {
  /** Seconds after which a task that has not ended counts as lost; default: none. */
  readonly timeoutSeconds?: number;
  /** How often `runAll` tries a task whose workers are lost, at least 1. */
  readonly attempts: number;
}

/** What a worker does with tasks of one kind; it may keep things between tasks (a database, open sources). */
export interface TaskHandler {
  /** `report` tells of a part that is done while the rest is worked on. */
  run(body: unknown, report: (value: unknown) => void): Promise<unknown>;
  /** Stops the running task; its promise rejects. */
  interrupt(): void;
  close(): void | Promise<void>;
}

/** Kind → a new handler; called once in each worker, when the first task of the kind arrives. */
export type TaskRegistry = Readonly<Record<string, () => TaskHandler>>;
