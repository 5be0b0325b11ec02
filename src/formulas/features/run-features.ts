import { unpackBits } from "../../columnar/bits.js";
import type { FeatureBackend } from "../../definitions/feature-run.js";
import type { Problem } from "../../errors/problem.js";
import type { IrNode, ValueType } from "../ir/node.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import { type CompiledFeatures, problemsOfRun } from "./compile-features.js";
import { ComputePool, type Piece, pieceOf } from "./compute-pool.js";
import { CrossSections } from "./cross-sections.js";
import { latest, symbolUnknown, type WholeColumn, wholeColumn } from "./crossings.js";
import type { Frame, SymbolRows } from "./frame.js";
import { within } from "./row-groups.js";
import { type Crossing, onClock, type Stage, scheduleOf } from "./stages.js";
import { SYMBOL } from "./tables.js";

/** A feature's values on the clock's rows, or why there are none. */
export interface FeatureValues {
  readonly name: string;
  readonly type: ValueType;
  /** Of the clock's units, in their order. */
  readonly pieces?: readonly Piece[];
  readonly problem?: Problem;
}

export interface MemoryRunOptions {
  readonly threads: number;
  readonly backend: FeatureBackend;
}

/** Computes features over frames that lie in memory; the first frame is the clock. */
export async function runFeatures(
  { graph, features }: CompiledFeatures,
  frames: ReadonlyMap<string, Frame>,
  clock: Frame,
  options: MemoryRunOptions,
): Promise<readonly FeatureValues[]> {
  const run = new MemoryRun(frames, options);
  const nodes = features.map(({ node, table }) => node && onClock(graph, node, table, clock.name));
  const sinks = nodes.flatMap((node) => (node === undefined ? [] : [{ node, table: clock.name }]));
  for (const { stages, crossings } of scheduleOf(graph.nodes, sinks)) {
    for (const stage of stages) await run.stage(stage);
    for (const crossing of crossings) run.cross(crossing);
  }
  const problems = problemsOfRun(features, nodes, run.failures);
  return features.map(({ name }, place): FeatureValues => {
    const [node, problem] = [nodes[place], problems[place]];
    const type = node?.output ?? "Float64";
    if (problem !== undefined) return { name, type, problem };
    return node === undefined ? { name, type } : { name, type, pieces: run.piecesOf(node, clock) };
  });
}

/** Rows of a frame that are computed as one: symbols one after the other, until they are many rows. */
export function unitsOf({ symbols }: Pick<Frame, "symbols">): readonly (readonly SymbolRows[])[] {
  const units: SymbolRows[][] = [];
  let rows = MANY_ROWS;
  for (const symbol of symbols) {
    if (rows >= MANY_ROWS) {
      units.push([]);
      rows = 0;
    }
    units[units.length - 1]?.push(symbol);
    rows += symbol.to - symbol.from;
  }
  return units;
}

const MANY_ROWS = 32_768;

/** Cells below which a thread costs more than it saves. */
const FEW_CELLS = 1_000_000;

class MemoryRun {
  readonly #columns = new Map<string, WholeColumn>();
  readonly #pieces = new Map<string, readonly Piece[]>();
  /** Columns without NULLs. */
  readonly #complete = new Set<string>();
  readonly #sections = new CrossSections();
  /** Messages, by the ids of nodes. */
  readonly failures = new Map<string, string>();

  constructor(
    private readonly frames: ReadonlyMap<string, Frame>,
    private readonly options: MemoryRunOptions,
  ) {}

  columnOf(node: IrNode, frame: Frame): WholeColumn {
    const found = this.#columns.get(node.id);
    if (found !== undefined) return found;
    const pieces = this.#pieces.get(node.id);
    if (pieces === undefined && node.primitive !== "SOURCE") throw new RangeError(`node ${node.id} was not kept`);
    const read = pieces === undefined ? frame.doubles(String(node.params["column"])) : joined(pieces, frame.rows);
    if (read.valid === undefined) this.#complete.add(node.id);
    const column = wholeColumn(read);
    this.#columns.set(node.id, column);
    return column;
  }

  /** By the clock's units. */
  piecesOf(node: IrNode, clock: Frame): readonly Piece[] {
    const pieces = this.#pieces.get(node.id);
    if (pieces !== undefined) return pieces;
    const { values, valid } = this.columnOf(node, clock);
    return unitsOf(clock).map((unit) => {
      const [from, to] = rangeOf(unit);
      return pieceOf({ values: values.slice(from, to), valid: valid.slice(from, to) });
    });
  }

  async stage(stage: Stage): Promise<void> {
    const frame = this.frames.get(stage.table) as Frame;
    const most = Math.max(0, ...frame.symbols.map(({ from, to }) => to - from));
    const nodes = this.#able(stage.nodes).map((node) => within(node, most));
    const kept = stage.kept.filter(({ id }) => !this.failures.has(id)).map(({ id }) => id);
    if (kept.length === 0) return;
    const threads = frame.rows * nodes.length < FEW_CELLS ? 0 : this.options.threads;
    const columns = stage.given
      .filter(({ id }) => !this.failures.has(id))
      .map((node) => [node.id, shared(this.columnOf(node, frame), threads > 0)] as const);
    const { backend } = this.options;
    const given = columns.map(([id]) => id);
    const complete = given.filter((id) => this.#complete.has(id));
    const pool = await ComputePool.open({ backend, nodes, given, complete, kept }, threads, unitsOf(frame).length);
    try {
      const answers = await Promise.all(unitsOf(frame).map((unit) => pool.lane().compute(orderOf(unit, columns))));
      for (const { failures } of answers) for (const [id, cause] of failures) this.failures.set(id, cause);
      for (const [place, id] of kept.entries())
        if (!this.failures.has(id))
          this.#pieces.set(
            id,
            answers.map(({ columns: made }) => made[place] as Piece),
          );
    } finally {
      await pool.close();
    }
  }

  cross({ node, input, table }: Crossing): void {
    const failure = this.failures.get(input.id);
    if (failure !== undefined) {
      this.failures.set(node.id, failure);
      return;
    }
    const frame = this.frames.get(table) as Frame;
    const to = this.frames.get(String(node.params["to"] ?? table)) as Frame;
    const unknown = symbolUnknown(to.name, to.columns.columns.has(SYMBOL), frame.name, frame.symbols.length);
    if (node.op === "latest" && unknown !== undefined) {
      this.failures.set(node.id, unknown);
      return;
    }
    const column = this.columnOf(input, frame);
    const made =
      node.op === "latest" ? latest(to, frame, column) : this.#sections.compute(node.op, column, frame.byTime);
    this.#columns.set(node.id, made);
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

function orderOf(unit: readonly SymbolRows[], columns: readonly (readonly [id: string, column: WholeColumn])[]) {
  const [from, to] = rangeOf(unit);
  const slice = ({ values, valid }: WholeColumn): GivenColumn => ({
    values: values.subarray(from, to),
    valid: valid.subarray(from, to),
  });
  return {
    form: "columns" as const,
    rows: to - from,
    begins: unit.map((symbol) => symbol.from - from),
    kept: [[0, to - from]] as const,
    given: columns.map(([id, column]) => [id, slice(column)] as const),
  };
}

function rangeOf(unit: readonly SymbolRows[]): readonly [from: number, to: number] {
  return [unit[0]?.from ?? 0, unit[unit.length - 1]?.to ?? 0];
}

function joined(pieces: readonly Piece[], rows: number): WholeColumn {
  const whole = { values: new Float64Array(rows), valid: new Uint8Array(rows).fill(1) };
  let at = 0;
  for (const { values, bits } of pieces) {
    whole.values.set(values, at);
    if (bits !== undefined) unpackBits(bits, 0, values.length, whole.valid, at);
    at += values.length;
  }
  return whole;
}

/** Threads see the same memory; what lies in another is copied. */
function shared(column: WholeColumn, isWanted: boolean): WholeColumn {
  if (!isWanted || column.values.buffer instanceof SharedArrayBuffer) return column;
  const copy = {
    values: new Float64Array(new SharedArrayBuffer(column.values.byteLength)),
    valid: new Uint8Array(new SharedArrayBuffer(column.valid.byteLength)),
  };
  copy.values.set(column.values);
  copy.valid.set(column.valid);
  return copy;
}
