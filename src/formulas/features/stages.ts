import type { Graph, IrNode } from "../ir/node.js";
import { reachedFrom } from "../ir/reached-from.js";

/** Nodes that are computed together over the rows of one table, symbol by symbol. */
export interface Stage {
  readonly table: string;
  /** Inputs first; those of `given` are brought: columns of the table, what other rows make, and what stages before it kept. */
  readonly nodes: readonly IrNode[];
  readonly given: readonly IrNode[];
  /** What later stages, other rows and features take. */
  readonly kept: readonly IrNode[];
}

/** Something that is made of other rows than a symbol's own before it: those of its time, or another table's. */
export interface Crossing {
  readonly node: IrNode;
  readonly input: IrNode;
  /** The table on whose rows its input is. */
  readonly table: string;
}

/** What is done one after the other. */
export type Schedule = readonly { readonly stages: readonly Stage[]; readonly crossings: readonly Crossing[] }[];

/** The node of a feature on the rows of the clock: what other tables have is brought by time. */
export function onClock(graph: Graph, node: IrNode, table: string, clock: string): IrNode {
  return table === clock ? node : graph.add("EVENT", "latest", { from: table, to: clock }, [node], node.output);
}

/** The end of a feature: its values on the rows of the clock; undefined where it has none. */
export function sinkOf(
  graph: Graph,
  { name, node, table }: { readonly name: string; readonly node?: IrNode; readonly table: string },
  clock: string,
): IrNode | undefined {
  if (node === undefined) return undefined;
  const value = onClock(graph, node, table, clock);
  return graph.add("SINK", "feature", { name, table: clock }, [value], value.output);
}

/** A node whose values are wanted, on the rows of a table. */
export interface Sink {
  readonly node: IrNode;
  readonly table: string;
}

/** Cuts the graph where a value needs rows that are not the symbol's own before it. What no sink takes is not computed. */
export function scheduleOf(nodes: readonly IrNode[], sinks: readonly Sink[]): Schedule {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const places = placesOf(byId, sinks);
  const needed = nodes.filter(({ id }) => places.has(id));
  const levels = levelsOf(needed);
  const levelOf = ({ id }: IrNode): number => levels.get(id) ?? 0;
  const isComputed = ({ primitive }: IrNode): boolean => primitive !== "SOURCE" && primitive !== "EVENT";
  const tables = [...new Set([...places.values()].flatMap((names) => [...names]))];
  const most = Math.max(0, ...levels.values());

  /** What is taken on the rows of a table by who does not belong to its level's stage there. */
  const takenFrom = (table: string, level: number): ReadonlySet<string> => {
    const taken = new Set(sinks.filter((sink) => sink.table === table).map(({ node }) => node.id));
    for (const node of needed)
      if (node.primitive === "EVENT" ? inputTable(node, places) === table : levelOf(node) > level)
        for (const id of node.inputs) taken.add(id);
    return taken;
  };

  const stageOf = (table: string, level: number): Stage => {
    const taken = takenFrom(table, level);
    const isOn = ({ id }: IrNode): boolean => places.get(id)?.has(table) === true;
    const kept = needed.filter(
      (node) => isOn(node) && isComputed(node) && levelOf(node) === level && taken.has(node.id),
    );
    // Constants are of all levels: they are made where they are taken.
    const isGiven = (node: IrNode): boolean => !isComputed(node) || (levelOf(node) < level && node.inputs.length > 0);
    const reached = reachedFrom(kept, byId, isGiven);
    const own = needed.filter(({ id }) => reached.has(id));
    return { table, nodes: own, given: own.filter(isGiven), kept };
  };

  return Array.from({ length: most + 1 }, (_, level) => ({
    stages: tables.map((table) => stageOf(table, level)).filter(({ kept }) => kept.length > 0),
    crossings: needed
      .filter((node) => node.primitive === "EVENT" && levelOf(node) === level + 1)
      .map((node) => ({
        node,
        input: byId.get(node.inputs[0] ?? "") as IrNode,
        table: inputTable(node, places),
      })),
  }));
}

/** The tables on whose rows each node that a sink takes is wanted. */
function placesOf(byId: ReadonlyMap<string, IrNode>, sinks: readonly Sink[]): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  const open = sinks.map(({ node, table }) => ({ node, table }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, table } = next;
    const known = places.get(node.id) ?? new Set();
    if (known.has(table)) continue;
    places.set(node.id, known.add(table));
    const from = node.op === "latest" && node.primitive === "EVENT" ? String(node.params["from"]) : table;
    for (const id of node.inputs) open.push({ node: byId.get(id) as IrNode, table: from });
  }
  return places;
}

function inputTable(node: IrNode, places: ReadonlyMap<string, ReadonlySet<string>>): string {
  if (node.op === "latest") return String(node.params["from"]);
  return [...(places.get(node.id) ?? [])][0] ?? "";
}

/** How often other rows come in on the way to a node. */
function levelsOf(nodes: readonly IrNode[]): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  for (const { id, inputs, primitive } of nodes) {
    const before = Math.max(0, ...inputs.map((input) => levels.get(input) ?? 0));
    levels.set(id, primitive === "EVENT" ? before + 1 : before);
  }
  return levels;
}
