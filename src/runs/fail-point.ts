let seen = 0;

/**
 * A named instant at which tests end the process as if by a power cut: `DAEDALUS_FAIL_POINT=<name>` ends it with SIGKILL at
 * the first passage, `<name>:<n>` at the n-th. Without the variable it does nothing.
 */
export function failPoint(name: string): void {
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
