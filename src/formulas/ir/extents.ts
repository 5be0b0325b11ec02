import type { IrNode } from "./node.js";

/** Rows of the symbol that a value depends on, before its own (`Infinity`: all since the first) and after it. */
export interface Extent {
  readonly left: number;
  readonly right: number;
}

/** The extent of each node, by its id; the nodes come inputs first. */
export function extentsOf(nodes: readonly IrNode[]): ReadonlyMap<string, Extent> {
  const extents = new Map<string, Extent>();
  for (const node of nodes) {
    const inputs = node.inputs.map((id) => extents.get(id) ?? { left: 0, right: 0 });
    const left = Math.max(0, ...inputs.map((extent) => extent.left)) + ownLeft(node);
    // Nothing in the language looks ahead: `lag` refuses to.
    extents.set(node.id, Object.freeze({ left, right: Math.max(0, ...inputs.map((extent) => extent.right)) }));
  }
  return extents;
}

function ownLeft({ primitive, op, params }: IrNode): number {
  if (primitive === "STATE") return Infinity;
  if (primitive !== "WINDOW") return 0;
  if (op === "lag") return Number(params["n"]);
  return params["w"] === 0 ? Infinity : Number(params["w"]) - 1;
}
