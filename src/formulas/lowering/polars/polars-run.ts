import pl, { type DataFrame, type Expr, type LazyDataFrame } from "nodejs-polars";
import type { IrNode, Primitive } from "../../ir/node.js";
import { reachedFrom } from "../../ir/reached-from.js";
import type { GivenColumn } from "../kernel/symbol-run.js";
import { NoLowering } from "../no-lowering.js";
import { type PolarsLowering, ROW_MARKS, ROW_WISE } from "./row-wise.js";
import { hasWindow, STATES, WINDOWS } from "./windows.js";

/** How Polars computes a node, by its primitive and op; what is not here the kernel computes between two collects. */
export const POLARS_LOWERINGS: Readonly<Partial<Record<Primitive, Readonly<Record<string, PolarsLowering>>>>> = {
  TRANSFORM: ROW_WISE,
  WINDOW: WINDOWS,
  STATE: STATES,
};

/** Whether Polars computes the node; `nodeOf` gives its inputs. */
export function isPolars(node: IrNode, nodeOf: (id: string) => IrNode | undefined): boolean {
  if (POLARS_LOWERINGS[node.primitive]?.[node.op] === undefined) return false;
  if (node.primitive === "WINDOW" && node.op !== "lag") return hasWindow(node);
  // Polars takes the weight 0 of what was before as "none", which it is not for an infinity.
  if (node.op === "ema") return Number(node.params["alpha"]) < 1;
  if (node.op !== "power") return true;
  const exponent = constantOf(nodeOf(node.inputs[1] ?? ""));
  return exponent !== undefined;
}

function constantOf(node: IrNode | undefined): number | undefined {
  const value = node?.op === "constant" ? node.params["value"] : undefined;
  return value === null || value === undefined ? undefined : Number(value);
}

/** The values of nodes, by their ids. */
type Columns = ReadonlyMap<string, { readonly values: Float64Array; readonly valid: Uint8Array }>;

/** Nodes on Polars for one symbol: one LazyFrame of all its rows, one collect. */
export class PolarsRun {
  /** What does not take one another, side by side. To make them costs more than to run them: they serve for all symbols. */
  readonly #layers: readonly (readonly Expr[])[];

  readonly #asked: readonly Expr[];

  /** Nodes with their inputs first; `given` are brought, `wanted` come back. Throws `NoLowering`. */
  constructor(
    private readonly nodes: readonly IrNode[],
    private readonly given: ReadonlySet<string>,
    private readonly wanted: readonly string[],
  ) {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const depths = new Map<string, number>();
    const layers: Expr[][] = [];
    for (const node of nodes) {
      if (given.has(node.id)) continue;
      if (!isPolars(node, (id) => byId.get(id))) throw new NoLowering(node, "polars");
      const depth = Math.max(0, ...node.inputs.map((id) => (depths.get(id) ?? -1) + 1));
      depths.set(node.id, depth);
      const inputs = node.inputs.map((id) => pl.col(id));
      const constants = node.inputs.map((id) => constantOf(byId.get(id)));
      const lowering = POLARS_LOWERINGS[node.primitive]?.[node.op] as PolarsLowering;
      layers[depth] = [...(layers[depth] ?? []), lowering(node, inputs, constants).cast(pl.Float64).alias(node.id)];
    }
    this.#layers = layers;
    this.#asked = wanted.flatMap((id) => [
      pl.col(id).fillNull(0).alias(id),
      pl.col(id).isNotNull().cast(pl.UInt8).alias(`${id} valid`),
    ]);
  }

  /** Columns of the wanted nodes, of all rows of the symbol. What Polars refuses fails alone: `failed` is told of it. */
  run(rows: number, given: ReadonlyMap<string, GivenColumn>, failed: (id: string, error: Error) => void): Columns {
    try {
      return this.#collect(rows, given);
    } catch (error) {
      const [only, ...more] = this.wanted;
      if (only === undefined) throw error;
      if (more.length === 0) {
        failed(only, error instanceof Error ? error : new Error(String(error)));
        return new Map();
      }
      return new Map(this.wanted.flatMap((id) => [...this.#of(id).run(rows, given, failed)]));
    }
  }

  /** Of one of the wanted nodes. */
  #of(id: string): PolarsRun {
    const byId = new Map(this.nodes.map((node) => [node.id, node]));
    const reached = reachedFrom([byId.get(id) as IrNode], byId, (node) => this.given.has(node.id));
    const nodes = this.nodes.filter((node) => reached.has(node.id));
    return new PolarsRun(nodes, new Set([...this.given].filter((one) => reached.has(one))), [id]);
  }

  #collect(rows: number, given: ReadonlyMap<string, GivenColumn>): Columns {
    const made = this.#frameOf(rows, given);
    let frame: LazyDataFrame = made;
    for (const layer of this.#layers) frame = frame.withColumns(...layer);
    const answer: DataFrame = frame.select(...this.#asked).collectSync();
    return new Map(
      this.wanted.map((id) => [
        id,
        {
          values: answer.getColumn(id).toTypedArray() as Float64Array,
          valid: answer.getColumn(`${id} valid`).toTypedArray() as Uint8Array,
        },
      ]),
    );
  }

  #frameOf(rows: number, given: ReadonlyMap<string, GivenColumn>): LazyDataFrame {
    const names = [...this.given];
    const series = names.flatMap((id) => {
      const { values, valid } = given.get(id) as GivenColumn;
      const column = pl.Series(id, ownDoubles(values.subarray(0, rows)));
      return valid === undefined
        ? [column]
        : [column, pl.Series(`${id} valid`, Uint8Array.from(valid.subarray(0, rows)))];
    });
    // Constants alone are of as many rows too.
    const marks = pl.Series(
      ROW_MARKS,
      new Int32Array(rows).map((_, row) => row),
    );
    const frame = pl.DataFrame([marks, ...series]).lazy();
    const nullable = names.filter((id) => given.get(id)?.valid !== undefined);
    if (nullable.length === 0) return frame;
    return frame.withColumns(
      ...nullable.map((id) =>
        pl
          .when(pl.col(`${id} valid`).eq(pl.lit(1)))
          .then(pl.col(id))
          .otherwise(pl.lit(null))
          .alias(id),
      ),
    );
  }
}

/** Polars reads the whole of an array's memory. */
function ownDoubles(values: Float64Array): Float64Array {
  return values.slice();
}
