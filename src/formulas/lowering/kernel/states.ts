import type { KernelLowering } from "./lowering.js";
import { addressesOf, addressOf, type Column } from "./track.js";

function recurrence(kernel: "decayAccumulate" | "exponentialMean"): KernelLowering {
  return (node, planner, [x]) => {
    const [given, out] = [x as Column, planner.output()];
    let state = 0;
    planner.step(
      ({ machine: { kernels }, rows }) =>
        kernels[kernel](rows, Number(node.params["alpha"]), ...addressesOf(given), state, ...addressesOf(out)),
      ({ arena }) => {
        if (state === 0) state = arena.allocate(24);
        arena.bytesAt(state, 24).fill(0);
        new Float64Array(arena.memory.buffer, state, 1)[0] = Number(node.params["init"] ?? 0);
      },
    );
    return out;
  };
}

export const STATES: Readonly<Record<string, KernelLowering>> = {
  ema: recurrence("exponentialMean"),
  decay_accum: recurrence("decayAccumulate"),
  cumcount: (_, planner, [x]) => {
    const [out, tallies] = [planner.output(), planner.tallies(x as Column)];
    planner.step(({ machine: { kernels }, rows }) => kernels.countOf(rows, addressOf(tallies), ...addressesOf(out)));
    return out;
  },
};
