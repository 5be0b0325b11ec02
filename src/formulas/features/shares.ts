import type { IrNode } from "../ir/node.js";
import { reachedFrom } from "../ir/reached-from.js";
import type { Work } from "./row-groups.js";

/** A part of the wanted nodes, and all that it is made of. */
export interface Share {
  readonly work: Work;
  /** Places of its kept nodes among those of the whole. */
  readonly places: readonly number[];
}

/**
 * Splits work into as many shares as are wanted, for threads that compute the same rows: each wanted node goes where it adds least
 * to the longest share, nodes that it has in common with others of the share counted once.
 */
export function sharesOf(work: Work, ways: number): readonly Share[] {
  const byId = new Map(work.nodes.map((node) => [node.id, node]));
  const given = new Set(work.given);
  const shares = Array.from({ length: ways }, () => ({
    cost: 0,
    nodes: new Set<string>(),
    places: [] as number[],
  }));
  for (const [place, id] of work.kept.entries()) {
    const reached = [...reachedFrom([byId.get(id) as IrNode], byId, (node) => given.has(node.id))];
    const costs = shares.map(({ cost, nodes }) =>
      reached.reduce((sum, one) => sum + (nodes.has(one) ? 0 : costOf(byId.get(one) as IrNode)), cost + KEPT),
    );
    const least = Math.min(...costs);
    const share = shares[costs.indexOf(least)] as (typeof shares)[number];
    share.cost = least;
    share.places.push(place);
    for (const one of reached) share.nodes.add(one);
  }
  return shares.map(({ nodes, places }) => ({
    work: {
      ...work,
      nodes: work.nodes.filter(({ id }) => nodes.has(id)),
      given: work.given.filter((id) => nodes.has(id)),
      complete: work.complete.filter((id) => nodes.has(id)),
      kept: places.map((place) => work.kept[place] as string),
    },
    places,
  }));
}

/** About as many nanoseconds a row as a column takes to be encoded. */
const KEPT = 20;

const OF_WINDOWS: Readonly<Record<string, number>> = {
  lag: 0,
  rolling_corr: 40,
  rolling_cov: 20,
  rolling_skew: 150,
  rolling_kurt: 250,
  rolling_quantile: 230,
  rolling_rank: 250,
  rolling_rank_corr: 1_000,
};

/** About as many nanoseconds a row as a node takes. */
function costOf({ primitive, op }: IrNode): number {
  if (primitive === "WINDOW") return OF_WINDOWS[op] ?? 10;
  return primitive === "STATE" ? 5 : 1;
}
