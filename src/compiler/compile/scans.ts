import type { ColumnName, Predicate } from "../../operators/operator.js";
import { type Scan, type ScanRange, scan } from "../../operators/scan.js";
import { instantColumn, viewColumn } from "../names.js";
import type { BoundTime, BoundView } from "../resolve/resolved-service.js";
import type { ViewNeeds } from "./needs.js";

/** A scan of a view: the needed columns in the view's own order, so that the order of needs does not show. */
export function scanOf(name: string, needs: ViewNeeds, range: ScanRange, predicate?: Predicate): Scan {
  const { view, columns, instants } = needs;
  return scan.of({
    name,
    engine: "sql",
    inputs: [],
    output: name,
    view: view.name,
    columns: [...view.columns.values()]
      .filter((column) => columns.has(column.name))
      .map((column) => ({ name: viewColumn(view.name, column.name), source: column.source, dtype: column.dtype })),
    instants: [...view.columns.keys()].flatMap((column) => {
      const time = instants.get(column);
      return time === undefined
        ? []
        : [{ name: instantColumn(view.name, column), source: time.source, unit: time.unit }];
    }),
    range,
    ...(predicate === undefined ? {} : { predicate }),
  });
}

/** Which of several rows of an instant is the largest, as pipeline columns. */
export function tiesOf(view: BoundView): readonly ColumnName[] {
  return view.ties.map((column) => viewColumn(view.name, column));
}

export function historyOf(view: BoundView, time: BoundTime, lookback: "all" | string): ScanRange {
  return { kind: "history", instant: instantColumn(view.name, time.column), lookback };
}
