import type { RuntimeModel } from "./project-model.js";
import { DAY, floorDivide, type Relation, type Row } from "./relation.js";
import { isOneOf } from "./rolling.js";
import { compareValues, equalValues, OracleStop, type Value } from "./values.js";

/** The UTC day of a row of the spine, as days since 1970 (the floor). */
export function dayOf(spine: Relation, row: Row): bigint {
  const instant = row.instants[spine.time ?? ""] ?? null;
  if (instant === null) throw new OracleStop("a NULL event time in the spine view");
  return floorDivide(instant, DAY);
}

export function dayNumber(day: string): bigint {
  return BigInt(Date.parse(`${day}T00:00:00Z`) / 86_400_000);
}

export function dayName(number: bigint): string {
  return new Date(Number(number) * 86_400_000).toISOString().slice(0, 10);
}

/** The days of the months `feed_start..feed_end` that have a row, in order. */
export function daysOf(spine: Relation, runtime: RuntimeModel): readonly string[] {
  const days = [...new Set(spine.rows.map((row) => dayOf(spine, row)))].sort((a, b) => (a < b ? -1 : 1)).map(dayName);
  const month = (day: string): string => day.slice(0, 7).replace("-", "");
  return days.filter((day) => month(day) >= (runtime.feed_start ?? "") && month(day) <= (runtime.feed_end ?? ""));
}

/** The rows of the day that the session filter leaves. */
export function filterSessions(rows: readonly Row[], runtime: RuntimeModel): readonly Row[] {
  const filter = runtime.session_filter;
  if (filter === undefined) return rows;
  const session = (row: Row): Value => row.values[runtime.spine?.session ?? ""] ?? null;
  const event = (row: Row): Value => row.values[runtime.spine?.event ?? ""] ?? null;
  return rows.filter((row) => {
    if (session(row) === null) return true;
    const others = rows
      .filter((other) => equalValues(session(other), session(row)))
      .filter((other) => !isOneOf(event(other), filter.view_events));
    if (filter.drop_view_only && others.length === 0) return false;
    const [only] = others;
    if (filter.drop_single_like && others.length === 1 && only && isOneOf(event(only), filter.like_events ?? []))
      return false;
    return true;
  });
}

/** session → qid over the days in order: sessions that are new on a day, by first time on that day, then id. */
export function qidMap(spine: Relation, runtime: RuntimeModel, days: readonly string[]): readonly Value[] {
  const known: Value[] = [];
  for (const day of days) {
    const first: { id: Value; instant: bigint }[] = [];
    for (const row of spine.rows) {
      const id = row.values[runtime.spine?.session ?? ""] ?? null;
      const instant = row.instants[spine.time ?? ""] ?? null;
      if (id === null || instant === null || dayOf(spine, row) !== dayNumber(day)) continue;
      if (known.some((other) => equalValues(other, id))) continue;
      const seen = first.find((other) => equalValues(other.id, id));
      if (seen === undefined) first.push({ id, instant });
      else if (instant < seen.instant) seen.instant = instant;
    }
    first.sort((a, b) => (a.instant < b.instant ? -1 : a.instant > b.instant ? 1 : compareValues(a.id, b.id)));
    known.push(...first.map((one) => one.id));
  }
  return known;
}
