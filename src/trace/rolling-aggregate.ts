import type { DType } from "../columnar/dtypes.js";
import type { ColumnName } from "../operators/operator.js";
import type { RollingAggregate, RollingSpec } from "../operators/rolling-aggregate.js";
import { rowsOfKeys } from "./join.js";
import type { Evaluator } from "./predicate.js";
import type { Relation } from "./relation.js";
import { type Row, valueIn } from "./row.js";
import type { ExclusionReason } from "./steps.js";
import { equalValues, valueOfLiteral } from "./values.js";
import { windowCell } from "./window.js";

/** Each window of each spec that is needed, for every row; specs of the same keys share one question to the history. */
export async function rollingAggregate(
  self: RollingAggregate,
  rows: readonly Row[],
  history: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
  needed: (column: ColumnName) => boolean,
  evaluate: Evaluator,
): Promise<void> {
  const specs = self.specs.filter(({ outputs }) => outputs.some(({ name }) => needed(name)));
  const byKeys = new Map<string, RollingSpec[]>();
  for (const spec of specs) {
    const key = JSON.stringify(spec.on);
    byKeys.set(key, [...(byKeys.get(key) ?? []), spec]);
  }
  for (const alike of byKeys.values()) {
    const [first] = alike;
    if (first === undefined) continue;
    const matching = await rowsOfKeys(first.on, rows, history);
    for (const spec of alike) await oneSpec(self, spec, rows, matching, history, dtypes, needed, evaluate);
  }
}

async function oneSpec(
  self: RollingAggregate,
  spec: RollingSpec,
  rows: readonly Row[],
  matching: (row: Row) => readonly Row[],
  history: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
  needed: (column: ColumnName) => boolean,
  evaluate: Evaluator,
): Promise<void> {
  const entersNot = await judge(spec, [...new Set(rows.flatMap(matching))], history, evaluate);
  for (const { name, window } of spec.outputs) {
    if (!needed(name)) continue;
    for (const row of rows) {
      const cell = windowCell(
        {
          operator: self.name,
          spec: name.replace(/^rolling:/, ""),
          view: history.view,
          agg: spec.agg,
          ...(spec.source === undefined ? {} : { source: spec.source }),
          on: spec.on,
          leftTime: self.timestampColumn,
          rightTime: spec.rightTime,
          ...(spec.availableTime === undefined ? {} : { availableTime: spec.availableTime }),
          window,
          ...(spec.excludeSelf === undefined ? {} : { excludeSelf: spec.excludeSelf }),
          flatten: spec.flattenDistinct,
          distinct: spec.flattenDistinct,
          ...(spec.maxLength === undefined ? {} : { maxLength: spec.maxLength }),
          entersNot,
        },
        row,
        matching(row),
        dtypes,
      );
      row.cells.set(name, cell);
    }
  }
}

/** Which history rows do not enter whatever the window. */
async function judge(
  { events, where }: RollingSpec,
  history: readonly Row[],
  { dtypes }: Relation,
  evaluate: Evaluator,
): Promise<(row: Row) => ExclusionReason | undefined> {
  const reasons = new Map<Row, ExclusionReason>();
  const wanted = events?.values.map((value) => valueOfLiteral(value, dtypes.get(events.column) ?? "TEXT")) ?? [];
  for (const row of history) {
    if (!row.passes) reasons.set(row, "where is not TRUE");
    else if (events !== undefined && !wanted.some((value) => equalValues(value, valueIn(row, events.column))))
      reasons.set(row, "other event");
  }
  if (where !== undefined) {
    const left = history.filter((row) => !reasons.has(row));
    const verdicts = await evaluate(where, left, dtypes);
    for (const [index, row] of left.entries()) if (verdicts[index] !== true) reasons.set(row, "where is not TRUE");
  }
  return (row) => reasons.get(row);
}
