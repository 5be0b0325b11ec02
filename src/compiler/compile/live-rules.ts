import type { HiddenColumn, ResolvedCuration, ResolvedService } from "../resolve/resolved-service.js";

/** The rules that change what is written, and the working columns that they read or change. */
export interface LiveRules {
  readonly curation: readonly ResolvedCuration[];
  readonly remap: boolean;
  /** Hidden working columns that must be there. */
  readonly hidden: readonly HiddenColumn[];
  /** Contract columns that a rule reads or changes before defaults. */
  readonly touched: ReadonlySet<string>;
}

/**
 * A curation rule matters if its column is written, or read by the content filter or by a later rule that matters: found
 * from the last rule to the first. The content filter always matters, a remap only of a column of the contract.
 */
export function liveRules(service: ResolvedService): LiveRules {
  const contract = new Set(service.columns.map(({ name }) => name));
  const read = new Set(service.contentFilter.flatMap(({ columns }) => columns));
  const curation: ResolvedCuration[] = [];
  for (const rule of [...service.curation].reverse()) {
    if (!contract.has(rule.column) && !read.has(rule.column)) continue;
    curation.unshift(rule);
    read.add(rule.column);
    for (const column of rule.where.columns) read.add(column);
  }
  const remap = service.remap !== undefined && contract.has(service.remap.column);
  return {
    curation,
    remap,
    hidden: service.hidden.filter(({ name }) => read.has(name)),
    touched: new Set([...read].filter((name) => contract.has(name))),
  };
}
