// Functions of this project's own, over Arrow vectors; `udf_columns` in config/training/runtime.yaml says where they are called.
import { Float64, type List, makeData, Vector } from "apache-arrow";
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

/** The part of an artwork's boards from which the user has liked something lately; NULL where its boards are not known. */
export const tack_overlap = defineUdf({
  arguments: ["BIGINT[]", "BIGINT[]"],
  returns: "DOUBLE",
  compute([tacks, liked], rows) {
    return doubles(rows, (row) => {
      const own = tacks?.get(row);
      if (!own) return undefined;
      const known = new Set<bigint | null>(liked?.get(row) ?? []);
      let shared = 0;
      for (const tack of own) if (tack !== null && known.has(tack)) shared += 1;
      return own.length === 0 ? 0 : shared / own.length;
    });
  },
});

/** The cosine of the angle between an artwork's vector and the mean of what the user has liked; NULL where one is missing. */
export const cosine = defineUdf({
  arguments: ["FLOAT[]", "FLOAT[]"],
  returns: "DOUBLE",
  compute([left, right], rows) {
    const [a, b] = [left as Vector<List>, right as Vector<List>].map((vector) => ({
      vector,
      offsets: vector.data[0]?.valueOffsets as Int32Array,
      values: vector.data[0]?.children[0]?.values as Float32Array,
    }));
    return doubles(rows, (row) => {
      if (!a?.vector.isValid(row) || !b?.vector.isValid(row)) return undefined;
      const [from, to, other] = [a.offsets[row] ?? 0, a.offsets[row + 1] ?? 0, b.offsets[row] ?? 0];
      let [dot, aa, bb] = [0, 0, 0];
      for (let i = 0; i < to - from; i++) {
        const [x, y] = [a.values[from + i] ?? 0, b.values[other + i] ?? 0];
        dot += x * y;
        aa += x * x;
        bb += y * y;
      }
      return aa === 0 || bb === 0 ? undefined : dot / (Math.sqrt(aa) * Math.sqrt(bb));
    });
  },
});
