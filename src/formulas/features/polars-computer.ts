import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import { PolarsBackend } from "../lowering/polars/polars-backend.js";
import type { GroupComputer, RowGroup, Target, Work } from "./row-groups.js";

/** On Polars, symbol by symbol: a group holds all rows of its symbols. */
export class PolarsComputer implements GroupComputer {
  readonly #backend: PolarsBackend;
  readonly #kept: readonly string[];
  readonly failures = new Map<string, Error>();

  constructor({ nodes, given, kept }: Work) {
    this.#backend = new PolarsBackend(nodes, new Set(given), new Set(kept));
    this.#kept = kept;
  }

  compute(group: RowGroup, targets: ReadonlyMap<string, Target>): void {
    for (const [place, from] of group.begins.entries()) {
      const to = group.begins[place + 1] ?? group.rows;
      const given = new Map([...group.given].map(([id, column]) => [id, part(column, from, to)]));
      const columns = this.#backend.run(to - from, given, (id, error) => this.failures.set(id, error));
      for (const id of this.#kept) copyKept(columns.get(id), from, to, group, targets.get(id));
    }
  }
}

function part({ values, valid }: GivenColumn, from: number, to: number): GivenColumn {
  const rows = values.subarray(from, to);
  return valid === undefined ? { values: rows } : { values: rows, valid: valid.subarray(from, to) };
}

/** The kept rows of a symbol, to where they go among those of the group. */
function copyKept(
  column: GivenColumn | undefined,
  from: number,
  to: number,
  { kept }: RowGroup,
  target: Target | undefined,
): void {
  if (column === undefined || target === undefined) return;
  let at = 0;
  for (const [first, last] of kept) {
    const [begin, end] = [Math.max(first, from), Math.min(last, to)];
    if (end > begin) {
      target.values.set(column.values.subarray(begin - from, end - from), at + begin - first);
      if (column.valid === undefined) target.valid.fill(1, at + begin - first, at + end - first);
      else target.valid.set(column.valid.subarray(begin - from, end - from), at + begin - first);
    }
    at += last - first;
  }
}
