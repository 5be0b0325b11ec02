import type { FeatureBackend } from "../../definitions/feature-run.js";
import type { Graph, IrNode } from "../ir/node.js";

/** Who computes a node. `rows`: it is brought from other rows than the symbol's own before it; null: it is only read. */
export type Computes = FeatureBackend | "rows" | null;

/** Who computes each node of a graph in a run of a backend: Polars what it has, the kernel all else. */
export async function lowerings(graph: Graph, backend: FeatureBackend): Promise<(node: IrNode) => Computes> {
  const polars = backend === "polars" ? await import("./polars/polars-run.js") : undefined;
  return (node) => {
    if (node.primitive === "SOURCE") return null;
    if (node.primitive === "EVENT") return "rows";
    return polars?.isPolars(node, (id) => graph.node(id)) ? "polars" : "kernel";
  };
}
