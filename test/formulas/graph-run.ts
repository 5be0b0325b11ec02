import { parseFormula } from "#daedalus/formulas/grammar/parse.js";
import { buildFormula } from "#daedalus/formulas/ir/build-formula.js";
import { Graph, type IrNode } from "#daedalus/formulas/ir/node.js";
import { KernelRun } from "#daedalus/formulas/lowering/kernel/symbol-run.js";
import type { Cells } from "../oracles/formulas.js";

/** The graph of formulas over columns, and the node of each formula. */
export function graphOf(formulas: readonly string[], parameters: Readonly<Record<string, number | boolean>> = {}) {
  const graph = new Graph();
  const nodes = formulas.map((formula) =>
    buildFormula(graph, parseFormula(formula), {
      parameters: new Map(Object.entries(parameters)),
      resolve: ({ name }) => graph.add("SOURCE", "column", { name }, [], "Float64"),
      isKnown: () => false,
    }),
  );
  return { graph, nodes };
}

/** Every node's cells on the kernel, by its id; the rows are brought in pieces as long as is said. */
export function kernelCells(
  nodes: readonly IrNode[],
  columns: Readonly<Record<string, Cells>>,
  lengthOf: () => number = () => Infinity,
): ReadonlyMap<string, Cells> {
  const sources = nodes.filter(({ primitive }) => primitive === "SOURCE");
  const run = new KernelRun(nodes, new Set(sources.map(({ id }) => id)));
  const given = new Map(
    sources.map(({ id, params }) => {
      const cells = columns[String(params["name"])] ?? [];
      const values = Float64Array.from(cells, (cell) => cell ?? Number.NaN);
      return [id, { values, valid: Uint8Array.from(cells, (cell) => (cell === null ? 0 : 1)) }];
    }),
  );
  const rows = Object.values(columns)[0]?.length ?? 0;
  const cells = new Map<string, (number | null)[]>(nodes.map(({ id }) => [id, []]));
  const ids = nodes.map(({ id }) => id);
  run.begin();
  for (let from = 0; from < rows; ) {
    const to = Math.min(rows, from + lengthOf());
    run.advance(from, to, given, ids, (id, _, made) => {
      const into = cells.get(id);
      for (const [row, value] of made.values.entries()) into?.push(made.valid[row] === 1 ? value : null);
    });
    from = to;
  }
  return cells;
}

/** Why the cell is not what it should be; undefined if it is. */
export function difference(
  found: number | null,
  wanted: { readonly value: number | null; readonly within: number; readonly scale?: number },
): string | undefined {
  const { value, within, scale = 0 } = wanted;
  const told = `${String(found)} instead of ${String(value)}`;
  if (found === null || value === null) return found === value ? undefined : told;
  if (Number.isNaN(found) || Number.isNaN(value)) return Number.isNaN(found) && Number.isNaN(value) ? undefined : told;
  if (found === value) return undefined;
  if (within === 0) return told;
  // Results below the range of normal doubles have no 1e-12 to keep.
  return Math.abs(found - value) <= within * Math.max(Math.abs(value), scale) + 1e-321 ? undefined : told;
}
