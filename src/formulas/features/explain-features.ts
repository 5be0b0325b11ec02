import { extentsOf } from "../ir/extents.js";
import type { IrNode, ParameterValue, Primitive, ValueType } from "../ir/node.js";
import type { CompiledFeature, CompiledFeatures } from "./compile-features.js";
import { sinkOf } from "./stages.js";

/** A node of the graph as `explain` tells it. */
export interface ExplainedNode {
  /** Hash of all that it computes: equal nodes of other runs have it too. */
  readonly id: string;
  /** `n1`, `n2`, …: inputs come before what takes them. */
  readonly name: string;
  readonly primitive: Primitive;
  readonly op: string;
  readonly params: Readonly<Record<string, ParameterValue>>;
  /** Names. */
  readonly inputs: readonly string[];
  readonly type: ValueType;
  /** Rows of the symbol before its own that it depends on; null: all since the first. */
  readonly left: number | null;
  readonly right: number;
  /** The backend that computes it; of what is only read, null. */
  readonly backend: string | null;
  /** Features that it is computed for: a node of several is computed once. */
  readonly features: readonly string[];
}

export interface ExplainedFeature {
  readonly name: string;
  readonly table: string;
  /** The node with its values; absent: it cannot be computed. */
  readonly node?: string;
  readonly left?: number | null;
  readonly problem?: CompiledFeature["problem"];
}

export interface ExplainedFeatures {
  readonly clock: string;
  readonly backend: string;
  readonly nodes: readonly ExplainedNode[];
  readonly features: readonly ExplainedFeature[];
}

/** The graph of some features of a run, on the rows of the clock. */
export function explainFeatures(
  { graph, features }: CompiledFeatures,
  clock: string,
  backend: string,
  computes: (node: IrNode) => string | null,
): ExplainedFeatures {
  const roots = features.map((feature) => sinkOf(graph, feature, clock));
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const uses = new Map<string, Set<string>>();
  for (const [place, root] of roots.entries()) {
    const open = root === undefined ? [] : [root.id];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const users = uses.get(id) ?? new Set();
      const name = features[place]?.name ?? "";
      if (users.has(name)) continue;
      uses.set(id, users.add(name));
      open.push(...(byId.get(id)?.inputs ?? []));
    }
  }
  const nodes = graph.nodes.filter(({ id }) => uses.has(id));
  const names = new Map(nodes.map(({ id }, place) => [id, `n${place + 1}`]));
  const extents = extentsOf(nodes);
  const finite = (left: number): number | null => (Number.isFinite(left) ? left : null);
  return {
    clock,
    backend,
    nodes: nodes.map((node) => ({
      id: node.id,
      name: names.get(node.id) ?? "",
      primitive: node.primitive,
      op: node.op,
      params: node.params,
      inputs: node.inputs.map((id) => names.get(id) ?? ""),
      type: node.output,
      left: finite(extents.get(node.id)?.left ?? 0),
      right: extents.get(node.id)?.right ?? 0,
      backend: node.primitive === "SINK" ? null : computes(node),
      features: [...(uses.get(node.id) ?? [])],
    })),
    features: features.map(({ name, table, problem }, place) => {
      const [id] = roots[place]?.inputs ?? [];
      if (id === undefined) return { name, table, ...(problem === undefined ? {} : { problem }) };
      return { name, table, node: names.get(id) ?? "", left: finite(extents.get(id)?.left ?? 0) };
    }),
  };
}

/** `rolling_mean(n3, w=10, min_periods=10)`. */
export function callText({ primitive, op, params, inputs }: ExplainedNode): string {
  if (primitive === "SOURCE") return `${params["table"]}.${params["column"]}`;
  if (primitive === "SINK") return String(params["name"]);
  if (op === "constant") return params["value"] === null ? "None" : String(params["value"]);
  const given = Object.entries(params).map(([key, value]) => `${key}=${String(value)}`);
  return `${op}(${[...inputs, ...given].join(", ")})`;
}

export function explainedMermaid({ nodes }: ExplainedFeatures): string {
  const label = (text: string): string => `"${text.replaceAll('"', "#quot;")}"`;
  return [
    "graph LR",
    ...nodes.map((node) => {
      const text = label(`${node.primitive} ${callText(node)}`);
      return node.primitive === "SINK" ? `  ${node.name}([${text}])` : `  ${node.name}[${text}]`;
    }),
    ...nodes.flatMap(({ name, inputs }) => inputs.map((input) => `  ${input} --> ${name}`)),
  ].join("\n");
}
