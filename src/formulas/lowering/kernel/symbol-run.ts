import type { IrNode } from "../../ir/node.js";
import { KERNEL_LOWERINGS } from "./lowering.js";
import { Machine } from "./machine.js";
import { NodeFailed } from "./node-failed.js";
import { Planner, type Step } from "./planner.js";
import { addressOf, BLOCK, type Column } from "./track.js";

/** A column of a symbol's rows, whole. */
export interface GivenColumn {
  readonly values: Float64Array;
  /** A byte a row, 0: NULL; absent: all rows have a value. */
  readonly valid?: Uint8Array;
}

/** A block of a node's values; it ends with the call. */
export interface MadeColumn {
  readonly values: Float64Array;
  /** A byte a row. */
  readonly valid: Uint8Array;
}

/** A node without a lowering for the backend. */
export class NoLowering extends Error {
  override readonly name = "NoLowering";
  constructor(node: Pick<IrNode, "primitive" | "op">) {
    super(`the kernel backend has no lowering for ${node.primitive} ${node.op}`);
  }
}

/** The nodes of a graph on the kernels, for one symbol after the other, block by block. */
export class KernelRun {
  readonly #machine = new Machine();
  readonly #planner = new Planner();
  readonly #given = new Map<string, Column>();
  /** Why nodes could not be computed, by their ids. */
  readonly failed = new Map<string, Error>();
  readonly #nodes: readonly IrNode[];

  /** `given`: the ids of nodes that are not computed but brought. */
  constructor(nodes: readonly IrNode[], given: ReadonlySet<string>) {
    this.#nodes = nodes;
    for (const node of nodes) {
      if (given.has(node.id)) {
        const column = this.#planner.output();
        this.#given.set(node.id, column);
        this.#planner.lower({ ...node, inputs: [] }, () => column);
      } else {
        const lowering = KERNEL_LOWERINGS[node.primitive]?.[node.op];
        if (lowering === undefined) throw new NoLowering(node);
        this.#planner.lower(node, (inputs) => lowering(node, this.#planner, inputs));
      }
    }
    this.#planner.place(this.#machine);
  }

  /** Bytes of the memory that all of it takes. */
  get bytes(): number {
    return this.#machine.arena.bytes;
  }

  /**
   * Computes a symbol's rows; `take` is given every block of the wanted nodes, but of those that failed. The blocks are as long as
   * `lengthOf` says, at most `BLOCK` rows.
   */
  run(
    rows: number,
    given: ReadonlyMap<string, GivenColumn>,
    wanted: readonly string[],
    take: (id: string, from: number, made: MadeColumn) => void,
    lengthOf: () => number = () => BLOCK,
  ): void {
    const machine = this.#machine;
    this.failed.clear();
    this.#planner.clear(machine);
    let steps: readonly Step[] = this.#planner.steps;
    for (let first = 0, count = 0; first < rows; first += count) {
      count = Math.min(BLOCK, lengthOf(), rows - first);
      for (const [id, column] of this.#given) this.#bring(column, given.get(id), first, count);
      const before = this.failed.size;
      for (const step of steps) {
        if (step.node !== undefined && this.failed.has(step.node)) continue;
        try {
          step.run({ machine, rows: count, first });
        } catch (error) {
          if (!(error instanceof NodeFailed) || step.node === undefined) throw error;
          this.#fail(step.node, error);
        }
      }
      if (this.failed.size > before) steps = steps.filter(({ node }) => node === undefined || !this.failed.has(node));
      for (const id of wanted) if (!this.failed.has(id)) take(id, first, this.#madeBy(id, count));
      this.#planner.advance(count, machine);
    }
  }

  #bring(column: Column, given: GivenColumn | undefined, first: number, count: number): void {
    if (given === undefined) throw new RangeError("a column that a node needs was not brought");
    const { arena } = this.#machine;
    const { buffer } = arena.memory;
    new Float64Array(buffer, addressOf(column.values), count).set(given.values.subarray(first, first + count));
    const valid = arena.bytesAt(addressOf(column.valid), count);
    if (given.valid === undefined) valid.fill(1);
    else valid.set(given.valid.subarray(first, first + count));
  }

  #madeBy(id: string, count: number): MadeColumn {
    const column = this.#planner.column(id);
    const { arena } = this.#machine;
    return {
      values: new Float64Array(arena.memory.buffer, addressOf(column.values), count),
      valid: arena.bytesAt(addressOf(column.valid), count),
    };
  }

  /** What is made of it fails too. */
  #fail(id: string, error: Error): void {
    this.failed.set(id, error);
    for (const node of this.#nodes)
      if (!this.failed.has(node.id) && node.inputs.some((input) => this.failed.has(input)))
        this.failed.set(node.id, error);
  }
}
