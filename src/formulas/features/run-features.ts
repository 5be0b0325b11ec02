import { ArenaFull } from "../../columnar/arena.js";
import { formulaProblem } from "../../errors/formula.js";
import type { Problem } from "../../errors/problem.js";
import type { IrNode, ValueType } from "../ir/node.js";
import { type GivenColumn, KernelRun } from "../lowering/kernel/symbol-run.js";
import type { CompiledFeatures } from "./compile-features.js";
import { crossSection, latest, type WholeColumn, wholeColumn } from "./crossings.js";
import type { Frame } from "./frame.js";
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
export function runFeatures(
  { graph, features }: CompiledFeatures,
  frames: ReadonlyMap<string, Frame>,
  clock: Frame,
): readonly FeatureValues[] {
  const run = new MemoryRun(frames);
  const sinks = features.flatMap(({ node, table }) => (node === undefined ? [] : [{ node, table }]));
  for (const { stages, crossings } of scheduleOf(graph.nodes, sinks)) {
    for (const stage of stages) run.stage(stage);
    for (const crossing of crossings) run.cross(crossing);
  }
  return features.map(({ name, node, table, problem }): FeatureValues => {
    const type = node?.output ?? "Float64";
    if (node === undefined) return { name, type, ...(problem === undefined ? {} : { problem }) };
    const failure = run.failures.get(node.id);
    if (failure !== undefined) return { name, type, problem: formulaProblem("failed", { cause: failure.message }) };
    const own = run.columnOf(node, frames.get(table) as Frame);
    const column = table === clock.name ? own : latest(clock, frames.get(table) as Frame, own);
    return { name, type, ...column };
  });
}

class MemoryRun {
  readonly #columns = new Map<string, WholeColumn>();
  readonly failures = new Map<string, Error>();

  constructor(private readonly frames: ReadonlyMap<string, Frame>) {}

  columnOf(node: IrNode, frame: Frame): WholeColumn {
    const found = this.#columns.get(node.id);
    if (found !== undefined) return found;
    if (node.primitive !== "SOURCE") throw new RangeError(`node ${node.id} was not kept`);
    const column = wholeColumn(frame.doubles(String(node.params["column"])));
    this.#columns.set(node.id, column);
    return column;
  }

  stage(stage: Stage): void {
    const frame = this.frames.get(stage.table) as Frame;
    const nodes = this.#able(stage.nodes);
    if (nodes.length === 0) return;
    const given = stage.given.filter(({ id }) => !this.failures.has(id));
    const brought = new Map(given.map((node) => [node.id, this.columnOf(node, frame)]));
    const most = Math.max(0, ...frame.symbols.map(({ from, to }) => to - from));
    const run = this.#planned(nodes, new Set(brought.keys()), most);
    if (run === undefined) return;
    const kept = stage.kept.filter(({ id }) => !this.failures.has(id));
    const made = new Map(
      kept.map(({ id }) => [id, { values: new Float64Array(frame.rows), valid: new Uint8Array(frame.rows) }]),
    );
    const ids = [...made.keys()];
    for (const { from, to } of frame.symbols) {
      const columns = new Map([...brought].map(([id, column]) => [id, sliceOf(column, from, to)]));
      run.run(to - from, columns, ids, (id, first, block) => {
        made.get(id)?.values.set(block.values, from + first);
        made.get(id)?.valid.set(block.valid, from + first);
      });
      for (const [id, error] of run.failed) this.failures.set(id, error);
    }
    for (const [id, column] of made) this.#columns.set(id, column);
  }

  /** Undefined where there is no room for what the nodes look back at: then all of them have failed. */
  #planned(nodes: readonly IrNode[], given: ReadonlySet<string>, most: number): KernelRun | undefined {
    try {
      return new KernelRun(
        nodes.map((node) => within(node, most)),
        given,
      );
    } catch (error) {
      if (!(error instanceof ArenaFull)) throw error;
      for (const { id } of nodes) if (!given.has(id)) this.failures.set(id, error);
      return undefined;
    }
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

/** A window of more rows than any symbol has is one of all rows so far, and takes no more memory than that. */
function within(node: IrNode, most: number): IrNode {
  const { w = 0, n = 0 } = node.params;
  if (node.primitive !== "WINDOW" || Math.max(Number(w), Number(n)) <= most) return node;
  return { ...node, params: node.op === "lag" ? { n: most } : { ...node.params, w: 0 } };
}

function sliceOf({ values, valid }: WholeColumn, from: number, to: number): GivenColumn {
  return { values: values.subarray(from, to), valid: valid.subarray(from, to) };
}
