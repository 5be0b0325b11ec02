import type { ExitCode, Problem } from "../errors/problem.js";

/*
 * What goes between a worker and whoever started it, one JSON document a line: orders into the worker's stdin, answers out of the
 * descriptor that its first argument names (stdout and stderr are for what libraries print).
 */

/** To a worker. `task`, `report`, `answer`: exact JSON. */
export type Order =
  | { readonly type: "run"; readonly task: string }
  | { readonly type: "interrupt" }
  | { readonly type: "stop" };

/** From a worker. */
export type Answer =
  /** Of a task that goes on. */
  { readonly type: "report"; readonly report: string } | FinalAnswer;

/** The last one of a task. */
export type FinalAnswer =
  | { readonly type: "done"; readonly answer: string }
  | { readonly type: "refused"; readonly problems: readonly Problem[]; readonly exitCode: ExitCode }
  | { readonly type: "failed"; readonly message: string; readonly stack?: string; readonly code?: string };
