import type { IrNode } from "../ir/node.js";

/** A node without a lowering for the backend. */
export class NoLowering extends Error {
  override readonly name = "NoLowering";
  constructor({ primitive, op }: Pick<IrNode, "primitive" | "op">, backend: string) {
    super(`the ${backend} backend has no lowering for ${primitive} ${op}`);
  }
}
