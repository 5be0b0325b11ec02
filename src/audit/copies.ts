import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TimeUnit } from "../columnar/instants.js";
import { resolutionOf } from "../columnar/instants.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { DaedalusError } from "../errors/problem.js";
import type { ScanRequest, Source } from "../sources/source.js";
import { type Nanos, unitNanos } from "../trace/instants.js";
import type { ViewUse } from "./view-uses.js";

/** The number of a row in the copy of its view: carried through the pipeline, so that rows are known again in its output. */
export const MARK = "@audit:row";

/**
 * Copies of sources are Parquet with the source's own column names, the ticks of the instants that the pipeline compares
 * under the pipeline's names, and `MARK`. The user's data are only read.
 */
export async function copyView(use: ViewUse, source: Source, path: string, session: SqlSession): Promise<void> {
  const request: ScanRequest = { columns: use.columns, instants: use.instants };
  const { sql } = await source.scan(request);
  const terms = [
    ...rawColumns(use).map(({ source: name, sql: value }) => `${value} AS ${identifier(name)}`),
    ...use.instants.map(({ name }) => identifier(name)),
    `row_number() OVER () AS ${identifier(MARK)}`,
  ];
  try {
    await copyTo(session, `SELECT ${terms.join(", ")} FROM (${sql})`, path);
  } catch (error) {
    const problem = await source.diagnose(request);
    throw problem === undefined ? error : new DaedalusError([problem], 1, { cause: error });
  }
}

/** Writes the rows of a query as a Parquet file. */
export async function copyTo(session: SqlSession, sql: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // No dictionaries: DuckDB's take −0 and +0 for one entry.
  await session.run(`COPY (${sql}) TO ${text(path)} (FORMAT parquet, DICTIONARY_SIZE_LIMIT 0)`);
}

/** Each source column once, as SQL over the scan: of a time column the exact instant, in the source's own form. */
export function rawColumns(use: ViewUse): readonly { readonly source: string; readonly sql: string }[] {
  const raw = new Map<string, string>();
  for (const { source, name } of use.columns) raw.set(source, identifier(name));
  for (const { source, name, unit } of use.instants) raw.set(source, rawInstant(identifier(name), unit));
  return [...raw].map(([source, sql]) => ({ source, sql }));
}

/** SQL that gives ticks of the unit's resolution the form that a column of the unit has. */
export function rawInstant(ticks: string, unit: TimeUnit): string {
  switch (unit) {
    case "timestamp":
      return `make_timestamp(${ticks})`;
    case "timestamp_ns":
      return `make_timestamp_ns(${ticks})`;
    case "date":
      return `CAST(DATE '1970-01-01' + CAST(${ticks} // 86400000000 AS INTEGER) AS DATE)`;
    default: {
      const perUnit = (unitNanos(unit) ?? 1n) / nanosPerTick(unit);
      return perUnit === 1n ? ticks : `CAST(${ticks} // ${perUnit} AS BIGINT)`;
    }
  }
}

export function nanosPerTick(unit: TimeUnit): bigint {
  return resolutionOf(unit) === "ns" ? 1n : 1_000n;
}

/** The smallest step that a column of the unit can make. */
export function nanosPerStep(unit: TimeUnit): bigint {
  if (unit === "date") return 86_400_000_000_000n;
  return unitNanos(unit) ?? nanosPerTick(unit);
}

/** A view that reads the files of a folder in the place of its own source. */
export function viewOver(view: FeatureView, folder: string): FeatureView {
  const { timestampField, timestampUnit, availableField } = view.source;
  return {
    ...view,
    source: {
      path: join(folder, view.name),
      ...(timestampField === undefined ? {} : { timestampField }),
      ...(timestampUnit === undefined ? {} : { timestampUnit }),
      ...(availableField === undefined ? {} : { availableField }),
    },
  };
}

/**
 * SQL over a copy: rows that no row of the output at or before the instant may see. Undefined if nothing of the view is in
 * the future.
 */
export function futureCondition(use: ViewUse, at: Nanos): string | undefined {
  if (use.timeless || use.looks.length === 0) return undefined;
  return use.looks
    .map(({ kind, time, available }) => {
      const column = identifier(time.name);
      const notBefore = `${column} >= ${ticksAt(at, time.unit)}`;
      // A row without a time is older than all others in a static join, and in no other look at all.
      const unseen = kind === "before" ? [notBefore, `${column} IS NULL`] : [notBefore];
      if (available !== undefined) {
        const known = identifier(available.name);
        unseen.push(`${known} IS NULL`, `${known} > ${ticksAt(at, available.unit, "floor")}`);
      }
      return `coalesce(${unseen.join(" OR ")}, FALSE)`;
    })
    .join(" AND ");
}

/** The instant in ticks of the unit's resolution, rounded up or down. */
function ticksAt(at: Nanos, unit: TimeUnit, rounded: "ceil" | "floor" = "ceil"): string {
  const per = nanosPerTick(unit);
  const floor = at / per - (at % per < 0n ? 1n : 0n);
  return `CAST('${rounded === "floor" || at % per === 0n ? floor : floor + 1n}' AS HUGEINT)`;
}
