import { FixedColumn, type RawColumn } from "../../columnar/arrow-columns.js";
import { durationMicros } from "../../columnar/instants.js";
import type { Window } from "../../definitions/aggregations.js";
import type { RollingAggregate, RollingSpec } from "../../operators/rolling-aggregate.js";
import type { PitRelation } from "../pit-table.js";
import { ArrayColumn, fixedRaw, longsOf, ofLongs, type Raw } from "./pit-columns.js";
import { columnOf } from "./pit-keys.js";

/**
 * How instants are compared without rounding (as in `windows.ts`): of nanoseconds h and microseconds t, `h < 1000 t` says
 * `floor(h / 1000) < t`, and `t < 1000 h` says `ceil(t / 1000) <= h`; windows are whole microseconds. What is known is
 * compared apart, by its own resolution.
 */
export interface PitClock {
  readonly timeDivisor: bigint;
  ticks(window: Window): bigint;
  available(ticks: Raw): Raw;
  feed(rows: PitRelation): { readonly times: RawColumn; readonly known?: RawColumn };
}

export function clockOf(
  { timestampColumn: left }: RollingAggregate,
  { rightTime: right, availableTime }: RollingSpec,
): PitClock {
  const mixed = left.resolution !== right.resolution;
  const nanos = left.resolution === "ns";
  const availableMixed = availableTime !== undefined && availableTime.resolution !== left.resolution;
  return {
    timeDivisor: mixed && right.resolution === "ns" ? 1000n : 1n,
    ticks(window) {
      if (window === "all") return -1n;
      const length = durationMicros(window) * (nanos && !mixed ? 1000n : 1n);
      return length >= 2n ** 63n ? -1n : length;
    },
    available: (ticks) => (availableMixed && !nanos ? ceilThousand(ticks) : ticks),
    feed(rows) {
      const vector = columnOf(rows, left.column);
      const own = new FixedColumn(vector);
      const times = mixed && nanos ? new ArrayColumn(ceilThousand(fixedRaw(vector))) : own;
      if (availableTime === undefined) return { times };
      return { times, known: availableMixed && nanos ? new ArrayColumn(floorThousand(fixedRaw(vector))) : own };
    },
  };
}

function ceilThousand(raw: Raw): Raw {
  return ofLongs(
    longsOf(raw).map((ticks) => -floorOf(-ticks)),
    raw.valid,
  );
}

function floorThousand(raw: Raw): Raw {
  return ofLongs(longsOf(raw).map(floorOf), raw.valid);
}

function floorOf(ticks: bigint): bigint {
  const quotient = ticks / 1000n;
  return quotient * 1000n > ticks ? quotient - 1n : quotient;
}
