import { appendFileSync } from "node:fs";
import { hostname } from "node:os";
import type { FinalAnswer } from "./messages.js";
import type { TaskDocument } from "./task.js";

/** Whoever starts workers elsewhere says in this variable where: `ray node 1f3c…`. */
export const WORKPLACE = "DAEDALUS_WORKPLACE";

/** Writes that a task begins, and returns what writes how it ended. A log that cannot be written stops no work. */
export function logTask({ kind, log }: TaskDocument): (answer: FinalAnswer) => void {
  const since = performance.now();
  const place = process.env[WORKPLACE];
  append(log, `${kind} begun by process ${process.pid} on ${hostname()}${place === undefined ? "" : `, ${place}`}`);
  return (answer) => {
    const seconds = ((performance.now() - since) / 1000).toFixed(3);
    append(log, `${answer.type} after ${seconds} s by process ${process.pid}${reason(answer)}`);
  };
}

/** Writes that nobody will tell any more how a task ended. */
export function logLost(log: string | undefined, how: string): void {
  append(log, `lost: ${how}`);
}

function append(log: string | undefined, line: string): void {
  if (log === undefined) return;
  try {
    appendFileSync(log, `${new Date().toISOString()} ${line}\n`);
  } catch {
    // The disk may be full; the task will tell.
  }
}

function reason(answer: FinalAnswer): string {
  if (answer.type === "done") return "";
  if (answer.type === "refused") return `: ${answer.problems.map(({ code, says }) => `${code}: ${says}`).join("; ")}`;
  return `: ${answer.stack ?? answer.message}`;
}
