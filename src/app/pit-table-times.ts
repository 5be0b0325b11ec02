import { DataType, Int64, makeData, TimeUnit, Vector } from "apache-arrow";
import { Arena } from "../columnar/arena.js";
import { dtypeOfArrow, FixedColumn } from "../columnar/arrow-columns.js";
import { packBits } from "../columnar/bits.js";
import { isInteger } from "../columnar/dtypes.js";
import type { Resolution } from "../columnar/instants.js";
import { pitTableProblem } from "../errors/pit-table.js";
import type { Problem } from "../errors/problem.js";
import { INTEGER_CODES, kernelsOf } from "../kernels/kernels.js";

/** What an integer time column counts, from 1970 on (UTC). */
export type PitTimeUnit = "s" | "ms" | "us" | "ns";
const UNITS: readonly string[] = ["s", "ms", "us", "ns"];

interface Told {
  readonly column: string;
  readonly table: string;
  readonly required: boolean;
}

/** A time column as Int64 ticks of microseconds, or nanoseconds where it has them. The same buffers where these say so. */
export function ticksColumn(
  vector: Vector,
  unit: PitTimeUnit | undefined,
  told: Told,
): { readonly vector: Vector; readonly resolution: Resolution } | Problem {
  const { column, table, required } = told;
  const scale = scaleOf(vector.type, unit);
  if (scale === "no-time") return pitTableProblem("not-a-time", { column, table, type: String(vector.type) });
  if (scale === "no-unit") return pitTableProblem("unit-needed", { column, table, type: String(vector.type) });
  if (unit !== undefined && !UNITS.includes(unit))
    return pitTableProblem("bad-value", {
      key: "timestampUnit",
      of: table,
      value: JSON.stringify(unit),
      expected: UNITS.join(", "),
    });
  if (required && vector.nullCount > 0) return pitTableProblem("null-time", { column, row: firstNull(vector) });
  if (scale.factor === 1n && new FixedColumn(vector).width === 8)
    return { vector: new Vector(vector.data.map((data) => data.clone(new Int64()))), resolution: scale.resolution };
  const ticks = multiplied(vector, scale.factor);
  if (typeof ticks === "number")
    return pitTableProblem("time-out-of-range", { column, table, row: ticks, unit: scale.resolution });
  return { vector: ticks, resolution: scale.resolution };
}

function scaleOf(type: DataType, unit: PitTimeUnit | undefined) {
  const micros = (factor: bigint) => ({ factor, resolution: "us" as const });
  const nanos = { factor: 1n, resolution: "ns" as const };
  if (DataType.isTimestamp(type))
    return {
      [TimeUnit.SECOND]: micros(1_000_000n),
      [TimeUnit.MILLISECOND]: micros(1000n),
      [TimeUnit.MICROSECOND]: micros(1n),
      [TimeUnit.NANOSECOND]: nanos,
    }[type.unit];
  if (DataType.isDate(type)) return micros(dtypeOfArrow(type) === "DATE" ? 86_400_000_000n : 1000n);
  const dtype = dtypeOfArrow(type);
  if (dtype === undefined || !isInteger(dtype)) return "no-time";
  if (unit === undefined) return "no-unit";
  return { s: micros(1_000_000n), ms: micros(1000n), us: micros(1n), ns: nanos }[unit] ?? micros(1n);
}

const CHUNK = 65_536;
const scratch = new Arena();

/** The column's values times the factor; the first row whose product 64 bits do not hold. */
function multiplied(vector: Vector, factor: bigint): Vector | number {
  const source = new FixedColumn(vector);
  const valid = source.validity();
  const ticks = new BigInt64Array(vector.length);
  const kernels = kernelsOf(scratch);
  scratch.release();
  const raw = scratch.allocate(CHUNK * 8);
  const long = scratch.allocate(CHUNK * 8);
  for (let from = 0; from < vector.length; from += CHUNK) {
    const count = Math.min(CHUNK, vector.length - from);
    source.copy(from, from + count, scratch.bytesAt(raw, count * source.width));
    kernels.encode(count, raw, source.width, INTEGER_CODES, long);
    // What stands where there is no value must not overflow.
    if (valid !== undefined) {
      const values = scratch.int64At(long, count);
      for (let row = 0; row < count; row++) if (valid[from + row] === 0) values[row] = 0n;
    }
    const outside = kernels.scaleTicks(count, long, factor, long);
    if (outside >= 0) return from + outside;
    ticks.set(scratch.int64At(long, count), from);
  }
  return new Vector([
    makeData({
      type: new Int64(),
      length: vector.length,
      nullCount: vector.nullCount,
      data: ticks,
      ...(valid === undefined ? {} : { nullBitmap: packBits(valid) }),
    }),
  ]);
}

function firstNull(vector: Vector): number {
  const valid = new FixedColumn(vector).validity();
  return valid?.indexOf(0) ?? 0;
}
