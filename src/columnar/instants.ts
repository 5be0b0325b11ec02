/**
 * Instants are exact integers: ticks since the Unix epoch, UTC. The resolution of a column is microseconds, or
 * nanoseconds where its source has them; columns of both resolutions compare without rounding.
 */
export type Resolution = "us" | "ns";

/** What a source holds in a time column: an integer in a unit, or one of the engines' own time types. */
export type TimeUnit = "s" | "ms" | "us" | "ns" | "timestamp" | "timestamp_ns" | "date";

/** A column of a relation that holds instants: BIGINT ticks of the resolution. */
export interface Instant {
  readonly column: string;
  readonly resolution: Resolution;
}

export function resolutionOf(unit: TimeUnit): Resolution {
  return unit === "ns" || unit === "timestamp_ns" ? "ns" : "us";
}

const UNIT_SECONDS = { s: 1n, m: 60n, h: 3_600n, d: 86_400n, w: 604_800n } as const;
export type DurationUnit = keyof typeof UNIT_SECONDS;
export const DURATION_UNITS = Object.keys(UNIT_SECONDS) as readonly DurationUnit[];

/** `<positive integer><unit>`: `7d`, `12h`. Days have 24 hours. Always one that `parseDuration` accepted. */
export type Duration = string;

/** The duration that the text names; undefined if it names none (zero, a sign, another unit, spaces). */
export function parseDuration(text: string): Duration | undefined {
  return /^0*[1-9][0-9]*[smhdw]$/.test(text) ? text : undefined;
}

/** Microseconds; may exceed 64 bits. */
export function durationMicros(duration: Duration): bigint {
  return BigInt(duration.slice(0, -1)) * unitMicros(duration.slice(-1) as DurationUnit);
}

export function unitMicros(unit: DurationUnit): bigint {
  return UNIT_SECONDS[unit] * 1_000_000n;
}

export const MICROS_PER_DAY = 86_400_000_000n;

/** A UTC date `YYYY-MM-DD`. */
export type Day = string;

/** Microseconds of the day's first instant. Throws RangeError if the text is not a UTC date. */
export function dayStartMicros(day: Day): bigint {
  const millis = Date.parse(`${day}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day) || Number.isNaN(millis) || new Date(millis).toISOString().slice(0, 10) !== day)
    throw new RangeError(`not a date of the form YYYY-MM-DD: ${day}`);
  return BigInt(millis) * 1000n;
}

const FIRST_NAMED = -62_135_596_800_000_000n;
const END_OF_NAMED = 253_402_300_800_000_000n;

/** Whether the instant is of the years 1 to 9999: the days of others have no name of the form `YYYY-MM-DD`. */
export function hasDay(micros: bigint): boolean {
  return micros >= FIRST_NAMED && micros < END_OF_NAMED;
}

/** The UTC date that holds the instant (the floor, also before 1970), if it has a day. */
export function dayOfMicros(micros: bigint): Day {
  const floor = micros >= 0n ? micros / MICROS_PER_DAY : -((-micros + MICROS_PER_DAY - 1n) / MICROS_PER_DAY);
  return new Date(Number(floor) * 86_400_000).toISOString().slice(0, 10);
}

/** ISO 8601 of microseconds: to the millisecond, or as many digits as it takes. Throws RangeError beyond JavaScript's dates. */
export function isoMicros(micros: bigint): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const iso = new Date(Number((micros - rest) / 1000n)).toISOString();
  return rest === 0n ? iso : iso.replace("Z", `${String(rest).padStart(3, "0")}Z`);
}

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** The instant of an ISO 8601 text (no zone: UTC; a date alone: its midnight); undefined if it is none. In nanoseconds. */
export function parseIso(text: string): bigint | undefined {
  const [, date, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = ISO.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const real = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
  if (!real || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  const offset = sign === undefined ? 0 : (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0));
  const whole = Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second);
  return BigInt(midnight) * 1_000_000n + BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}
