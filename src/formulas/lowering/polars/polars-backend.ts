import type { IrNode } from "../../ir/node.js";
import { type GivenColumn, KernelRun } from "../kernel/symbol-run.js";
import { isPolars, PolarsRun } from "./polars-run.js";

/** Nodes that one side computes before the other goes on. */
interface Part {
  readonly given: readonly string[];
  readonly wanted: readonly string[];
  readonly polars?: PolarsRun;
  readonly kernel?: KernelRun;
}

/** The columns of a symbol: its nodes on Polars as far as it has them, the others on the kernel between two collects. */
export class PolarsBackend {
  readonly #parts: readonly Part[];

  /** Nodes with their inputs first; `given` are brought, `kept` are wanted. */
  constructor(
    private readonly nodes: readonly IrNode[],
    given: ReadonlySet<string>,
    kept: ReadonlySet<string>,
  ) {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const turns = turnsOf(nodes, given, byId);
    const last = Math.max(0, ...turns.values());
    const isConstant = (id: string): boolean => byId.get(id)?.op === "constant";
    const parts: Part[] = [];
    for (let turn = 0; turn <= last; turn++) {
      const own = nodes.filter(({ id }) => turns.get(id) === turn && !isConstant(id));
      const constants = nodes.filter(({ id }) => isConstant(id) && (kept.has(id) ? turn === 0 : takes(own, id)));
      const computed = [...constants, ...own];
      if (computed.length === 0) continue;
      const inside = new Set(computed.map(({ id }) => id));
      const brought = [...new Set(own.flatMap(({ inputs }) => inputs))].filter((id) => !inside.has(id));
      const later = nodes.filter(({ id }) => (turns.get(id) ?? 0) > turn);
      const wanted = computed.filter(({ id }) => kept.has(id) || (!isConstant(id) && takes(later, id)));
      const all = [...brought.map((id) => byId.get(id) as IrNode), ...computed];
      const run =
        turn % 2 === 0
          ? {
              polars: new PolarsRun(
                all,
                new Set(brought),
                wanted.map(({ id }) => id),
              ),
            }
          : { kernel: new KernelRun(all, new Set(brought)) };
      parts.push({ given: brought, wanted: wanted.map(({ id }) => id), ...run });
    }
    this.#parts = parts;
  }

  /** Columns of all rows of a symbol, by the ids of nodes. `failed` is told of nodes that cannot be computed, and of what takes them. */
  run(
    rows: number,
    given: ReadonlyMap<string, GivenColumn>,
    failed: (id: string, error: Error) => void,
  ): ReadonlyMap<string, GivenColumn> {
    const columns = new Map(given);
    const failures = new Map<string, Error>();
    for (const { polars, kernel, given: brought, wanted } of this.#parts) {
      const inputs = new Map(brought.map((id) => [id, columns.get(id) ?? nothing(rows)] as const));
      if (polars !== undefined)
        for (const [id, column] of polars.run(rows, inputs, (own, error) => failures.set(own, error)))
          columns.set(id, column);
      if (kernel === undefined) continue;
      const made = new Map(wanted.map((id) => [id, nothing(rows)]));
      kernel.begin();
      kernel.advance(0, rows, inputs, wanted, (id, from, { values, valid }) => {
        made.get(id)?.values.set(values, from);
        made.get(id)?.valid.set(valid, from);
      });
      for (const [id, column] of made) columns.set(id, column);
      for (const [id, error] of kernel.failed) failures.set(id, error);
    }
    for (const { id, inputs } of this.nodes) {
      const cause = failures.get(id) ?? inputs.map((input) => failures.get(input)).find(Boolean);
      if (cause === undefined) continue;
      failures.set(id, cause);
      failed(id, cause);
    }
    return columns;
  }
}

/** Even: Polars; odd: the kernel. As few as the nodes allow. */
function turnsOf(
  nodes: readonly IrNode[],
  given: ReadonlySet<string>,
  byId: ReadonlyMap<string, IrNode>,
): ReadonlyMap<string, number> {
  const turns = new Map<string, number>();
  for (const node of nodes) {
    if (given.has(node.id)) continue;
    const own = isPolars(node, (id) => byId.get(id)) ? 0 : 1;
    const after = Math.max(0, ...node.inputs.map((id) => turns.get(id) ?? 0));
    turns.set(node.id, after % 2 === own ? after : after + 1);
  }
  return turns;
}

function takes(nodes: readonly IrNode[], id: string): boolean {
  return nodes.some(({ inputs }) => inputs.includes(id));
}

function nothing(rows: number) {
  return { values: new Float64Array(rows), valid: new Uint8Array(rows) };
}
