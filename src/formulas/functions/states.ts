import type { IrNode } from "../ir/node.js";
import { constant, transform } from "./row-wise.js";
import { type ConstantArgument, type FormulaFunction, value } from "./signature.js";

/** What each row's value changes and keeps; a NULL leaves it as it is. */

const START: ConstantArgument = { kind: "constant", name: "init", default: 0 };

export const STATES: readonly FormulaFunction[] = [
  {
    name: "ema",
    group: "state",
    says: "Exponential mean: y = α·x + (1 − α)·y, begun by the first value; a whole a ≥ 1 is a span (α = 2 / (a + 1)), 0 < a < 1 is α.",
    arguments: [
      value("x"),
      {
        kind: "constant",
        name: "a",
        refuse: (a) =>
          (a > 0 && a < 1) || (a >= 1 && Number.isInteger(a))
            ? undefined
            : "a whole span ≥ 1, or a weight between 0 and 1",
      },
    ],
    build: (graph, [x], constants) => {
      const a = constants.get("a") ?? Number.NaN;
      return graph.add("STATE", "ema", { alpha: a >= 1 ? 2 / (a + 1) : a }, [x as IrNode], "Float64");
    },
  },
  {
    name: "decay_accum",
    group: "state",
    says: "s = alpha·s + x, from `init`.",
    arguments: [
      value("x"),
      {
        kind: "constant",
        name: "alpha",
        refuse: (alpha) => (alpha >= 0 && alpha <= 1 ? undefined : "from 0 to 1"),
      },
      START,
    ],
    build: (graph, [x], constants) =>
      graph.add(
        "STATE",
        "decay_accum",
        { alpha: constants.get("alpha") ?? Number.NaN, init: constants.get("init") ?? 0 },
        [x as IrNode],
        "Float64",
      ),
  },
  {
    name: "cumsum",
    group: "state",
    says: "`init` + the exact sum so far, rounded once.",
    arguments: [value("x"), START],
    build: (graph, [x], constants) => {
      const init = constants.get("init") ?? 0;
      const sum = graph.add("STATE", "cumsum", { init: Number.isFinite(init) ? init : 0 }, [x as IrNode], "Float64");
      // What is not finite is no part of an exact sum.
      return Number.isFinite(init) ? sum : transform(graph, "add", [constant(graph, init), sum]);
    },
  },
  ...(["cummax", "cummin"] as const).map(
    (name): FormulaFunction => ({
      name,
      group: "state",
      says: `\`rolling_${name.slice(3)}(x, 0)\`.`,
      arguments: [value("x")],
      build: (graph, [x]) =>
        graph.add("WINDOW", `rolling_${name.slice(3)}`, { w: 0, min_periods: 1 }, [x as IrNode], "Float64"),
    }),
  ),
  {
    name: "cumcount",
    group: "state",
    says: "The number of values so far.",
    arguments: [value("x")],
    build: (graph, [x]) => graph.add("STATE", "cumcount", {}, [x as IrNode], "Float64"),
  },
];
