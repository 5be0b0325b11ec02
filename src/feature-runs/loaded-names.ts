/** How the columns of a loaded table are called in SQL: by their places, since users' names may be any, and differ by case only. */
export class LoadedNames {
  readonly #places: ReadonlyMap<string, number>;
  readonly bareTime = "t";
  readonly barePlace = "place";
  /** The row's instant: ticks. */
  readonly time = "r.t";
  /** The row's number, from 1, as it came. */
  readonly place = "r.place";

  constructor(columns: readonly string[]) {
    this.#places = new Map(columns.map((name, place) => [name, place]));
  }

  bare(column: string): string {
    const place = this.#places.get(column);
    if (place === undefined) throw new RangeError(`the column ${column} was not loaded`);
    return `c${place}`;
  }

  /** Of the table under the alias `r`: no name of the answer hides it. */
  of(column: string): string {
    return `r.${this.bare(column)}`;
  }
}
