import type { IrNode } from "./node.js";

/** The nodes and all that they are made of, as far as it is not given. */
export function reachedFrom(
  from: readonly IrNode[],
  byId: ReadonlyMap<string, IrNode>,
  isGiven: (node: IrNode) => boolean,
): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [...from];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (reached.has(node.id)) continue;
    reached.add(node.id);
    if (!isGiven(node)) open.push(...node.inputs.map((id) => byId.get(id) as IrNode));
  }
  return reached;
}
