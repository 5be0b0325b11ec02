import {
  type Duration,
  durationMicros,
  type Instant,
  MICROS_PER_DAY,
  type Resolution,
} from "../../columnar/instants.js";

/**
 * The integers in which a set of instants is compared without rounding: microseconds or nanoseconds in 64 bits where all
 * columns have that resolution, nanoseconds in 128 bits where they differ.
 */
export interface Clock {
  readonly ticks: Resolution;
  readonly type: "BIGINT" | "HUGEINT";
}

const MICROS: Clock = { ticks: "us", type: "BIGINT" };
const NANOS: Clock = { ticks: "ns", type: "BIGINT" };
const WIDE: Clock = { ticks: "ns", type: "HUGEINT" };

export function clockOf(...instants: readonly (Instant | undefined)[]): Clock {
  const resolutions = new Set(instants.flatMap((instant) => (instant ? [instant.resolution] : [])));
  if (resolutions.size > 1) return WIDE;
  return resolutions.has("ns") ? NANOS : MICROS;
}

/** An expression that holds ticks of the resolution, on the clock. */
export function onClock(expression: string, resolution: Resolution, clock: Clock): string {
  if (clock.type === "BIGINT") return expression;
  const wide = `CAST(${expression} AS HUGEINT)`;
  return resolution === "us" ? `(${wide} * 1000)` : wide;
}

export function durationTicks(duration: Duration, clock: Clock): bigint {
  return durationMicros(duration) * (clock.ticks === "ns" ? 1000n : 1n);
}

/** Days since the epoch (the floor) of an expression that holds ticks. */
export function dayNumber(expression: string, resolution: Resolution): string {
  const ticks = MICROS_PER_DAY * (resolution === "ns" ? 1000n : 1n);
  return `(${expression} // ${ticks} - CASE WHEN ${expression} % ${ticks} < 0 THEN 1 ELSE 0 END)`;
}

const MIN_BIGINT = -(2n ** 63n);

/** `expression − duration`; below the range of 64 bits it stays at its end, which no instant lies before. */
export function minus(expression: string, duration: Duration, clock: Clock): string {
  const ticks = durationTicks(duration, clock);
  if (clock.type === "HUGEINT") return `(${expression} - CAST('${ticks}' AS HUGEINT))`;
  // Still an expression over the row: DuckDB's ASOF join wants one on each side.
  if (ticks >= 2n ** 63n) return `least(${expression}, CAST('${MIN_BIGINT}' AS BIGINT))`;
  return `(greatest(${expression}, CAST('${MIN_BIGINT + ticks}' AS BIGINT)) - CAST('${ticks}' AS BIGINT))`;
}
