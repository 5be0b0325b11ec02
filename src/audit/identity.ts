import type { DType } from "../columnar/dtypes.js";
import { isInteger } from "../columnar/dtypes.js";
import { type Instant, resolutionOf, type TimeUnit } from "../columnar/instants.js";
import { instantColumn, viewColumn } from "../compiler/names.js";
import type { ResolvedColumn, ResolvedService } from "../compiler/resolve/resolved-service.js";
import { identifier } from "../engines/sql/text.js";
import { NANOS_PER_DAY, unitNanos } from "../trace/instants.js";
import { type Row, valueIn as spineValue, ticksIn } from "../trace/row.js";
import { constantOf, readable } from "../trace/sql-values.js";
import type { Value } from "../trace/values.js";

/**
 * How rows of the files and rows of the spine find each other: by output columns that hold what the spine's row holds. Rows
 * that agree in these are a group; a group of the file is compared with the group of the spine.
 */
export interface Identity {
  readonly keys: readonly IdentifyingColumn[];
  /** The output column that tells the event time exactly; absent: a group has all instants of a day. */
  readonly time?: { readonly output: string; readonly dtype: DType; readonly unit: TimeUnit };
  readonly instant: Instant;
}

interface IdentifyingColumn {
  readonly output: string;
  /** As the file has it. */
  readonly dtype: DType;
  /** The pipeline's column. */
  readonly spine: string;
  readonly spineDtype: DType;
}

/** Rows that agree in what identifies them. */
export interface Group {
  /** Days since 1970. */
  readonly day: bigint;
  /** In the order of the identity's keys. */
  readonly keys: readonly Value[];
  /** Ticks of the spine's instant. */
  readonly ticks?: bigint;
}

export function identityOf(service: ResolvedService): Identity {
  const { spine, columns } = service;
  if (spine.time === undefined) throw new RangeError(`the spine view ${spine.name} has no time`);
  const { unit } = spine.time;
  const timeColumn = viewColumn(spine.name, spine.time.column);
  const untouched = columns.filter((column) => !isChanged(service, column));
  const keys = untouched.flatMap((column): readonly IdentifyingColumn[] => {
    const own = spine.columns.get(column.name);
    if (column.kind !== "key" || column.from.type !== "column" || own === undefined) return [];
    const same = own.dtype === column.dtype || (isInteger(own.dtype) && isInteger(column.dtype));
    const name = viewColumn(spine.name, own.name);
    if (!same || column.from.column !== name) return [];
    return [{ output: column.name, dtype: column.dtype, spine: name, spineDtype: own.dtype }];
  });
  const time = untouched.find(
    ({ from, dtype }) =>
      (from.type === "timestamp" && unit !== "ns") ||
      (from.type === "column" && from.column === timeColumn && tellsExactly(unit, dtype)),
  );
  return {
    keys,
    ...(time === undefined ? {} : { time: { output: time.name, dtype: time.dtype, unit } }),
    instant: { column: instantColumn(spine.name, spine.time.column), resolution: resolutionOf(unit) },
  };
}

/** Whether a rule or a default may put another value in the column's place. */
function isChanged({ curation, remap }: ResolvedService, { name, nullable }: ResolvedColumn): boolean {
  return !nullable || remap?.column === name || curation.some(({ column }) => column === name);
}

function tellsExactly(unit: TimeUnit, dtype: DType): boolean {
  if (unitNanos(unit) !== undefined) return isInteger(dtype);
  return (unit === "date" && dtype === "DATE") || (unit === "timestamp" && dtype === "TIMESTAMP");
}

/** The group of a row of the spine. */
export function groupOfSpineRow(identity: Identity, row: Row): Group {
  const ticks = ticksIn(row, identity.instant.column) ?? 0n;
  return {
    day: dayOfTicks(identity, ticks),
    keys: identity.keys.map(({ spine }) => spineValue(row, spine)),
    ...(identity.time === undefined ? {} : { ticks }),
  };
}

/** The group of a row of the file of a day; `valueIn` gives its value of an output column. */
export function groupOfWrittenRow(identity: Identity, day: bigint, valueIn: (output: string) => Value): Group {
  const { time } = identity;
  const told = time === undefined ? undefined : valueIn(time.output);
  return {
    day,
    keys: identity.keys.map(({ output }) => valueIn(output)),
    ...(time === undefined || typeof told !== "bigint"
      ? {}
      : { ticks: (told * nanosPerValue(time)) / nanosPerTick(identity) }),
  };
}

/** SQL over the spine scan `r`: the rows of a day. */
export function dayCondition(identity: Identity, day: bigint): string {
  const time = `r.${identifier(identity.instant.column)}`;
  const perDay = NANOS_PER_DAY / nanosPerTick(identity);
  return `${time} >= ${wide(day * perDay)} AND ${time} < ${wide((day + 1n) * perDay)}`;
}

function wide(value: bigint): string {
  return `CAST('${value}' AS HUGEINT)`;
}

/** SQL over the spine scan `r`: the rows of the group. */
export function spineCondition(identity: Identity, { day, keys, ticks }: Group): string {
  const when =
    ticks === undefined ? dayCondition(identity, day) : `r.${identifier(identity.instant.column)} = ${wide(ticks)}`;
  const same = identity.keys.map(
    ({ spine, spineDtype }, index) =>
      `r.${identifier(spine)} IS NOT DISTINCT FROM ${constantOf(keys[index] ?? null, spineDtype)}`,
  );
  return [...same, when].join(" AND ");
}

/** SQL over the files of the group's day. */
export function writtenCondition(identity: Identity, { keys, ticks }: Group): string {
  const { time } = identity;
  const same = identity.keys.map(
    ({ output, dtype }, index) =>
      `${identifier(output)} IS NOT DISTINCT FROM ${constantOf(keys[index] ?? null, dtype)}`,
  );
  const when =
    time === undefined || ticks === undefined
      ? []
      : [
          `${readable(identifier(time.output), time.dtype)} = ${(ticks * nanosPerTick(identity)) / nanosPerValue(time)}`,
        ];
  return [...same, ...when].join(" AND ") || "TRUE";
}

export function dayOfTicks(identity: Identity, ticks: bigint): bigint {
  const perDay = NANOS_PER_DAY / nanosPerTick(identity);
  const days = ticks / perDay;
  return ticks % perDay < 0n ? days - 1n : days;
}

function nanosPerTick({ instant }: Identity): bigint {
  return instant.resolution === "ns" ? 1n : 1_000n;
}

/** Nanoseconds of one unit of the output column that tells the time. */
function nanosPerValue({ dtype, unit }: NonNullable<Identity["time"]>): bigint {
  if (dtype === "DATE") return NANOS_PER_DAY;
  if (dtype === "TIMESTAMP") return 1_000n;
  return unitNanos(unit) ?? 1n;
}
