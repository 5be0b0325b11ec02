import { expect, test } from "vitest";
import { Terminal } from "#daedalus/cli/terminal.js";
import { showProgress } from "#daedalus/cli/train-progress.js";

test("what fails like an earlier day is told once", () => {
  const said: string[] = [];
  const terminal = Object.assign(new Terminal(false), { say: (text: string) => void said.push(text) });
  const show = showProgress(terminal);
  const pace = { done: 0, failed: 1, total: 3, rows: 0, seconds: 1, rowsPerSecond: 0 };
  for (const [unit, says] of [
    ["dt=2024-01-01", "no room"],
    ["dt=2024-01-02", "no room"],
    ["dt=2024-01-03", "no file"],
  ] as const)
    show({ type: "unit-failed", unit, problems: [{ code: "run/x", says }], pace });
  expect(said.map((text) => text.split("\n")[0])).toEqual([
    "dt=2024-01-01 failed:",
    "dt=2024-01-02 failed like dt=2024-01-01",
    "dt=2024-01-03 failed:",
  ]);
});
