import type { Duration, Instant, TimeUnit } from "../columnar/instants.js";
import { durationMicros } from "../columnar/instants.js";

/** Instants here are exact nanoseconds since 1970, UTC, as `bigint`, whatever the resolution of their column. */
export type Nanos = bigint;

export const NANOS_PER_DAY = 86_400_000_000_000n;

/** Ticks of a column of instants. */
export function nanosOf(ticks: bigint, { resolution }: Pick<Instant, "resolution">): Nanos {
  return resolution === "ns" ? ticks : ticks * 1_000n;
}

export function durationNanos(duration: Duration): Nanos {
  return durationMicros(duration) * 1_000n;
}

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

/** Days since 1970 of the UTC day that holds the instant. */
export function dayNumber(nanos: Nanos): bigint {
  return floorDivide(nanos, NANOS_PER_DAY);
}

/** What a calendar of the ECMAScript standard can tell, in days from 1970. */
const LAST_DAY = 100_000_000n;

/** `YYYY-MM-DD`; beyond the calendar the number of days. */
export function isoDate(days: bigint): string {
  if (days > LAST_DAY || days < -LAST_DAY) return `day ${days}`;
  return new Date(Number(days) * 86_400_000).toISOString().replace(/T.*$/, "");
}

/** ISO 8601 with Z and as many digits of a second as it takes: none, 3, 6 or 9. */
export function isoInstant(nanos: Nanos): string {
  const days = dayNumber(nanos);
  const rest = nanos - days * NANOS_PER_DAY;
  const seconds = rest / 1_000_000_000n;
  const two = (value: bigint) => String(value).padStart(2, "0");
  const digits = String(rest % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/(000)*$/, "");
  const fraction = digits === "" ? "" : `.${digits}`;
  return `${isoDate(days)}T${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction}Z`;
}

const UNIT_NANOS: Readonly<Partial<Record<TimeUnit, bigint>>> = {
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  ns: 1n,
};

/** Nanoseconds of one tick of an integer time column; undefined of TIMESTAMP and DATE columns. */
export function unitNanos(unit: TimeUnit): bigint | undefined {
  return UNIT_NANOS[unit];
}
