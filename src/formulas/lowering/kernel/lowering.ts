import type { IrNode, Primitive } from "../../ir/node.js";
import { MOMENTS, RUNNING_SUMS } from "./moments.js";
import { ORDERED } from "./ordered.js";
import type { Planner } from "./planner.js";
import { ROW_WISE } from "./row-wise.js";
import { STATES } from "./states.js";
import { type Column, lagged, needed } from "./track.js";

/** Adds what a node needs to the plan; the column that will have its values. */
export type KernelLowering = (node: IrNode, planner: Planner, inputs: readonly Column[]) => Column;

const lag: KernelLowering = (node, _, [x]) => {
  const column = lagged(x as Column, Number(node.params["n"]));
  needed(column.values, 0);
  needed(column.valid, 0);
  return column;
};

/** How the kernel computes a node, by its primitive and op. */
export const KERNEL_LOWERINGS: Readonly<Partial<Record<Primitive, Readonly<Record<string, KernelLowering>>>>> = {
  TRANSFORM: ROW_WISE,
  WINDOW: { lag, ...MOMENTS, ...ORDERED },
  STATE: { ...STATES, ...RUNNING_SUMS },
};
