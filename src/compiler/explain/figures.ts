import type { OperatorFigures } from "./analysis.js";

/** `1,234,567` */
export function rowsText(rows: number): string {
  return rows.toLocaleString("en-US");
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `512 B`, `1.2 MB`: powers of 1000, three digits at most. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : String(Math.round(value))} ${UNITS[unit]}`;
}

/** `0.4 ms`, `12 ms`, `3.4 s` */
export function secondsText(seconds: number): string {
  const millis = seconds * 1000;
  if (seconds === 0) return "0 ms";
  if (millis < 9.95) return `${Math.max(0.1, millis).toFixed(1)} ms`;
  return millis < 999.5 ? `${Math.round(millis)} ms` : `${seconds.toFixed(seconds < 99.5 ? 1 : 0)} s`;
}

/** Rows out, and what was dropped: `2,629 rows, 228 dropped`. */
export function rowsOut({ rows, dropped }: OperatorFigures): string {
  const out = `${rowsText(rows)} ${rows === 1 ? "row" : "rows"}`;
  return dropped === undefined ? out : `${out}, ${rowsText(dropped)} dropped`;
}

/** Bytes made; of a scan `read`, since they are the files'. */
export function bytesMade({ bytes, files }: OperatorFigures): string {
  if (bytes === undefined) return "";
  return files === undefined ? bytesText(bytes) : `${bytesText(bytes)} read`;
}

/** Time of its own statements; an operator without any says where its time is counted. */
export function timeTaken({ seconds, countedIn }: OperatorFigures): string {
  if (countedIn.length === 0) return secondsText(seconds);
  return seconds === 0 ? `in ${countedIn.join(", ")}` : `${secondsText(seconds)} + in ${countedIn.join(", ")}`;
}
