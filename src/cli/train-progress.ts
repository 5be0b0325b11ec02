import { formatProblem } from "../errors/problem.js";
import type { Pace, ProgressEvent } from "../runs/progress.js";
import type { Terminal } from "./terminal.js";

/**
 * What a run tells while it works, on stderr: on a terminal one line that is drawn over (days done, rows a second, time
 * left), elsewhere a line a day.
 */
export function showProgress(terminal: Terminal): (event: ProgressEvent) => void {
  const started = new Map<string, number>();
  /** Problems that were told, and with which unit: days that read one file often fail for one reason. */
  const told = new Map<string, string>();
  let drawn = false;
  const clear = () => {
    if (drawn) terminal.draw("\r\u001b[2K");
    drawn = false;
  };
  const draw = (text: string) => {
    terminal.draw(`\r\u001b[2K${text.slice(0, Math.max(20, (process.stderr.columns ?? 80) - 1))}`);
    drawn = true;
  };
  return (event) => {
    switch (event.type) {
      case "run-started":
        // Another stage may have some; what has none at all is told in the end.
        if (event.units === 0) return;
        if (terminal.interactive) draw(`0 of ${count(event.units, "day")}`);
        else terminal.say(`run ${event.run}: ${count(event.units, "day")} to ${event.stage ?? "do"}`);
        return;
      case "unit-started":
        started.set(event.unit, event.attempt);
        if (event.attempt > 1) {
          clear();
          terminal.say(`${event.unit} again (attempt ${event.attempt})`);
        }
        return;
      case "unit-done":
        if (terminal.interactive) draw(`${paceText(event.pace)}  last ${event.unit}: ${grouped(event.rows)} rows`);
        else
          terminal.say(
            `${event.unit}: ${grouped(event.rows)} rows in ${seconds(event.seconds)}  (${paceText(event.pace)})`,
          );
        return;
      case "unit-failed": {
        clear();
        const text = event.problems.map((problem) => formatProblem(problem)).join("\n");
        const first = told.get(text);
        terminal.say(first === undefined ? `${event.unit} failed:\n${text}` : `${event.unit} failed like ${first}`);
        if (first === undefined) told.set(text, event.unit);
        return;
      }
      case "run-ended":
        clear();
    }
  };
}

function paceText(pace: Pace): string {
  const parts = [`${pace.done} of ${count(pace.total, "day")}`, `${grouped(Math.round(pace.rowsPerSecond))} rows/s`];
  if (pace.failed > 0) parts.push(`${pace.failed} failed`);
  if (pace.secondsLeft !== undefined && pace.done + pace.failed < pace.total)
    parts.push(`${seconds(pace.secondsLeft)} left`);
  return parts.join(", ");
}

/** `1 day`, `7 days`. */
export function count(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Digits in threes: `1,234,567`. */
export function grouped(number: number | bigint): string {
  return number.toLocaleString("en-US");
}

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`. */
export function seconds(duration: number): string {
  if (duration < 10) return `${duration.toFixed(1)} s`;
  const whole = Math.round(duration);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}
