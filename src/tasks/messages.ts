import type { ExitCode, Problem } from "../errors/problem.js";

/** To a worker. `task`, `report`, `answer`: exact JSON. */
export type Order =
  | { readonly type: "run"; readonly task: string }
  | { readonly type: "interrupt" }
  | { readonly type: "stop" };

/** From a worker. */
export type Answer =
  /** Of a task that goes on. */
  | { readonly type: "report"; readonly report: string }
  | { readonly type: "done"; readonly answer: string }
  | { readonly type: "refused"; readonly problems: readonly Problem[]; readonly exitCode: ExitCode }
  | { readonly type: "failed"; readonly message: string; readonly stack?: string; readonly code?: string };
