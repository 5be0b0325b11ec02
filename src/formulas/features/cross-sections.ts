import { exactSum } from "../../columnar/exact-sum.js";
import { ExactWindow } from "../lowering/kernel/exact-window.js";
import { Machine } from "../lowering/kernel/machine.js";
import type { WholeColumn } from "./crossings.js";
import type { RowsByTime } from "./rows-by-time.js";

/** Rows that the kernels are given at a time; those of one time are not parted. */
const MOST_ROWS = 65_536;

/** As many as `scratch` of the kernel `crossRanks` wants for a row. */
const SCRATCH_BYTES = 32;

type Kind = 0 | 1;

/** Cross-sections: NULLs are left out and stay NULL. */
export class CrossSections {
  readonly #machine = new Machine();

  /** Of as many rows as there are by time; their values, where the rows lie. */
  compute(op: string, column: WholeColumn, { ends, order }: RowsByTime): WholeColumn {
    const rows = ends[ends.length - 1] ?? 0;
    const made = { values: new Float64Array(rows), valid: new Uint8Array(rows) };
    for (let time = 0; time < ends.length; ) {
      const from = ends[time - 1] ?? 0;
      let next = time + 1;
      while (next < ends.length && (ends[next] as number) - from <= MOST_ROWS) next++;
      const to = ends[next - 1] as number;
      const own = ends.subarray(time, next).map((end) => end - from);
      const placeOf = order?.subarray(from, to);
      if (placeOf === undefined) this.#computeTimes(op, sliceOf(column, from, to), own, sliceOf(made, from, to));
      else {
        const answer = { values: new Float64Array(to - from), valid: new Uint8Array(to - from) };
        this.#computeTimes(op, gathered(column, placeOf), own, answer);
        scatter(answer, placeOf, made);
      }
      time = next;
    }
    return made;
  }

  #computeTimes(op: string, column: WholeColumn, ends: Int32Array, made: WholeColumn): void {
    const { arena, kernels } = this.#machine;
    const rows = column.values.length;
    const mark = arena.mark();
    const ended = arena.allocate(ends.byteLength);
    const [values, valid] = [arena.allocate(rows * 8), arena.allocate(rows)];
    const [out, outValid] = [arena.allocate(rows * 8), arena.allocate(rows)];
    const scratch = op === "cs_rank" ? arena.allocate(rows * SCRATCH_BYTES) : 0;
    arena.int32At(ended, ends.length).set(ends);
    arena.doublesAt(values, rows).set(column.values);
    arena.bytesAt(valid, rows).set(column.valid);
    const wide: number[] = [];
    const moments = (kind: Kind): void => {
      for (let time = 0; time < ends.length; time++) {
        time = kernels.crossMoments(kind, time, ends.length, ended, values, valid, out, outValid);
        if (time < ends.length) wide.push(time);
      }
    };
    if (op === "cs_rank") kernels.crossRanks(ends.length, ended, values, valid, scratch, out, outValid);
    else moments(op === "cs_zscore" ? 1 : 0);
    made.values.set(arena.doublesAt(out, rows));
    made.valid.set(arena.bytesAt(outValid, rows));
    arena.release(mark);
    for (const time of wide) computeWide(op, column, ends[time - 1] ?? 0, ends[time] as number, made);
  }
}

function gathered({ values, valid }: WholeColumn, order: Int32Array): WholeColumn {
  const rows = order.length;
  const own = { values: new Float64Array(rows), valid: new Uint8Array(rows) };
  for (let place = 0; place < rows; place++) {
    const row = order[place] as number;
    own.values[place] = values[row] as number;
    own.valid[place] = valid[row] as number;
  }
  return own;
}

function scatter({ values, valid }: WholeColumn, order: Int32Array, into: WholeColumn): void {
  for (let place = 0; place < order.length; place++) {
    const row = order[place] as number;
    into.values[row] = values[place] as number;
    into.valid[row] = valid[place] as number;
  }
}

function sliceOf({ values, valid }: WholeColumn, from: number, to: number): WholeColumn {
  return { values: values.subarray(from, to), valid: valid.subarray(from, to) };
}

/** A time whose values lie too far apart for the kernels, or of which some are infinite; none is NaN. */
function computeWide(op: string, column: WholeColumn, from: number, to: number, made: WholeColumn): void {
  const { values, valid } = sliceOf(column, from, to);
  const own = values.filter((_, row) => valid[row] === 1);
  const answer = op === "cs_zscore" ? scoring(own) : demeaning(own);
  values.forEach((value, row) => {
    made.values[from + row] = valid[row] === 1 ? answer(value) : 0;
    made.valid[from + row] = valid[row] as number;
  });
}

function demeaning(values: Float64Array): (value: number) => number {
  // With infinities the mean is what the sum is.
  const mean = values.every(Number.isFinite) ? summed(values, 1).mean() : exactSum(values, 0, values.length);
  return (value) => value - mean;
}

function scoring(values: Float64Array): (value: number) => number {
  const window = summed(values, 2);
  return (value) => window.score(value);
}

function summed(values: Float64Array, powers: 1 | 2): ExactWindow {
  const window = new ExactWindow({ powers }, -1074);
  for (const value of values) window.change(1, value, 0, 0);
  return window;
}
