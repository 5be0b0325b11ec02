/** A small order for a worker: what to do (`kind`, `body`: plain data, integers as bigint) and where to put the result. */
export interface TaskDocument {
  readonly kind: string;
  readonly body: unknown;
  readonly staging: string;
}

/** Runs tasks somewhere; data never passes through it, only documents and small answers. */
export interface TaskExecutor {
  /** How many tasks it runs at a time. */
  readonly workers: number;
  /**
   * The handler's answer. Rejects with the handler's DaedalusError, with `WorkerLost` if the worker died, with `Interrupted`
   * after the signal.
   */
  run(task: TaskDocument, signal: AbortSignal): Promise<unknown>;
  /** Ends the workers; tasks that run are interrupted. */
  close(): Promise<void>;
}

/** What a worker does with tasks of one kind; it may keep things between tasks (a database, open sources). */
export interface TaskHandler {
  run(body: unknown, staging: string): Promise<unknown>;
  /** Stops the running task; its promise rejects. */
  interrupt(): void;
  close(): void | Promise<void>;
}

/** Kind → a new handler; called once in each worker, when the first task of the kind arrives. */
export type TaskRegistry = Readonly<Record<string, () => TaskHandler>>;
