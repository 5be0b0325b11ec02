import { appendFileSync } from "node:fs";

let seen = 0;

/**
 * A named instant at which tests end the process as if by a power cut: `DAEDALUS_FAIL_POINT=<name>` ends it with SIGKILL at
 * the first passage, `<name>:<n>` at the n-th. `DAEDALUS_FAIL_POINT_LOG=<file>` gets a line `<pid> <name>` for each passage:
 * the last one tells how far a process came that was killed from outside. Without the variables it does nothing.
 */
export function failPoint(name: string): void {
  const log = process.env["DAEDALUS_FAIL_POINT_LOG"];
  if (log !== undefined) appendFileSync(log, `${process.pid} ${name}\n`);
  const wanted = process.env["DAEDALUS_FAIL_POINT"];
  if (wanted === undefined) return;
  const [wantedName, passage = "1"] = wanted.split(":");
  if (wantedName !== name) return;
  seen += 1;
  if (seen < Number(passage)) return;
  process.kill(process.pid, "SIGKILL");
  // The signal is delivered at once, but by the letter it need not be: nothing may run after it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
