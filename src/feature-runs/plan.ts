import { within } from "../formulas/features/row-groups.js";
import { extentsOf } from "../formulas/ir/extents.js";
import type { IrNode } from "../formulas/ir/node.js";
import { reachedFrom } from "../formulas/ir/reached-from.js";
import { KernelRun } from "../formulas/lowering/kernel/symbol-run.js";

/** Nodes that are computed together over the rows of one table. */
export interface Plan {
  /** Inputs first. */
  readonly nodes: readonly IrNode[];
  /** Of the nodes: columns of the table, and what has been staged. */
  readonly given: readonly IrNode[];
  /** Of the nodes: those whose values are wanted. */
  readonly kept: readonly IrNode[];
}

/** The part of a plan that makes some of its kept nodes. */
export function reaching({ nodes, given }: Plan, kept: readonly IrNode[]): Plan {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const brought = new Set(given);
  const reached = reachedFrom(kept, byId, (node) => brought.has(node));
  return {
    nodes: nodes.filter(({ id }) => reached.has(id)),
    given: given.filter(({ id }) => reached.has(id)),
    kept,
  };
}

/**
 * Parts of the plan whose kernels each look back at no more than so many bytes, as far as single columns allow. `most`: the rows of
 * the longest symbol; no window takes room for more.
 */
export function passesOf(plan: Plan, most: number, bytes: number): readonly Plan[] {
  const { nodes, given, kept } = plan;
  const run = new KernelRun(
    nodes.map((node) => within(node, most)),
    new Set(given.map(({ id }) => id)),
  );
  if (run.bytes <= bytes || kept.length < 2) return [plan];
  const half = kept.length >> 1;
  return [kept.slice(0, half), kept.slice(half)].flatMap((part) => passesOf(reaching(plan, part), most, bytes));
}

/** Rows before its own that the plan looks back at; Infinity: to the symbol's first. */
export function extentOf({ nodes, given, kept }: Plan): number {
  const brought = new Set(given);
  const extents = extentsOf(nodes.map((node) => (brought.has(node) ? { ...node, primitive: "SOURCE" } : node)));
  return Math.max(0, ...kept.map(({ id }) => extents.get(id)?.left ?? 0));
}

/** What a row of a plan takes while it is under way. */
export function bytesOfRow({ given, kept }: Plan): number {
  return 9 * (given.length + kept.length) + 8;
}
