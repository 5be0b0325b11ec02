import type { Graph, IrNode } from "../ir/node.js";
import { transform } from "./row-wise.js";
import {
  type ConstantArgument,
  ConstantRefused,
  type Constants,
  type FormulaFunction,
  rows,
  value,
} from "./signature.js";

/** What is made of the last rows of a symbol, the row itself included; a window of 0 rows is all rows so far. */

const MIN_PERIODS: ConstantArgument = {
  kind: "constant",
  name: "min_periods",
  rows: true,
  optional: true,
  keywordOnly: true,
};
const WINDOW = rows("w", 0);

function constantOf(constants: Constants, name: string): number {
  const found = constants.get(name);
  if (found === undefined) throw new RangeError(`no constant ${name}`);
  return found;
}

/** The node of a window; `floor`: how many values it needs to be defined at all. */
function windowNode(
  graph: Graph,
  op: string,
  inputs: readonly IrNode[],
  constants: Constants,
  floor: number,
  params: Readonly<Record<string, number>> = {},
): IrNode {
  const w = constantOf(constants, "w");
  const least = constants.get("min_periods") ?? (w === 0 ? 1 : w);
  if (least < 1 || (w > 0 && least > w))
    throw new ConstantRefused("min_periods", w === 0 ? "at least 1" : `from 1 to w (${w})`);
  return graph.add("WINDOW", op, { w, min_periods: Math.max(least, floor), ...params }, inputs, "Float64");
}

interface WindowOptions {
  readonly floor?: number;
  readonly inputs?: readonly string[];
  readonly op?: string;
  readonly more?: readonly ConstantArgument[];
  readonly params?: (constants: Constants) => Readonly<Record<string, number>>;
}

function window(name: string, says: string, options: WindowOptions = {}): FormulaFunction {
  const { floor = 1, inputs = ["x"], op = name, more = [], params = () => ({}) } = options;
  return {
    name,
    group: "window",
    says,
    arguments: [...inputs.map(value), WINDOW, ...more, MIN_PERIODS],
    build: (graph, values, constants) => windowNode(graph, op, values, constants, floor, params(constants)),
  };
}

/** A number: of booleans 0 and 1. */
function lagNode(graph: Graph, x: IrNode, n: number): IrNode {
  const numbers = x.output === "Boolean" ? transform(graph, "number", [x]) : x;
  return n === 0 ? numbers : graph.add("WINDOW", "lag", { n }, [numbers], "Float64");
}

function lag(name: string): FormulaFunction {
  return {
    name,
    group: "window",
    says: "The value n rows before; NULL before the first row.",
    arguments: [value("x"), { kind: "constant", name: "n", rows: true, default: 1 }],
    build: (graph, [x], constants) => lagNode(graph, x as IrNode, constantOf(constants, "n")),
  };
}

function autocorr(name: string, says: string, turn: (graph: Graph, node: IrNode) => IrNode): FormulaFunction {
  return {
    name,
    group: "window",
    says,
    arguments: [value("x"), rows("n", 1), rows("w", 0, 0), MIN_PERIODS],
    build: (graph, [x], constants) => {
      const before = lagNode(graph, x as IrNode, constantOf(constants, "n"));
      return turn(graph, windowNode(graph, "rolling_corr", [x as IrNode, before], constants, 2));
    },
  };
}

const QUANTILE: ConstantArgument = {
  kind: "constant",
  name: "q",
  refuse: (q) => (q >= 0 && q <= 1 ? undefined : "from 0 to 1"),
};
const CONFIDENCE: ConstantArgument = {
  kind: "constant",
  name: "confidence",
  default: 0.95,
  refuse: (confidence) => (confidence > 0 && confidence < 1 ? undefined : "between 0 and 1"),
};

/** O(w) per row. */
export const MOST_RANK_CORR_ROWS = 10_000;

export const WINDOWS: readonly FormulaFunction[] = [
  window("rolling_sum", "The exact sum, rounded once."),
  window("rolling_mean", "The exact sum ÷ the number of values, rounded once."),
  window("rolling_var", "Variance, ddof 1; exactly 0 where all values are equal.", { floor: 2 }),
  window("rolling_std", "Standard deviation, ddof 1.", { floor: 2 }),
  window("rolling_min", "The least value."),
  window("rolling_max", "The largest value."),
  window("rolling_median", "The median.", { op: "rolling_quantile", params: () => ({ q: 0.5 }) }),
  window("rolling_quantile", "The q-quantile, by linear interpolation.", {
    more: [QUANTILE],
    params: (constants) => ({ q: constantOf(constants, "q") }),
  }),
  window("rolling_skew", "Skewness, biased."),
  window("rolling_kurt", "Excess kurtosis, biased."),
  window("rolling_zscore", "(x − mean) ÷ standard deviation.", { floor: 2 }),
  window("zscore", "`rolling_zscore`.", { op: "rolling_zscore", floor: 2 }),
  window("rolling_rank", "The rank of x among the values, from 1, ties averaged."),
  window("rolling_cov", "Covariance of the rows where both have a value, ddof 1.", { inputs: ["x", "y"], floor: 2 }),
  window("rolling_corr", "Correlation of the rows where both have a value.", { inputs: ["x", "y"], floor: 2 }),
  {
    ...window("rolling_rank_corr", "Correlation of the ranks (Spearman); at most 10,000 rows.", {
      inputs: ["x", "y"],
      floor: 2,
    }),
    arguments: [
      value("x"),
      value("y"),
      {
        ...WINDOW,
        refuse: (w) => (w >= 0 && w <= MOST_RANK_CORR_ROWS ? undefined : `from 0 to ${MOST_RANK_CORR_ROWS}`),
      },
      MIN_PERIODS,
    ],
  },
  window("linear_regression_slope", "Slope of the least-squares line over the rows' places.", { floor: 2 }),
  window("historical_var", "The (1 − confidence)-quantile: a loss is negative.", {
    op: "rolling_quantile",
    more: [CONFIDENCE],
    params: (constants) => ({ q: 1 - constantOf(constants, "confidence") }),
  }),
  autocorr("autocorr", "`rolling_corr(x, lag(x, n), w)`.", (_, node) => node),
  autocorr("neg_autocorr", "The negative of `autocorr`.", (graph, node) => transform(graph, "negate", [node])),
  lag("lag"),
  lag("shift"),
  {
    name: "diff",
    group: "window",
    says: "`x − lag(x, n)`.",
    arguments: [value("x"), rows("n", 1, 1)],
    build: (graph, [x], constants) =>
      transform(graph, "subtract", [x as IrNode, lagNode(graph, x as IrNode, constantOf(constants, "n"))]),
  },
  {
    name: "pct_change",
    group: "window",
    says: "`(x − lag(x, n)) / lag(x, n)`.",
    arguments: [value("x"), rows("n", 1, 1)],
    build: (graph, [x], constants) => {
      const before = lagNode(graph, x as IrNode, constantOf(constants, "n"));
      return transform(graph, "divide", [transform(graph, "subtract", [x as IrNode, before]), before]);
    },
  },
];
