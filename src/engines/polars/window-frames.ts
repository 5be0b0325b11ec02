import { join } from "node:path";
import type { DataFrame, Expr, LazyDataFrame, Series } from "nodejs-polars";
import { NEGATIVE_ZERO } from "./float-codes.js";
import type { PairOutput, Pairs, WindowWork, WorkValue } from "./window-work.js";

/** A package of its own size: loaded when the first windows are made. */
type Polars = typeof import("nodejs-polars")["default"];

/** Pairs of rows and values that are looked at together, unless one row has more. */
const PAIRS_TOGETHER = 2_000_000;

export interface WindowFiles {
  readonly queries: string;
  readonly history: string;
  /** Where the answers go. */
  readonly folder: string;
}

/** Makes the work's windows; the files of the answers: `row` and the columns that `WindowWork` names. */
export async function makeWindows(work: WindowWork, files: WindowFiles): Promise<readonly string[]> {
  const { default: polars } = await import("nodejs-polars");
  return new Windows(polars, work, files).run();
}

class Windows {
  readonly #polars: Polars;
  readonly #work: WindowWork;
  readonly #files: WindowFiles;

  constructor(polars: Polars, work: WindowWork, files: WindowFiles) {
    this.#polars = polars;
    this.#work = work;
    this.#files = files;
  }

  async run(): Promise<readonly string[]> {
    const bounds = await this.#bounds();
    const values = await Promise.all(this.#work.values.map((value, place) => this.#values(value, place)));
    const written: string[] = [];
    for (const [first, count] of this.#batches(bounds)) {
      const file = join(this.#files.folder, `windows-${written.length}.parquet`);
      await (await this.#answers(bounds.slice(first, count), values)).sinkParquet(file).collect();
      written.push(file);
    }
    return written;
  }

  #integer(value: number): Expr {
    return this.#polars.lit(value).cast(this.#polars.Int64);
  }

  /**
   * The rows with, for each of their bounds `j`, the running totals of what lies before it: `n<i>:<j>` values, halves `h<i>:<j>`
   * and `l<i>:<j>`. They run over all keys, in whose order the values stand, so that they are places among the values too.
   */
  async #bounds(): Promise<DataFrame> {
    const { col, Int64, scanParquet } = this.#polars;
    const { values, bounds } = this.#work;
    const names = values.flatMap(({ halved }, i) => (halved ? [`n${i}`, `h${i}`, `l${i}`] : [`n${i}`]));
    const totals = scanParquet(this.#files.history)
      .groupBy(["kid", "q"])
      .agg(
        ...names.map((name) =>
          name.startsWith("n")
            ? col(`v${name.slice(1)}`)
                .count()
                .cast(Int64)
                .alias(name)
            : col(name).sum().alias(name),
        ),
      )
      .sort({ by: ["kid", "q"] })
      .select("kid", "q", ...names.map((name) => col(name).cumSum()));
    let rows: LazyDataFrame = scanParquet(this.#files.queries).sort({ by: ["kid", "b0"] });
    for (let j = 0; j < bounds; j++) {
      const before = totals.select(
        "kid",
        col("q").alias(`q:${j}`),
        ...names.map((name) => col(name).alias(`${name}:${j}`)),
      );
      // Both are sorted within each key, which Polars cannot check and would say so.
      rows = rows
        .joinAsof(before, {
          leftOn: `b${j}`,
          rightOn: `q:${j}`,
          by: "kid",
          strategy: "backward",
          checkSortedness: false,
        })
        .drop(`b${j}`, `q:${j}`);
    }
    return rows.collect();
  }

  /** The values that are not NULL, in the order of keys, times and values. */
  async #values({ form, halved, listed }: WorkValue, place: number): Promise<DataFrame | undefined> {
    if (!listed) return undefined;
    const { col, scanParquet } = this.#polars;
    const value = `v${place}`;
    const code = form === "float" ? [`c${place}`] : [];
    const halves = halved ? [`h${place}`, `l${place}`] : [];
    return scanParquet(this.#files.history)
      .filter(col(value).isNotNull())
      .sort({ by: ["kid", "t", ...(form === "float" ? code : [value])] })
      .select(value, ...code, ...halves, ...(this.#work.available ? ["a"] : []))
      .collect();
  }

  /** First rows and numbers of rows whose pairs are together not too many. */
  #batches(bounds: DataFrame): readonly (readonly [first: number, count: number])[] {
    const { Float64 } = this.#polars;
    const { pairs } = this.#work;
    if (pairs.length === 0) return [[0, bounds.height]];
    const sizes = pairs
      .map((pair) => {
        const { start, end } = this.#window(pair);
        return end.sub(start);
      })
      .reduce((sum, size) => sum.add(size));
    const numbers = bounds.select(sizes.cast(Float64).alias("size")).getColumn("size").toTypedArray() as Float64Array;
    const batches: [number, number][] = [[0, 0]];
    let together = 0;
    for (const [row, size] of numbers.entries()) {
      const last = batches.at(-1);
      if (last !== undefined && (last[1] === 0 || together + size <= PAIRS_TOGETHER)) {
        last[1] += 1;
        together += size;
      } else {
        batches.push([row, 1]);
        together = size;
      }
    }
    return batches;
  }

  /** Places of a row's window among the values. */
  #window({ value, from, newest }: Pairs): { readonly start: Expr; readonly end: Expr } {
    const { col, when } = this.#polars;
    const start = col(`n${value}:${from}`);
    const end = col(`n${value}:0`);
    if (newest === undefined) return { start, end };
    const latest = end.sub(this.#integer(newest));
    return { start: when(latest.gt(start)).then(latest).otherwise(start), end };
  }

  async #answers(rows: DataFrame, values: readonly (DataFrame | undefined)[]): Promise<LazyDataFrame> {
    const { col } = this.#polars;
    const between = (name: string, value: number, from: number): Expr =>
      col(`${name}${value}:0`).sub(col(`${name}${value}:${from}`));
    let answers = rows
      .lazy()
      .select(
        "row",
        ...this.#work.totals.flatMap(({ place, value, from, sum }) =>
          (sum ? ["n", "h", "l"] : ["n"]).map((name) => between(name, value, from).alias(`${name}${place}`)),
        ),
      );
    for (const pairs of this.#work.pairs) {
      const known = values[pairs.value];
      if (known === undefined) throw new RangeError(`value ${pairs.value} is not listed`);
      answers = answers.join(await this.#aggregates(pairs, rows, known), { on: "row", how: "left" });
    }
    return answers;
  }

  /** Of the rows whose window has a value that is left. */
  async #aggregates(pairs: Pairs, rows: DataFrame, values: DataFrame): Promise<LazyDataFrame> {
    const { col, intRanges, Int64 } = this.#polars;
    const { start, end } = this.#window(pairs);
    const asked = [...(this.#work.available ? ["known"] : []), ...(pairs.without ? [`e${pairs.without.own}`] : [])];
    const places = await rows
      .lazy()
      .filter(end.gt(start))
      .select("row", ...asked, intRanges(start, end, 1, Int64).alias("place"))
      .explode("place")
      .collect();
    let found = this.#polars
      .concat([places.drop("place"), this.#at(values, places.getColumn("place"))], { how: "horizontal" })
      .lazy();
    if (this.#work.available) found = found.filter(col("a").ltEq(col("known")));
    if (pairs.without) found = found.filter(this.#differs(pairs, pairs.without));
    return found.groupBy(["row"], true).agg(...pairs.outputs.flatMap((output) => this.#aggregate(output, pairs.value)));
  }

  #at(values: DataFrame, places: Series): DataFrame {
    const { col, lit } = this.#polars;
    if (places.length === 0) return values.slice(0, 0);
    // A series is a literal of one list, whose elements are the places.
    return values.select(...values.columns.map((name) => col(name).gather(lit(places).explode())));
  }

  #differs({ value }: Pairs, { own, list }: NonNullable<Pairs["without"]>): Expr {
    const { col, lit } = this.#polars;
    const mine = col(`e${own}`);
    const same = this.#equality(value);
    // NULL equals nothing.
    return (list ? same.isIn(mine) : same.eq(mine)).fillNull(lit(false)).not();
  }

  /** By which values are equal. */
  #equality(value: number): Expr {
    const { col, when, Int64 } = this.#polars;
    switch (this.#work.values[value]?.form) {
      case "float": {
        const code = col(`c${value}`);
        return when(code.eq(this.#integer(NEGATIVE_ZERO)))
          .then(this.#integer(0))
          .otherwise(code);
      }
      case "integer":
        return col(`v${value}`).cast(Int64);
      default:
        return col(`v${value}`);
    }
  }

  #aggregate({ place, aggregate, newest }: PairOutput, value: number): readonly Expr[] {
    const { col, Int64, len } = this.#polars;
    const name = `c${place}`;
    const count = len().cast(Int64).alias(`n${place}`);
    const { form } = this.#work.values[value] ?? {};
    const ordered = col(form === "float" ? `c${value}` : `v${value}`);
    const list = newest === undefined ? col(`v${value}`) : col(`v${value}`).tail(newest);
    switch (aggregate) {
      case "count":
        return [count];
      case "count_distinct":
        return [this.#equality(value).nUnique().cast(Int64).alias(name)];
      case "min":
        return [ordered.min().alias(name)];
      case "max":
        return [ordered.max().alias(name)];
      case "last":
        return [col(`v${value}`).last().alias(name)];
      case "list":
        return [list.alias(name)];
      case "sum":
      case "mean":
        if (form === "float") return [list.alias(name)];
        return [count, ...["h", "l"].map((half) => col(`${half}${value}`).sum().alias(`${half}${place}`))];
    }
  }
}
