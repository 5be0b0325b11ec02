import { DaedalusError, type Problem } from "../errors/problem.js";
import { isOutOfMemory, runProblem } from "../errors/run.js";

/** The process that did the work is gone (killed, out of memory): worth another try. */
export class WorkerLost extends Error {
  override readonly name = "WorkerLost";
  /** How often whoever ran the task has tried it. */
  readonly attempts: number;

  constructor(how: string, attempts = 1) {
    super(how);
    this.attempts = attempts;
  }
}

/** The work was stopped on request; neither done nor failed. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor() {
    super("interrupted");
  }
}

const DISK_FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const UNWRITABLE = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
  "EISDIR",
  "ENOENT",
  "ENAMETOOLONG",
  "ELOOP",
]);
/** What DuckDB says of the same; it has no codes. */
const DISK_FULL_TEXT =
  /no space left on device|disk quota exceeded|file too large|could not write all bytes|failed to offload data block/i;

/** What went wrong, as the catalogue tells it. `path`: what was being written. */
export function problemsOf(error: unknown, path: string): readonly Problem[] {
  if (error instanceof DaedalusError) return error.problems;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const cause = message.split("\n")[0] ?? message;
  if (isOutOfMemory(error)) return [runProblem("out-of-memory", { cause })];
  if (DISK_FULL.has(code) || DISK_FULL_TEXT.test(message)) return [runProblem("disk-full", { path, cause })];
  if (UNWRITABLE.has(code)) return [runProblem("unwritable", { path, cause })];
  const trace = process.env["DAEDALUS_DEBUG"] ? `\n${error instanceof Error ? error.stack : ""}` : "";
  return [runProblem("unexpected", { message: cause + trace })];
}
