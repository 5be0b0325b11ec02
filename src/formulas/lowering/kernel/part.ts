import type { Machine } from "./machine.js";
import type { Block } from "./planner.js";
import type { Column, View } from "./track.js";

/** Rows of a block, as kernels take them. */
export interface Part {
  readonly machine: Machine;
  readonly rows: number;
  /** Addresses of the records now and before the window. */
  records(view: View | undefined): [now: number, then: number];
  /** Addresses of a column and its validity. */
  column(column: Column): [values: number, valid: number];
  readonly moves: 0 | 1;
  /** Rows of a window; 0: all so far. */
  readonly count: number;
  readonly least: number;
}

/** Rows `[from, to)` of the block, for windows of `w` rows with at least so many values. */
export function partOf(w: number, least: number, { machine }: Block, from: number, to: number): Part {
  const at = ({ track, lag }: View): number => track.at(lag - from);
  return {
    machine,
    rows: to - from,
    records: (view) => {
      if (view === undefined) return [0, 0];
      return [at(view), w === 0 ? machine.nothing : at({ track: view.track, lag: view.lag + w })];
    },
    column: ({ values, valid }) => [at(values), at(valid)],
    moves: w === 0 ? 0 : 1,
    count: w,
    least,
  };
}
