import type { DType } from "../../columnar/dtypes.js";
import { isInteger } from "../../columnar/dtypes.js";
import { INTEGER_CODES } from "../../kernels/kernels.js";
import type { LatestRowGroup } from "../../kernels/latest-rows.js";
import type { PointInTimeJoin } from "../../operators/point-in-time-join.js";
import { type Clock, clockOf, minus, onClock } from "../sql/clock.js";
import { onKeys, type Planner } from "../sql/planner.js";
import {
  collectWindow,
  pointInTimeJoin as sqlPointInTimeJoin,
  type VisibleRows,
  visibleRows,
} from "../sql/point-in-time-join.js";
import { identifier } from "../sql/text.js";
import { type FixedDType, formOf, isFixed } from "./forms.js";
import { areIntegerKeys, kernelWindowColumns } from "./windows.js";

/** A view of more columns is looked up by number: its values would be held twice while the rows are ordered. */
const MOST_HELD = 16;

/**
 * The kernel finds, for a row's key and time, the row to see. Where that has only values of fixed width, few of them, the
 * index holds them; else it holds the number of the row, and the columns are joined by number before the rows are ordered.
 */
export function pointInTimeJoin(self: PointInTimeJoin, planner: Planner): void {
  if (self.collect) {
    collectWindow(self, planner, kernelWindowColumns);
    return;
  }
  const clock = clockOf(self.leftTime, self.rightTime, self.availableTime);
  // A history is joined by SQL: it is read once. So are instants of different resolutions, which 64 bits do not hold.
  if (!planner.isMain(self.inputs[0]) || clock.type !== "BIGINT") {
    sqlPointInTimeJoin(self, planner);
    return;
  }
  const visible = visibleRows(self, planner, clock);
  const held = self.columns.flatMap(({ name, dtype }) => (isFixed(dtype) ? [{ name, dtype }] : []));
  if (held.length === self.columns.length && held.length <= MOST_HELD) holdValues(self, planner, clock, visible, held);
  else holdNumbers(self, planner, clock, visible);
  planner.continueRows(self.output);
}

/** A value that the index holds beside key and time. */
interface Held {
  readonly name: string;
  readonly dtype: FixedDType;
}

function holdValues(
  self: PointInTimeJoin,
  planner: Planner,
  clock: Clock,
  visible: VisibleRows,
  columns: readonly Held[],
): void {
  const held: readonly Held[] = [
    ...columns,
    ...(self.ttl === undefined ? [] : [{ name: "@t", dtype: "BIGINT" } as const]),
  ];
  const { kernel, time } = latestRow(self, planner, clock, {
    from: visible.unsettled ?? visible.sql,
    ...(visible.unsettled === undefined ? {} : { unique: visible.sql }),
    composes: visible.composes,
    held,
  });
  const answer = `o.${identifier(`@${kernel}`)}`;
  const fresh = self.ttl === undefined ? undefined : `${answer}.c${columns.length} >= ${minus(time, self.ttl, clock)}`;
  self.columns.forEach(({ as, dtype }, place) => {
    const value = `${answer}.c${place}`;
    const sql = fresh === undefined ? value : `CASE WHEN ${fresh} THEN ${value} END`;
    planner.define(as, { dtype, sql, joins: [], kernels: [kernel] });
  });
}

function holdNumbers(self: PointInTimeJoin, planner: Planner, clock: Clock, visible: VisibleRows): void {
  const columns = self.columns.map((column) => identifier(column.name));
  // The keys, the columns, the row's own time, and from when on it is seen.
  const width = new Set([...self.on.map((pair) => pair.right), ...self.columns.map(({ name }) => name)]).size + 2;
  const numbered = planner.runTable(
    `numbered_${self.inputs[1]}`,
    self.name,
    `SELECT row_number() OVER () AS kid, * FROM (${visible.sql}) UNION ALL SELECT 0${", NULL".repeat(width)}`,
    visible.composes,
  );
  const { kernel, time } = latestRow(self, planner, clock, {
    from: `SELECT * FROM ${numbered} WHERE kid > 0`,
    composes: [],
    held: [{ name: "kid", dtype: "BIGINT" }],
  });
  const alias = planner.name("p");
  planner.joinKeyed({ alias, table: numbered, key: `coalesce(o.${identifier(`@${kernel}`)}.c0, 0)` });
  const fresh = self.ttl === undefined ? undefined : `${alias}."@t" >= ${minus(time, self.ttl, clock)}`;
  self.columns.forEach((column, place) => {
    const value = `${alias}.${columns[place]}`;
    planner.define(column.as, {
      dtype: column.dtype,
      sql: fresh === undefined ? value : `CASE WHEN ${fresh} THEN ${value} END`,
      joins: [alias],
      kernels: [kernel],
    });
  });
}

/** The rows that the kernel looks among: those of `from`, or of `unique` where these have two of one key and instant. */
interface Looked {
  readonly from: string;
  readonly unique?: string;
  readonly composes: readonly string[];
  readonly held: readonly { readonly name: string; readonly dtype: DType }[];
}

/** A kernel that answers with what it holds of the row to see, and the row's time on the clock. */
function latestRow(
  self: PointInTimeJoin,
  planner: Planner,
  clock: Clock,
  { from, unique, composes, held }: Looked,
): { readonly kernel: string; readonly time: string } {
  const right = planner.side(self.inputs[1]);
  const [only] = self.on;
  const integers =
    only !== undefined &&
    areIntegerKeys(self.on, (name) => planner.column(name).dtype) &&
    isInteger(right.columns.get(only.right) ?? "TEXT");
  const values = held.map(({ name }, place) => `, p.${identifier(name)} AS v${place}`).join("");
  let history: (rows: string) => string;
  let key: string;
  let keyTable: string | undefined;
  if (integers && only !== undefined) {
    planner.store([only.left], self.name);
    history = (rows) =>
      `SELECT CAST(p.${identifier(only.right)} AS BIGINT) AS key, p."@after" AS time${values} FROM (${rows}) p`;
    key = `CAST(o.${identifier(only.left)} AS BIGINT)`;
  } else {
    const keys = planner.keys(self.on, self.name);
    history = (rows) =>
      `SELECT k.kid AS key, p."@after" AS time${values} FROM (${rows}) p JOIN ${keys.table} k ON ${onKeys(self.on, "k", "p")}`;
    key = `o.${identifier(keys.column)}`;
    keyTable = keys.table;
  }
  const time = onClock(`o.${identifier(self.leftTime.column)}`, self.leftTime.resolution, clock);
  // Values are passed on as they are, bit by bit: nothing compares them.
  const group: LatestRowGroup = {
    latest: true,
    columns: held.map(({ dtype }) => ({ kind: INTEGER_CODES, width: formOf(dtype).width })),
    available: false,
  };
  const kernel = planner.kernel({
    operator: self.name,
    composes,
    keep: integers ? "run" : "day",
    wide: false,
    history: history(from),
    ...(unique === undefined ? {} : { unique: history(unique) }),
    group,
    outputs: held.map(({ name, dtype }) => ({ name, dtype })),
    keys: self.on.map(({ left }) => left),
    ...(keyTable === undefined ? {} : { keyTable }),
    arguments: [key, time],
    own: [],
  });
  return { kernel, time };
}
