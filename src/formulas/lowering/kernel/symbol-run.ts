import { ArenaFull } from "../../../columnar/arena.js";
import type { IrNode } from "../../ir/node.js";
import { NoLowering } from "../no-lowering.js";
import { KERNEL_LOWERINGS } from "./lowering.js";
import { Machine } from "./machine.js";
import { NodeFailed } from "./node-failed.js";
import { Planner, type Step } from "./planner.js";
import { addressOf, BLOCK, type Column } from "./track.js";

/** A column of rows. */
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

/** The nodes of a graph on the kernels, for one symbol after the other, block by block. */
export class KernelRun {
  #placed: Machine | undefined;
  readonly #planner = new Planner();
  readonly #given = new Map<string, Column>();
  /** Why nodes could not be computed, by their ids. */
  readonly failed = new Map<string, Error>();
  readonly #nodes: readonly IrNode[];
  #steps: readonly Step[] = [];
  /** Of the symbol, from 0. */
  #row = 0;

  /** `given`: the ids of nodes that are not computed but brought; `complete`: those of them that have no NULL in any row. */
  constructor(nodes: readonly IrNode[], given: ReadonlySet<string>, complete: ReadonlySet<string> = new Set()) {
    this.#nodes = nodes;
    for (const node of nodes) {
      if (given.has(node.id)) {
        const column = this.#planner.brought(complete.has(node.id));
        this.#given.set(node.id, column);
        this.#planner.lower({ ...node, inputs: [] }, () => column);
      } else {
        const lowering = KERNEL_LOWERINGS[node.primitive]?.[node.op];
        if (lowering === undefined) throw new NoLowering(node, "kernel");
        this.#planner.lower(node, (inputs) => lowering(node, this.#planner, inputs));
      }
    }
  }

  /** Bytes of what is looked back at; known before any is taken. */
  get bytes(): number {
    return this.#planner.bytes;
  }

  /** Its memory is taken when it is first needed. Throws `ArenaFull`. */
  get #machine(): Machine {
    if (this.#placed !== undefined) return this.#placed;
    const machine = new Machine();
    this.#planner.place(machine);
    this.#placed = machine;
    return machine;
  }

  /** Before the first row of a symbol. Throws `ArenaFull`, where there is no room for what is looked back at. */
  begin(): void {
    this.failed.clear();
    this.#planner.clear(this.#machine);
    this.#steps = this.#planner.steps;
    for (const { node, begin } of this.#steps) this.#guarded(node, () => begin?.(this.#machine));
    this.#forgetFailed();
    this.#row = 0;
  }

  /**
   * Computes the symbol's next rows, `[from, to)` of the columns that are given; `take` is given every block of the wanted nodes, but
   * of those that have failed.
   */
  advance(
    from: number,
    to: number,
    given: ReadonlyMap<string, GivenColumn>,
    wanted: readonly string[],
    take: (id: string, from: number, made: MadeColumn) => void,
  ): void {
    for (let first = from; first < to; first += BLOCK) {
      const count = Math.min(BLOCK, to - first);
      for (const [id, column] of this.#given) this.#bring(column, given.get(id), first, count);
      this.#runSteps(count);
      for (const id of wanted) if (!this.failed.has(id)) take(id, first, this.#madeBy(id, count));
      this.#planner.advance(count, this.#machine);
      this.#row += count;
    }
  }

  #runSteps(rows: number): void {
    const block = { machine: this.#machine, rows, first: this.#row };
    for (const { node, run } of this.#steps)
      if (node === undefined || !this.failed.has(node)) this.#guarded(node, () => run(block));
    this.#forgetFailed();
  }

  /** A step that fails takes its node with it. */
  #guarded(node: string | undefined, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (node === undefined || !(error instanceof NodeFailed || error instanceof ArenaFull)) throw error;
      this.#fail(node, error);
    }
  }

  #forgetFailed(): void {
    if (this.failed.size > 0)
      this.#steps = this.#steps.filter(({ node }) => node === undefined || !this.failed.has(node));
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
