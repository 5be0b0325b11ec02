import type { DType } from "../columnar/dtypes.js";
import type { Join } from "../operators/join.js";
import type { ColumnName, KeyPair } from "../operators/operator.js";
import type { Nanos } from "./instants.js";
import { Exclusions, instantIn, type Mention, nullKeyOf, referenceOf, shownKeys } from "./references.js";
import { distinctTuples, type Relation, RowsByKey } from "./relation.js";
import { type Cell, cellOf, type Fault, keyOf, type Row, valueIn } from "./row.js";
import type { JoinStep } from "./steps.js";
import { compareValues } from "./values.js";

/** The latest row of the key, whenever that was; without `latest` the only one: a second stops the run. */
export async function join(
  self: Join,
  rows: readonly Row[],
  right: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
): Promise<void> {
  const matching = await rowsOfKeys(self.on, rows, right);
  for (const row of rows) {
    const candidates = matching(row);
    const excluded = new Exclusions();
    const mentions = candidates.map((candidate) => mentionOf(self, candidate));
    const chosen = self.latest === undefined ? mentions[0] : latestOf(mentions, self.latest.ties);
    for (const mention of mentions) {
      if (mention === chosen || chosen === undefined) continue;
      excluded.add(compareValues(mention.time, chosen.time) === 0 ? "lost tie" : "earlier", mention);
    }
    const nullKey = nullKeyOf(self.on, row);
    const step: JoinStep = {
      type: "join",
      operator: self.name,
      view: right.view,
      keys: shownKeys(self.on, row, dtypes),
      ...(chosen === undefined ? {} : { chosen: referenceOf(chosen) }),
      excluded: excluded.list(row),
      ...(nullKey === undefined ? {} : { nullKey }),
    };
    const fault: Fault | undefined =
      self.latest === undefined && candidates.length > 1
        ? {
            kind: "stops",
            says: `view "${right.view}" has no timestamp_field and ${candidates.length} rows of this key`,
          }
        : undefined;
    for (const { name } of self.columns) row.cells.set(name, joinedCell(chosen?.row, name, step, fault));
  }
}

function mentionOf(self: Join, row: Row): Mention {
  return { row, time: self.latest === undefined ? null : instantIn(row, self.latest.time) };
}

/** What a joined column holds: the right row's value, or NULL. */
export function joinedCell(right: Row | undefined, column: ColumnName, step: JoinStep, fault?: Fault): Cell {
  const value = right === undefined || fault !== undefined ? null : cellOf(right, column).value;
  return { value, steps: [step], ...(fault === undefined ? {} : { fault }) };
}

/** The right rows of each left row's key; one question for all rows. */
export async function rowsOfKeys(
  on: readonly KeyPair[],
  rows: readonly Row[],
  right: Relation,
): Promise<(row: Row) => readonly Row[]> {
  const left = on.map((pair) => pair.left);
  const columns = on.map((pair) => pair.right);
  const keys = rows.flatMap((row) => {
    const key = keyOf(row, left);
    return key === undefined ? [] : [key];
  });
  const found = new RowsByKey(columns, await right.rowsWith(columns, distinctTuples(keys)));
  return (row) => {
    const key = keyOf(row, left);
    return key === undefined ? [] : found.of(key);
  };
}

/** The latest by time (none is oldest), among equal times the largest by the columns in their order. */
export function latestOf(mentions: readonly Mention[], ties: readonly ColumnName[]): Mention | undefined {
  let best: Mention | undefined;
  for (const mention of mentions) if (best === undefined || isLater(mention, best, ties)) best = mention;
  return best;
}

function isLater(one: Mention, other: Mention, ties: readonly ColumnName[]): boolean {
  const times: readonly (Nanos | null)[] = [one.time, other.time];
  const order = compareValues(times[0] ?? null, times[1] ?? null);
  if (order !== 0) return order > 0;
  for (const column of ties) {
    const tie = compareValues(valueIn(one.row, column), valueIn(other.row, column));
    if (tie !== 0) return tie > 0;
  }
  return false;
}
