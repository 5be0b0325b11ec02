import { MOST_RANK_CORR_ROWS } from "../../functions/windows.js";
import type { KernelLowering } from "./lowering.js";
import type { Machine } from "./machine.js";
import { NodeFailed } from "./node-failed.js";
import { type Part, partOf } from "./part.js";
import { addressesOf, addressOf, BLOCK, type Column, needed, type View } from "./track.js";

/** Windows over values in their order: extremes, quantiles, ranks. */

function recordsOf(view: View, w: number, { nothing }: Machine): [number, number] {
  return [addressOf(view), w === 0 ? nothing : addressOf(view, w)];
}

function extreme(largest: 0 | 1): KernelLowering {
  return (node, planner, [x]) => {
    const given = x as Column;
    const w = Number(node.params["w"]);
    const least = Number(node.params["min_periods"]);
    const [out, tallies] = [planner.output(), planner.tallies(given)];
    needed(tallies, w);
    let state = 0;
    const slide = ({ machine: { kernels }, rows, records, column }: Part, full: 0 | 1): void =>
      kernels.slideExtreme(rows, largest, w, ...column(given), ...records(tallies), least, full, state, ...column(out));
    planner.step(
      (block) => {
        const from = tallies.fullFrom(block, w, 1);
        if (from > 0) slide(partOf(w, least, block, 0, from), 0);
        if (from < block.rows) slide(partOf(w, least, block, from, block.rows), 1);
      },
      ({ arena }) => {
        if (state === 0) state = arena.allocate(16 + w * 8);
        arena.bytesAt(state, 16).fill(0);
        new Float64Array(arena.memory.buffer, state + 8, 1)[0] = -Infinity;
      },
    );
    return out;
  };
}

/** `q` below 0: the rank. */
const ordered =
  (quantile: boolean): KernelLowering =>
  (node, planner, [x]) => {
    const given = x as Column;
    const w = Number(node.params["w"]);
    const [out, tallies] = [planner.output(), planner.tallies(given)];
    for (const view of [tallies, given.values, given.valid]) needed(view, w);
    let capacity = w === 0 ? 4 * BLOCK : w;
    let state = 0;
    planner.step(
      ({ machine, rows, first }) => {
        const { kernels, arena } = machine;
        if (w === 0 && first + rows > capacity) {
          const larger = arena.allocate(kernels.orderedBytes(capacity * 2));
          kernels.growOrdered(state, capacity, larger, capacity * 2);
          [state, capacity] = [larger, capacity * 2];
        }
        kernels.slideOrdered(
          rows,
          quantile ? Number(node.params["q"]) : -1,
          w,
          ...addressesOf(given),
          addressOf(given.values, w),
          addressOf(given.valid, w),
          ...recordsOf(tallies, w, machine),
          Number(node.params["min_periods"]),
          state,
          capacity,
          ...addressesOf(out),
        );
      },
      ({ arena, kernels }) => {
        if (state === 0) state = arena.allocate(kernels.orderedBytes(capacity));
        kernels.clearOrdered(state, capacity);
      },
    );
    return out;
  };

const rankCorrelation: KernelLowering = (node, planner, inputs) => {
  const [left, right] = inputs as [Column, Column];
  const [x, y] = [planner.masked(left, right), planner.masked(right, left)];
  const w = Number(node.params["w"]);
  const out = planner.output();
  const tallies = [planner.tallies(x), planner.tallies(y)] as const;
  for (const view of tallies) needed(view, w);
  const capacity = w === 0 ? MOST_RANK_CORR_ROWS : w;
  let state = 0;
  planner.step(
    ({ machine, rows, first }) => {
      if (w === 0 && first + rows > capacity)
        throw new NodeFailed(`rolling_rank_corr over all rows so far is made for at most ${capacity} rows of a symbol`);
      machine.kernels.slideRankCorrelation(
        rows,
        first,
        w,
        ...addressesOf(x),
        ...addressesOf(y),
        ...recordsOf(tallies[0], w, machine),
        ...recordsOf(tallies[1], w, machine),
        Number(node.params["min_periods"]),
        state,
        capacity,
        ...addressesOf(out),
      );
    },
    ({ arena }) => {
      if (state === 0) state = arena.allocate(16 + capacity * 32);
      arena.bytesAt(state, 16).fill(0);
    },
  );
  return out;
};

export const ORDERED: Readonly<Record<string, KernelLowering>> = {
  rolling_min: extreme(0),
  rolling_max: extreme(1),
  rolling_quantile: ordered(true),
  rolling_rank: ordered(false),
  rolling_rank_corr: rankCorrelation,
};
