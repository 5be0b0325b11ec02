import type { DType } from "../columnar/dtypes.js";
import type { ColumnName, KeyPair } from "../operators/operator.js";
import { TooManyRows } from "./reading.js";
import { keyOf, type Row } from "./row.js";
import { equalityText, type Value } from "./values.js";

/** Rows that can be asked for by their keys: a view, or a history with columns of other views joined onto it. */
export interface Relation {
  /** The view whose rows it has. */
  readonly view: string;
  readonly dtypes: ReadonlyMap<ColumnName, DType>;
  /**
   * Fresh rows of which the columns equal one of the tuples (no value is NULL), in no order.
   * Throws TooManyRows.
   */
  rowsWith(columns: readonly ColumnName[], tuples: readonly (readonly Value[])[]): Promise<readonly Row[]>;
}

/** More tuples than this are no question of a few rows any more. */
const MOST_TUPLES = 50_000;

/** Each tuple once, by the equality of values. Throws TooManyRows. */
export function distinctTuples(tuples: Iterable<readonly Value[]>): readonly (readonly Value[])[] {
  const found = new Map<string, readonly Value[]>();
  for (const tuple of tuples) found.set(tupleText(tuple), tuple);
  if (found.size > MOST_TUPLES) throw new TooManyRows(`more than ${MOST_TUPLES} different keys`);
  return [...found.values()];
}

function tupleText(tuple: readonly Value[]): string {
  return equalityText(tuple.map((value) => (typeof value === "string" ? value : equalityText(value))));
}

/** Rows by the values of some columns; those with a NULL among them are left out. */
export class RowsByKey {
  readonly #rows = new Map<string, Row[]>();

  constructor(columns: readonly ColumnName[], rows: Iterable<Row>) {
    for (const row of rows) {
      const key = keyOf(row, columns);
      if (key === undefined) continue;
      const text = tupleText(key);
      const alike = this.#rows.get(text);
      if (alike === undefined) this.#rows.set(text, [row]);
      else alike.push(row);
    }
  }

  of(key: readonly Value[]): readonly Row[] {
    return this.#rows.get(tupleText(key)) ?? [];
  }
}

/** A relation with the columns of another one joined onto its rows by `join`, which looks rows up in `right`. */
export class JoinedRelation implements Relation {
  readonly view: string;
  readonly dtypes: ReadonlyMap<ColumnName, DType>;

  constructor(
    private readonly left: Relation,
    private readonly right: Relation,
    private readonly on: readonly KeyPair[],
    /** Where the joined columns come from, by their own name. */
    private readonly joined: ReadonlyMap<ColumnName, ColumnName>,
    private readonly join: (rows: readonly Row[]) => Promise<void>,
  ) {
    this.view = left.view;
    const added = [...joined].map(([as, from]) => [as, right.dtypes.get(from) ?? "BIGINT"] as const);
    this.dtypes = new Map([...left.dtypes, ...added]);
  }

  async rowsWith(columns: readonly ColumnName[], tuples: readonly (readonly Value[])[]): Promise<readonly Row[]> {
    const candidates = await this.#candidates(columns, tuples);
    await this.join(candidates);
    const byKey = new RowsByKey(columns, candidates);
    return tuples.flatMap((tuple) => byKey.of(tuple));
  }

  /** Left rows that can match: by their own columns if some are asked for, else by the keys of right rows that have the values. */
  async #candidates(columns: readonly ColumnName[], tuples: readonly (readonly Value[])[]): Promise<readonly Row[]> {
    const pick = (wanted: readonly number[]) => tuples.map((tuple) => wanted.map((index) => tuple[index] ?? null));
    const positions = [...columns.keys()];
    const own = positions.filter((index) => !this.joined.has(columns[index] ?? ""));
    if (own.length > 0) {
      const names = own.map((index) => columns[index] ?? "");
      return this.left.rowsWith(names, distinctTuples(pick(own)));
    }
    const names = columns.map((column) => this.joined.get(column) ?? column);
    const right = await this.right.rowsWith(names, distinctTuples(tuples));
    const keys = right.flatMap((row) => {
      const key = keyOf(
        row,
        this.on.map((pair) => pair.right),
      );
      return key === undefined ? [] : [key];
    });
    return this.left.rowsWith(
      this.on.map((pair) => pair.left),
      distinctTuples(keys),
    );
  }
}
