import type { DType } from "../columnar/dtypes.js";
import type { Instant } from "../columnar/instants.js";
import type { KeyPair } from "../operators/operator.js";
import { isoInstant, type Nanos, nanosOf } from "./instants.js";
import { type Cell, type Row, ticksIn, valueIn } from "./row.js";
import { type Excluded, type ExclusionReason, MOST_ROWS, type RowReference, type Step } from "./steps.js";
import { compareValues, shown, type Value } from "./values.js";

/** The instant of a row in nanoseconds, or null. */
export function instantIn(row: Row, instant: Instant): Nanos | null {
  const ticks = ticksIn(row, instant.column);
  return ticks === null ? null : nanosOf(ticks, instant);
}

/** The values that a row is looked up by, as a story tells them: by right column. */
export function shownKeys(
  on: readonly KeyPair[],
  left: Row,
  dtypes: ReadonlyMap<string, DType>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    on.map((pair) => [pair.right, shown(valueIn(left, pair.left), dtypes.get(pair.left) ?? "BIGINT")]),
  );
}

/** The first left key that is NULL. */
export function nullKeyOf(on: readonly KeyPair[], left: Row): string | undefined {
  return on.find((pair) => valueIn(left, pair.left) === null)?.left;
}

/** What a row has to say in a story. */
export interface Mention {
  readonly row: Row;
  readonly time: Nanos | null;
  readonly available?: Nanos | null;
  readonly value?: { readonly cell: Cell; readonly value: Value; readonly dtype: DType };
}

export function referenceOf(mention: Mention, explained?: Row): RowReference {
  const { row, time, available, value } = mention;
  const through = throughOf(value?.cell.steps ?? []);
  return {
    ...(row.place === undefined ? {} : { file: row.place.file, row: row.place.row }),
    ...(time === null ? {} : { time: isoInstant(time) }),
    ...(available === undefined || available === null ? {} : { available: isoInstant(available) }),
    ...(value === undefined ? {} : { value: shown(value.value, value.dtype) }),
    ...(through.length === 0 ? {} : { through }),
    ...(samePlace(row, explained) ? { itself: true as const } : {}),
  };
}

function samePlace({ place }: Row, explained: Row | undefined): boolean {
  const other = explained?.place;
  return (
    place !== undefined &&
    other !== undefined &&
    place.view === other.view &&
    place.file === other.file &&
    place.row === other.row
  );
}

/** The rows of other views that a value of a history came through. */
function throughOf(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) =>
    (step.type === "join" || step.type === "pit_join") && step.chosen !== undefined
      ? [`${step.view} ${placeText(step.chosen)}`]
      : [],
  );
}

/** `file row 3`, or the time where the source tells no place. */
export function placeText({ file, row, time }: RowReference): string {
  return file === undefined ? `row of ${time ?? "no time"}` : `${file} row ${row}`;
}

/** In the order in which stories list rows: by time, then by value, then by place. */
export function byTime(left: Mention, right: Mention): number {
  const places = (a: Row, b: Row) =>
    compareValues(a.place?.file ?? null, b.place?.file ?? null) || (a.place?.row ?? 0) - (b.place?.row ?? 0);
  return (
    compareValues(left.time, right.time) ||
    compareValues(left.value?.value ?? null, right.value?.value ?? null) ||
    places(left.row, right.row)
  );
}

/** The rows that did not enter the value of a row, by reason. */
export class Exclusions {
  readonly #mentions = new Map<ExclusionReason, Mention[]>();

  add(reason: ExclusionReason, mention: Mention): void {
    const known = this.#mentions.get(reason);
    if (known === undefined) this.#mentions.set(reason, [mention]);
    else known.push(mention);
  }

  /** In the order in which the reasons were first met. Rows are listed only of a row that has a place: others have no story. */
  list(explained: Row): readonly Excluded[] {
    return [...this.#mentions].map(([reason, mentions]) => ({
      reason,
      count: mentions.length,
      rows: listed(mentions, explained),
    }));
  }
}

/** The first rows, as references. */
export function listed(mentions: readonly Mention[], explained: Row): readonly RowReference[] {
  if (explained.place === undefined) return [];
  return [...mentions]
    .sort(byTime)
    .slice(0, MOST_ROWS)
    .map((mention) => referenceOf(mention, explained));
}
