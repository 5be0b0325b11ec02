import { type Day, dayStartMicros, durationMicros, MICROS_PER_DAY, resolutionOf } from "../../columnar/instants.js";
import type { Scan } from "../../operators/scan.js";
import type { ScanRequest } from "../../sources/source.js";
import { identifier } from "./text.js";

/** Microseconds, [from, to). */
export interface Bounds {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}

/** What a scan reads for these days, by its definition. */
export function boundsOf(scan: Scan, days: readonly Day[]): Bounds {
  const from = dayStartMicros(days[0] ?? "");
  const to = dayStartMicros(days.at(-1) ?? "") + MICROS_PER_DAY;
  switch (scan.range.kind) {
    case "unbounded":
      return {};
    case "target_day":
      return { from, to };
    case "history":
      return scan.range.lookback === "all" ? { to } : { from: from - durationMicros(scan.range.lookback), to };
  }
}

/** The instant that bounds it. */
export function instantOf(scan: Scan): Scan["instants"][number] | undefined {
  if (scan.range.kind === "unbounded") return undefined;
  const { instant } = scan.range;
  return scan.instants.find((candidate) => candidate.name === instant);
}

/** The range as a source takes it. */
export function rangeOf(scan: Scan, bounds: Bounds): Pick<ScanRequest, "range"> {
  const instant = instantOf(scan);
  if (!instant || (bounds.from === undefined && bounds.to === undefined)) return {};
  const { from, to } = bounds;
  const time = { source: instant.source, unit: instant.unit };
  return { range: { time, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) } };
}

/** The same range as a condition over the scan's rows, whose instants are ticks; undefined if there is none. */
export function withinSql(scan: Scan, bounds: Bounds): string | undefined {
  const instant = instantOf(scan);
  if (!instant) return undefined;
  const ticks = (micros: bigint): string =>
    `CAST('${micros * (resolutionOf(instant.unit) === "ns" ? 1000n : 1n)}' AS HUGEINT)`;
  const name = identifier(instant.name);
  const conditions = [
    ...(bounds.from === undefined ? [] : [`${name} >= ${ticks(bounds.from)}`]),
    ...(bounds.to === undefined ? [] : [`${name} < ${ticks(bounds.to)}`]),
  ];
  return conditions.length === 0 ? undefined : conditions.join(" AND ");
}
