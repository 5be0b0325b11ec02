// Functions of this project's own, over Arrow vectors; `udf_columns` in config/training/runtime.yaml says where they are called.
import { type Data, Float64, type List, makeData, Vector } from "apache-arrow";
import { defineUdf } from "daedalus/udfs";

/** DOUBLE values, NULL where `value` gives none. */
function doubles(rows: number, value: (row: number) => number | undefined): Vector {
  const data = new Float64Array(rows);
  const nullBitmap = new Uint8Array(Math.ceil(rows / 8));
  let nullCount = 0;
  for (let row = 0; row < rows; row++) {
    const given = value(row);
    if (given === undefined) nullCount += 1;
    else {
      data[row] = given;
      nullBitmap[row >> 3] |= 1 << (row & 7);
    }
  }
  return new Vector([makeData({ type: new Float64(), data, nullBitmap, nullCount })]);
}

/** The lists of a column as they lie in memory, one behind the other: to ask a vector for each would cost far more. */
class Lists<Values extends BigInt64Array | Float32Array> {
  readonly #column: Vector<List>;
  readonly #offsets: Int32Array;
  readonly #elements: Data;

  constructor(column: Vector | undefined) {
    this.#column = column as Vector<List>;
    const [data] = this.#column.data;
    this.#offsets = data?.valueOffsets as Int32Array;
    this.#elements = data?.children[0] as Data;
  }

  isValid(row: number): boolean {
    return this.#column.isValid(row);
  }

  lengthOf(row: number): number {
    return (this.#offsets[row + 1] ?? 0) - (this.#offsets[row] ?? 0);
  }

  /** Without those that are NULL. */
  valuesOf(row: number): Values {
    const [from, to] = [this.#offsets[row] ?? 0, this.#offsets[row + 1] ?? 0];
    const values = this.#elements.values.subarray(from, to);
    return this.#elements.nullCount === 0
      ? values
      : values.filter((_: unknown, place: number) => this.#elements.getValid(from + place));
  }
}

/** The part of an artwork's boards from which the user has liked something lately; NULL where its boards are not known. */
export const tack_overlap = defineUdf({
  arguments: ["BIGINT[]", "BIGINT[]"],
  returns: "DOUBLE",
  compute([tacks, liked], rows) {
    const [own, lately] = [new Lists<BigInt64Array>(tacks), new Lists<BigInt64Array>(liked)];
    return doubles(rows, (row) => {
      if (!own.isValid(row)) return undefined;
      const known = lately.valuesOf(row);
      let shared = 0;
      for (const tack of own.valuesOf(row)) if (known.includes(tack)) shared += 1;
      return own.lengthOf(row) === 0 ? 0 : shared / own.lengthOf(row);
    });
  },
});

/** The cosine of the angle between an artwork's vector and the mean of what the user has liked; NULL where one is missing. */
export const cosine = defineUdf({
  arguments: ["FLOAT[]", "FLOAT[]"],
  returns: "DOUBLE",
  compute([left, right], rows) {
    const [a, b] = [new Lists<Float32Array>(left), new Lists<Float32Array>(right)];
    return doubles(rows, (row) => {
      if (!a.isValid(row) || !b.isValid(row)) return undefined;
      const [xs, ys] = [a.valuesOf(row), b.valuesOf(row)];
      let [dot, aa, bb] = [0, 0, 0];
      for (let i = 0; i < xs.length; i++) {
        const [x, y] = [xs[i] ?? 0, ys[i] ?? 0];
        dot += x * y;
        aa += x * x;
        bb += y * y;
      }
      return aa === 0 || bb === 0 ? undefined : dot / (Math.sqrt(aa) * Math.sqrt(bb));
    });
  },
});
