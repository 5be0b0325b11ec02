import { dayOfMicros, dayStartMicros, MICROS_PER_DAY } from "../../columnar/instants.js";

/** How much data, and which; equal sizes and seeds give equal bytes. */
export interface DemoSize {
  /** UTC days of the feed, from `FIRST_DAY` on. */
  readonly days: number;
  /** Rows of the feed in all. */
  readonly events: number;
  readonly seed: number;
}

/** The first day of examples/artworks' `feed_start`. */
export const FIRST_DAY = "2026-02-01";

/** The feed's days in order. */
export function demoDays(days: number): readonly string[] {
  return Array.from({ length: days }, (_, day) =>
    dayOfMicros(dayStartMicros(FIRST_DAY) + BigInt(day) * MICROS_PER_DAY),
  );
}

const SECONDS_PER_DAY = 86_400;

/** Days before the feed in which artworks were made: more than the `ttl` of their properties. */
const HISTORY_DAYS = 92;

/** What the feed and the tables of the entities must agree on. Entities are numbered from 0; times are seconds since 1970. */
export interface Population {
  readonly users: number;
  readonly artworks: number;
  /** Ids are these plus the number. */
  readonly firstUserId: number;
  readonly firstArtworkId: number;
  /** From the first artwork to the end of the feed. */
  readonly historyStart: number;
  readonly feedStart: number;
  readonly feedEnd: number;
}

export function populationOf({ days, events }: DemoSize): Population {
  const feedStart = Number(dayStartMicros(FIRST_DAY) / 1_000_000n);
  return {
    users: Math.max(20, Math.ceil(events / 40)),
    artworks: Math.max(50, Math.ceil(events / 10)),
    firstUserId: 100_000,
    firstArtworkId: 7_000_000,
    historyStart: feedStart - HISTORY_DAYS * SECONDS_PER_DAY,
    feedStart,
    feedEnd: feedStart + days * SECONDS_PER_DAY,
  };
}

/**
 * Artworks are numbered in the order in which they were made, about: `made(a)` is when, `made_before(t)` how many are there at
 * a time of the feed. An artwork may be shown up to a day before it is made: clocks differ.
 */
export function populationMacros({ artworks, historyStart, feedEnd }: Population): string {
  const span = feedEnd - historyStart;
  return `
    CREATE MACRO made(a) AS ${historyStart} + a::BIGINT * ${span} // ${artworks} + pick('made', a, ${SECONDS_PER_DAY});
    CREATE MACRO made_before(t) AS greatest(1, (t - ${historyStart})::BIGINT * ${artworks} // ${span});
    CREATE MACRO animated(a) AS seldom('animated', a, 0.1)`;
}
