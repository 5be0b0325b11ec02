import type { IrNode } from "../ir/node.js";

/** The backend that computes a node in a run that asks for one; null where a node is only read, or brought by other rows. */
export function backendOf({ primitive }: IrNode, _wanted: string): string | null {
  if (primitive === "SOURCE") return null;
  return primitive === "EVENT" ? "rows" : "kernel";
}
