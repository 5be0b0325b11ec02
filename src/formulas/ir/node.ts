import { createHash } from "node:crypto";

/**
 * What a node is: a column of a table; a value made of the same row's; of the last rows; of a state that each row changes; of rows
 * that are found by their time (another table's, or all symbols'); a feature.
 */
export type Primitive = "SOURCE" | "TRANSFORM" | "WINDOW" | "STATE" | "EVENT" | "SINK";

/** Booleans are 0 and 1 wherever a number is wanted. */
export type ValueType = "Float64" | "Boolean";

export type ParameterValue = number | boolean | string | null;

/** A node of the graph: frozen plain data. Equal nodes have equal ids, and are one node. */
export interface IrNode {
  /** Hash of all the others, of the inputs by their ids. */
  readonly id: string;
  readonly primitive: Primitive;
  readonly op: string;
  readonly params: Readonly<Record<string, ParameterValue>>;
  /** Ids. */
  readonly inputs: readonly string[];
  readonly output: ValueType;
}

/** The nodes of a run, each once, inputs before those that take them. */
export class Graph {
  readonly #nodes = new Map<string, IrNode>();

  get nodes(): readonly IrNode[] {
    return [...this.#nodes.values()];
  }

  node(id: string): IrNode {
    const found = this.#nodes.get(id);
    if (found === undefined) throw new RangeError(`the graph has no node ${id}`);
    return found;
  }

  /** The node that is there already, if there is an equal one. */
  add(
    primitive: Primitive,
    op: string,
    params: Readonly<Record<string, ParameterValue>>,
    inputs: readonly IrNode[],
    output: ValueType,
  ): IrNode {
    const ids = inputs.map(({ id }) => id);
    const id = createHash("sha256")
      .update(contentOf(primitive, op, params, ids, output))
      .digest("hex")
      .slice(0, 16);
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const node = Object.freeze({
      id,
      primitive,
      op,
      params: Object.freeze({ ...params }),
      inputs: Object.freeze(ids),
      output,
    });
    this.#nodes.set(id, node);
    return node;
  }
}

function contentOf(
  primitive: Primitive,
  op: string,
  params: Readonly<Record<string, ParameterValue>>,
  inputs: readonly string[],
  output: ValueType,
): string {
  const given = Object.keys(params)
    .sort()
    .map((key) => [key, exactly(params[key] ?? null)]);
  return JSON.stringify([primitive, op, given, inputs, output]);
}

/** JSON has no −0, NaN and infinities. */
function exactly(value: ParameterValue): ParameterValue {
  if (typeof value !== "number") return value;
  return Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
}
