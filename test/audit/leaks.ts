import { SQL_CELLS, type SqlCells } from "#daedalus/engines/sql/cells.js";
import type { Planner } from "#daedalus/engines/sql/planner.js";
import type { Instant } from "../../src/columnar/instants.js";
import type { PointInTimeJoin } from "../../src/operators/point-in-time-join.js";
import type { RollingAggregate, RollingSpec } from "../../src/operators/rolling-aggregate.js";

// Engines that leak: the real one with a cell in which one rule is broken.

/** `<=` in the place of `<`: the rows' time is taken for one tick later. */
function laterByATick(instant: Instant, planner: Planner, operator: string): Instant {
  const name = `@leak:${operator}`;
  planner.define(name, { sql: `(o."${instant.column}" + 1)`, dtype: "BIGINT", joins: [] });
  planner.store([name], operator);
  return { ...instant, column: name };
}

const withoutKeys = <T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): T => {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
};

const specs =
  (change: (spec: RollingSpec) => RollingSpec) =>
  (self: RollingAggregate): RollingAggregate => ({ ...self, specs: self.specs.map(change) });

const oneSecondMore = (duration: string): string => {
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }[duration.slice(-1)] ?? 0;
  return `${Number(duration.slice(0, -1)) * seconds + 1}s`;
};

const rolling = (change: (self: RollingAggregate, planner: Planner) => RollingAggregate): SqlCells => ({
  ...SQL_CELLS,
  rolling_aggregate: (self, planner) => SQL_CELLS.rolling_aggregate(change(self, planner), planner),
});

const pointInTime = (change: (self: PointInTimeJoin, planner: Planner) => PointInTimeJoin): SqlCells => ({
  ...SQL_CELLS,
  pit_join: (self, planner) => SQL_CELLS.pit_join(change(self, planner), planner),
});

export interface Leak {
  readonly name: string;
  readonly cells: SqlCells;
  /** The column that shows it. */
  readonly column: string;
  /** Whether it is the future that leaks: then perturbing it finds the leak as well. */
  readonly future: boolean;
}

export const LEAKS: readonly Leak[] = [
  {
    name: "a rolling aggregate takes rows of the same instant",
    cells: rolling((self, planner) => ({
      ...self,
      timestampColumn: laterByATick(self.timestampColumn, planner, self.name),
    })),
    column: "seen_1d",
    future: true,
  },
  {
    name: "a point-in-time join takes a row of the same instant",
    cells: pointInTime((self, planner) =>
      self.collect ? self : { ...self, leftTime: laterByATick(self.leftTime, planner, self.name) },
    ),
    column: "price",
    future: true,
  },
  {
    name: "a lookup collects rows of the same instant",
    cells: pointInTime((self, planner) =>
      self.collect ? { ...self, leftTime: laterByATick(self.leftTime, planner, self.name) } : self,
    ),
    column: "bought_before",
    future: true,
  },
  {
    name: "ttl is forgotten",
    cells: pointInTime((self) => withoutKeys(self, "ttl")),
    column: "price",
    future: false,
  },
  {
    name: "a join forgets that a row was not available",
    cells: pointInTime((self) => (self.collect ? self : withoutKeys(self, "availableTime"))),
    column: "price",
    future: true,
  },
  {
    name: "an aggregate over a view forgets that a row was not available",
    cells: rolling(specs((spec) => withoutKeys(spec, "availableTime"))),
    column: "prices_7d",
    future: true,
  },
  {
    name: "the own value is kept",
    cells: rolling(specs((spec) => withoutKeys(spec, "excludeSelf"))),
    column: "seen_1d",
    future: false,
  },
  {
    name: "a window is a second too wide",
    cells: rolling(
      specs((spec) => ({
        ...spec,
        outputs: spec.outputs.map((output) => ({
          ...output,
          window: output.window === "all" ? output.window : oneSecondMore(output.window),
        })),
      })),
    ),
    column: "seen_1d",
    future: false,
  },
];
