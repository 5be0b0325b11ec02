import { type DType, elementOf } from "../columnar/dtypes.js";
import type { ColumnName } from "../operators/operator.js";
import type { PointInTimeJoin } from "../operators/point-in-time-join.js";
import { durationNanos, isoInstant, type Nanos } from "./instants.js";
import { joinedCell, latestOf, rowsOfKeys } from "./join.js";
import { Exclusions, instantIn, type Mention, nullKeyOf, referenceOf, shownKeys } from "./references.js";
import type { Relation } from "./relation.js";
import type { Row } from "./row.js";
import type { ExclusionReason, JoinStep } from "./steps.js";
import { windowCell } from "./window.js";

/** The latest row before the row, available by then and not older than `ttl`; with `collect` all values of the window. */
export async function pointInTimeJoin(
  self: PointInTimeJoin,
  rows: readonly Row[],
  right: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
): Promise<void> {
  const matching = await rowsOfKeys(self.on, rows, right);
  for (const row of rows)
    if (self.collect === undefined) single(self, row, matching(row), right, dtypes);
    else collected(self, row, matching(row), right, dtypes);
}

function single(
  self: PointInTimeJoin,
  row: Row,
  candidates: readonly Row[],
  right: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
): void {
  const time = instantIn(row, self.leftTime);
  const excluded = new Exclusions();
  const visible: Mention[] = [];
  for (const candidate of candidates) {
    const mention: Mention = {
      row: candidate,
      time: instantIn(candidate, self.rightTime),
      ...(self.availableTime === undefined ? {} : { available: instantIn(candidate, self.availableTime) }),
    };
    const reason = invisible(mention, time);
    if (reason === undefined) visible.push(mention);
    else excluded.add(reason, mention);
  }
  const latest = latestOf(visible, self.ties);
  const old =
    latest !== undefined &&
    self.ttl !== undefined &&
    time !== null &&
    (latest.time ?? 0n) < time - durationNanos(self.ttl);
  const chosen = old ? undefined : latest;
  for (const mention of visible) {
    if (mention === chosen) continue;
    if (old && mention === latest) excluded.add("older than ttl", mention);
    else excluded.add(mention.time === latest?.time ? "lost tie" : "earlier", mention);
  }
  const nullKey = nullKeyOf(self.on, row);
  const step: JoinStep = {
    type: "pit_join",
    operator: self.name,
    view: right.view,
    keys: shownKeys(self.on, row, dtypes),
    ...(time === null ? {} : { time: isoInstant(time) }),
    ...(self.ttl === undefined ? {} : { ttl: self.ttl }),
    ...(chosen === undefined ? {} : { chosen: referenceOf(chosen) }),
    excluded: excluded.list(row),
    ...(nullKey === undefined ? {} : { nullKey }),
  };
  for (const { name, as } of self.columns) row.cells.set(as, joinedCell(chosen?.row, name, step));
}

/** Why a row is not seen at the instant; undefined if it is. */
function invisible({ row, time, available }: Mention, at: Nanos | null): ExclusionReason | undefined {
  if (time === null || at === null) return "no time";
  if (time > at) return "later";
  if (time === at) return "same instant";
  if (available === null) return "never available";
  if (available !== undefined && available > at) return "not yet available";
  return row.passes ? undefined : "where is not TRUE";
}

function collected(
  self: PointInTimeJoin,
  row: Row,
  candidates: readonly Row[],
  right: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
): void {
  const { collect } = self;
  if (collect === undefined) return;
  const cell = windowCell(
    {
      operator: self.name,
      spec: collect.as.replace(/^lookup:/, ""),
      view: right.view,
      agg: "list",
      source: { name: collect.value, dtype: right.dtypes.get(collect.value) ?? elementOf(collect.dtype) },
      on: self.on,
      leftTime: self.leftTime,
      rightTime: self.rightTime,
      ...(self.availableTime === undefined ? {} : { availableTime: self.availableTime }),
      window: collect.window,
      flatten: false,
      distinct: collect.distinct,
      ...(collect.maxLength === undefined ? {} : { maxLength: collect.maxLength }),
      entersNot: (candidate) => (candidate.passes ? undefined : "where is not TRUE"),
    },
    row,
    candidates,
    dtypes,
  );
  row.cells.set(collect.as, cell);
}
