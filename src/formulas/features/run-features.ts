import { formulaProblem } from "../../errors/formula.js";
import type { Problem } from "../../errors/problem.js";
import type { IrNode, ValueType } from "../ir/node.js";
import type { CompiledFeatures } from "./compile-features.js";
import { ComputePool } from "./compute-pool.js";
import { crossSection, latest, type WholeColumn, wholeColumn } from "./crossings.js";
import type { Frame, SymbolRows } from "./frame.js";
import { type Target, within } from "./row-groups.js";
import { type Crossing, type Stage, scheduleOf } from "./stages.js";

/** A feature's values on the clock's rows, or why there are none. */
export interface FeatureValues {
  readonly name: string;
  readonly type: ValueType;
  readonly values?: Float64Array;
  /** A byte a row, 0: NULL. */
  readonly valid?: Uint8Array;
  readonly problem?: Problem;
}

/** Computes features over frames that lie in memory; the first frame is the clock. */
export async function runFeatures(
  { graph, features }: CompiledFeatures,
  frames: ReadonlyMap<string, Frame>,
  clock: Frame,
  threads: number,
): Promise<readonly FeatureValues[]> {
  const run = new MemoryRun(frames, threads);
  const sinks = features.flatMap(({ node, table }) => (node === undefined ? [] : [{ node, table }]));
  for (const { stages, crossings } of scheduleOf(graph.nodes, sinks)) {
    for (const stage of stages) await run.stage(stage);
    for (const crossing of crossings) run.cross(crossing);
  }
  return features.map(({ name, node, table, problem }): FeatureValues => {
    const type = node?.output ?? "Float64";
    if (node === undefined) return { name, type, ...(problem === undefined ? {} : { problem }) };
    const cause = run.failures.get(node.id);
    if (cause !== undefined) return { name, type, problem: formulaProblem("failed", { cause }) };
    const own = run.columnOf(node, frames.get(table) as Frame);
    const column = table === clock.name ? own : latest(clock, frames.get(table) as Frame, own);
    return { name, type, ...column };
  });
}

/** Cells below which a thread costs more than it saves. */
const FEW_CELLS = 1_000_000;

class MemoryRun {
  readonly #columns = new Map<string, WholeColumn>();
  /** Messages, by the ids of nodes. */
  readonly failures = new Map<string, string>();

  constructor(
    private readonly frames: ReadonlyMap<string, Frame>,
    private readonly threads: number,
  ) {}

  columnOf(node: IrNode, frame: Frame): WholeColumn {
    const found = this.#columns.get(node.id);
    if (found !== undefined) return found;
    if (node.primitive !== "SOURCE") throw new RangeError(`node ${node.id} was not kept`);
    const column = wholeColumn(frame.doubles(String(node.params["column"])));
    this.#columns.set(node.id, column);
    return column;
  }

  async stage(stage: Stage): Promise<void> {
    const frame = this.frames.get(stage.table) as Frame;
    const most = Math.max(0, ...frame.symbols.map(({ from, to }) => to - from));
    const nodes = this.#able(stage.nodes).map((node) => within(node, most));
    const kept = stage.kept.filter(({ id }) => !this.failures.has(id)).map(({ id }) => id);
    if (kept.length === 0) return;
    const threads = frame.rows * nodes.length < FEW_CELLS ? 0 : Math.min(this.threads, frame.symbols.length);
    const columns = stage.given
      .filter(({ id }) => !this.failures.has(id))
      .map((node) => [node.id, shared(this.columnOf(node, frame), threads > 0)] as const);
    const made = kept.map((id) => [id, roomFor(frame.rows, threads > 0)] as const);
    const pool = ComputePool.open({ nodes, given: columns.map(([id]) => id), kept }, threads);
    try {
      const answers = await Promise.all(frame.symbols.map((rows) => pool.lane().compute(orderOf(rows, columns, made))));
      for (const { failures } of answers) for (const [id, cause] of failures) this.failures.set(id, cause);
    } finally {
      await pool.close();
    }
    for (const [id, column] of made) this.#columns.set(id, column);
  }

  cross({ node, input, table }: Crossing): void {
    const failure = this.failures.get(input.id);
    if (failure !== undefined) {
      this.failures.set(node.id, failure);
      return;
    }
    const frame = this.frames.get(table) as Frame;
    const column = this.columnOf(input, frame);
    const to = this.frames.get(String(node.params["to"] ?? table)) as Frame;
    this.#columns.set(node.id, node.op === "latest" ? latest(to, frame, column) : crossSection(node.op, frame, column));
  }

  /** Without those that take what failed. */
  #able(nodes: readonly IrNode[]): readonly IrNode[] {
    return nodes.filter((node) => {
      const cause = this.failures.get(node.id) ?? node.inputs.map((id) => this.failures.get(id)).find(Boolean);
      if (cause !== undefined) this.failures.set(node.id, cause);
      return cause === undefined;
    });
  }
}

type Named<Column> = readonly (readonly [id: string, column: Column])[];

function orderOf({ from, to }: SymbolRows, columns: Named<WholeColumn>, made: Named<WholeColumn>) {
  const slice = ({ values, valid }: WholeColumn): Target => ({
    values: values.subarray(from, to),
    valid: valid.subarray(from, to),
  });
  return {
    rows: to - from,
    begins: [0],
    kept: [[0, to - from]] as const,
    given: columns.map(([id, column]) => [id, slice(column)] as const),
    targets: made.map(([id, column]) => [id, slice(column)] as const),
  };
}

/** Threads see the same memory; what lies in another is copied. */
function shared(column: WholeColumn, isWanted: boolean): WholeColumn {
  if (!isWanted || column.values.buffer instanceof SharedArrayBuffer) return column;
  const copy = roomFor(column.values.length, true);
  copy.values.set(column.values);
  copy.valid.set(column.valid);
  return copy;
}

function roomFor(rows: number, isShared: boolean): WholeColumn {
  const room = (bytes: number): ArrayBufferLike => (isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  return { values: new Float64Array(room(rows * 8)), valid: new Uint8Array(room(rows)) };
}
