import { ArenaFull } from "../../columnar/arena.js";
import type { FeatureBackend } from "../../definitions/feature-run.js";
import type { IrNode } from "../ir/node.js";
import { type GivenColumn, KernelRun } from "../lowering/kernel/symbol-run.js";

/** Nodes that are computed together: plain data, so that threads can be told of them. */
export interface Work {
  readonly backend: FeatureBackend;
  /** Inputs first. */
  readonly nodes: readonly IrNode[];
  /** Of the nodes: those that are brought. */
  readonly given: readonly string[];
  /** Of those: the ones that have a value in every row of every group, as far as it is known. */
  readonly complete: readonly string[];
  /** Of the nodes: those whose values are wanted. */
  readonly kept: readonly string[];
}

/** The next rows of one symbol or several, one after the other. */
export interface RowGroup {
  readonly rows: number;
  /** Rows at which a symbol begins, ascending; rows before the first go on with the symbol of the group before. */
  readonly begins: readonly number[];
  /** Ranges of rows whose values are kept; the others are only looked back at. */
  readonly kept: readonly (readonly [from: number, to: number])[];
  /** By the ids of the given nodes. */
  readonly given: ReadonlyMap<string, GivenColumn>;
}

/** Where the values of a node go: as many as rows are kept. */
export interface Target {
  readonly values: Float64Array;
  /** A byte a row, 0: NULL. */
  readonly valid: Uint8Array;
}

/** Computes row groups, each after the one before it. */
export interface GroupComputer {
  /** Why nodes have failed, by their ids: with any symbol they fail for all. */
  readonly failures: ReadonlyMap<string, Error>;
  /** Fills the targets of the kept nodes, but of those that have failed. */
  compute(group: RowGroup, targets: ReadonlyMap<string, Target>): void;
}

/** What computes groups for a backend. */
export async function groupComputer(work: Work): Promise<GroupComputer> {
  if (work.backend === "kernel") return new KernelComputer(work);
  const { PolarsComputer } = await import("./polars-computer.js");
  return new PolarsComputer(work);
}

/** On the kernels, block by block: a symbol's rows may come in many groups. */
class KernelComputer implements GroupComputer {
  readonly #run: KernelRun;
  readonly #work: Work;
  #full: ArenaFull | undefined;
  readonly failures = new Map<string, Error>();

  constructor(work: Work) {
    this.#work = work;
    this.#run = new KernelRun(work.nodes, new Set(work.given), new Set(work.complete));
  }

  compute(group: RowGroup, targets: ReadonlyMap<string, Target>): void {
    const ends = [...group.begins, group.rows];
    const cursor = { range: 0, at: 0 };
    let from = 0;
    for (const [place, end] of ends.entries()) {
      if (end > from) this.#advance(group, from, end, targets, cursor);
      from = end;
      if (place < group.begins.length) this.#begin();
    }
    for (const [id, error] of this.#run.failed) if (!this.failures.has(id)) this.failures.set(id, error);
  }

  #begin(): void {
    for (const [id, error] of this.#run.failed) if (!this.failures.has(id)) this.failures.set(id, error);
    if (this.#full !== undefined) return;
    try {
      this.#run.begin();
    } catch (error) {
      if (!(error instanceof ArenaFull)) throw error;
      this.#full = error;
      for (const id of this.#work.kept) this.failures.set(id, error);
    }
  }

  /** `cursor`: the first range of kept rows that goes on at `from` or after it, and where its rows go in the targets. */
  #advance(
    group: RowGroup,
    from: number,
    to: number,
    targets: ReadonlyMap<string, Target>,
    cursor: { range: number; at: number },
  ): void {
    if (this.#full !== undefined) return;
    // Rows that are only looked back at are not copied.
    let next = from;
    for (let kept = group.kept[cursor.range]; kept !== undefined; kept = group.kept[cursor.range]) {
      const [first, last] = kept;
      const [begin, end] = [Math.max(first, from), Math.min(last, to)];
      if (end > begin) {
        if (begin > next) this.#run.advance(next, begin, group.given, [], () => undefined);
        const shift = cursor.at - first;
        this.#run.advance(begin, end, group.given, this.#work.kept, (id, row, made) => {
          const target = targets.get(id);
          target?.values.set(made.values, row + shift);
          target?.valid.set(made.valid, row + shift);
        });
        next = end;
      }
      if (last > to) break;
      cursor.at += last - first;
      cursor.range += 1;
    }
    if (next < to) this.#run.advance(next, to, group.given, [], () => undefined);
  }
}

/** Rows of a group that are kept. */
export function keptRows({ kept }: Pick<RowGroup, "kept">): number {
  return kept.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** A window of more rows than any symbol has is one of all rows so far, and takes no more memory than that. */
export function within(node: IrNode, most: number): IrNode {
  const { w = 0, n = 0 } = node.params;
  if (node.primitive !== "WINDOW" || Math.max(Number(w), Number(n)) <= most) return node;
  return { ...node, params: node.op === "lag" ? { n: most } : { ...node.params, w: 0 } };
}
