/** A small order for a worker: what to do and where to put the results; plain data, integers as bigint. */
export interface TaskDocument {
  readonly kind: string;
  readonly body: unknown;
  /** Tasks of one lane follow each other: the worker that did the last one has what the next can use. */
  readonly lane?: number;
}

/** Runs tasks somewhere; data never passes through it, only documents and small answers. */
export interface TaskExecutor {
  /** How many tasks it runs at a time. */
  readonly workers: number;
  /**
   * The handler's answer; what it reports before arrives at `onReport`, in order. Rejects with the handler's DaedalusError,
   * with `WorkerLost` if the worker died, with `Interrupted` after the signal.
   */
  run(task: TaskDocument, signal: AbortSignal, onReport?: (report: unknown) => void): Promise<unknown>;
  /** Ends the workers; tasks that run are interrupted. */
  close(): Promise<void>;
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
