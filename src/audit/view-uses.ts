import type { ColumnName, KeyPair, RelationName } from "../operators/operator.js";
import type { AnyOperator, Pipeline } from "../operators/pipeline.js";
import type { Scan } from "../operators/scan.js";

/** Everything that a pipeline reads of a view, and how rows of the output see it. */
export interface ViewUse {
  readonly view: string;
  readonly columns: Scan["columns"];
  readonly instants: Scan["instants"];
  readonly looks: readonly Look[];
  /** True if it is joined without a time: nothing of it is in the future. */
  readonly timeless: boolean;
}

/** One way in which rows of a view are seen. */
export interface Look {
  /** `rows`: they are the rows; `before`: only strictly earlier ones are seen; `latest`: the latest, whenever it is. */
  readonly kind: "rows" | "before" | "latest";
  readonly time: Scan["instants"][number];
  readonly available?: Scan["instants"][number];
  readonly on: readonly KeyPair[];
}

/** The views that the pipeline scans, by name. */
export function usesOf(pipeline: Pipeline): ReadonlyMap<string, ViewUse> {
  const uses = new Map<string, UnfinishedUse>();
  const viewOf = new Map<RelationName, string>();
  for (const operator of pipeline.operators) {
    if (operator.kind === "scan") {
      const use = uses.get(operator.view) ?? new UnfinishedUse(operator.view);
      uses.set(operator.view, use);
      use.add(operator);
      viewOf.set(operator.output, operator.view);
      continue;
    }
    // A history that another view is joined onto is still its first input's.
    viewOf.set(operator.output, viewOf.get(operator.inputs[0] ?? "") ?? "");
    uses.get(viewOf.get(operator.inputs[1] ?? "") ?? "")?.lookBy(operator);
  }
  uses.get(pipeline.spine.view)?.look("rows", pipeline.spine.time.column, undefined, []);
  return new Map([...uses].map(([view, use]) => [view, use.finished()]));
}

class UnfinishedUse {
  readonly #columns = new Map<ColumnName, Scan["columns"][number]>();
  readonly #instants = new Map<ColumnName, Scan["instants"][number]>();
  readonly #looks: Look[] = [];
  #timeless = false;

  constructor(readonly view: string) {}

  add(scan: Scan): void {
    for (const column of scan.columns) this.#columns.set(column.name, column);
    for (const instant of scan.instants) this.#instants.set(instant.name, instant);
  }

  lookBy(operator: AnyOperator): void {
    if (operator.kind === "join") {
      if (operator.latest === undefined) this.#timeless = true;
      else this.look("latest", operator.latest.time.column, undefined, operator.on);
    } else if (operator.kind === "pit_join")
      this.look("before", operator.rightTime.column, operator.availableTime?.column, operator.on);
    else if (operator.kind === "rolling_aggregate")
      for (const { rightTime, availableTime, on } of operator.specs)
        this.look("before", rightTime.column, availableTime?.column, on);
  }

  look(kind: Look["kind"], time: ColumnName, available: ColumnName | undefined, on: readonly KeyPair[]): void {
    const instant = this.#instants.get(time);
    if (instant === undefined)
      throw new RangeError(`view "${this.view}" is looked at by "${time}", which is not scanned`);
    const known = available === undefined ? undefined : this.#instants.get(available);
    const look: Look = { kind, time: instant, on, ...(known === undefined ? {} : { available: known }) };
    if (!this.#looks.some((other) => JSON.stringify(other) === JSON.stringify(look))) this.#looks.push(look);
  }

  finished(): ViewUse {
    return {
      view: this.view,
      columns: [...this.#columns.values()],
      instants: [...this.#instants.values()],
      looks: this.#looks,
      timeless: this.#timeless,
    };
  }
}
