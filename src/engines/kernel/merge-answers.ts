import type { ColumnBuffers } from "../../columnar/arrow-answers.js";

/**
 * Two answers of one output for the same rows, from indexes that share no key: for each row one of them, at least, has no
 * history. What that one says is [], 0, or NULL over zero bits; so lists are joined and everything else is or-ed.
 */
export function mergeAnswers(a: ColumnBuffers, b: ColumnBuffers, rows: number): ColumnBuffers {
  if (a.offsets !== undefined && b.offsets !== undefined) return joinedLists(a, a.offsets, b, b.offsets, rows);
  const values = or(a.values, b.values);
  // An answer without validity is valid in every row, and so is the merged one.
  if (a.validity === undefined || b.validity === undefined) return { values, nulls: 0 };
  const validity = or(a.validity, b.validity);
  const nulls = rows - ones(validity);
  return nulls === 0 ? { values, nulls } : { values, validity, nulls };
}

function joinedLists(
  a: ColumnBuffers,
  ofA: Int32Array,
  b: ColumnBuffers,
  ofB: Int32Array,
  rows: number,
): ColumnBuffers {
  const [countA, countB] = [ofA[rows] as number, ofB[rows] as number];
  if (countB === 0) return a;
  if (countA === 0) return b;
  const width = a.values.length / countA;
  const values = new Uint8Array((countA + countB) * width);
  const offsets = new Int32Array(rows + 1);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const [source, of] of [
      [a.values, ofA],
      [b.values, ofB],
    ] as const) {
      const [from, to] = [of[row] as number, of[row + 1] as number];
      if (from === to) continue;
      values.set(source.subarray(from * width, to * width), at * width);
      at += to - from;
    }
    offsets[row + 1] = at;
  }
  return { values, offsets, nulls: 0 };
}

function or(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length);
  for (let i = 0; i < both.length; i++) both[i] = (a[i] as number) | (b[i] as number);
  return both;
}

function ones(bits: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) for (let byte = bits[i] as number; byte !== 0; byte &= byte - 1) count += 1;
  return count;
}
