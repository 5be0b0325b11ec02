import type { FeatureBackend } from "../../definitions/feature-run.js";
import type { Graph, IrNode } from "../ir/node.js";
import { isPolars } from "./polars/polars-run.js";

/**
 * Who computes a node in a run of a backend: Polars what it has, the kernel all else. `rows`: it is brought from other rows than the
 * symbol's own before it. Null: it is only read.
 */
export function backendOf(node: IrNode, graph: Graph, backend: FeatureBackend): FeatureBackend | "rows" | null {
  if (node.primitive === "SOURCE") return null;
  if (node.primitive === "EVENT") return "rows";
  return backend === "polars" && isPolars(node, (id) => graph.node(id)) ? "polars" : "kernel";
}
