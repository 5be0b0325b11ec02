import pl, { type Expr } from "nodejs-polars";
import type { IrNode } from "../../ir/node.js";
import { choose, NAN, NULL, number, type PolarsLowering, ROW_MARKS } from "./row-wise.js";

/**
 * Windows with our rules: Polars adds up, and orders, only what it knows like us; how many values, NaNs and infinities a window
 * holds is counted beside, and says what the value is.
 */
const ZERO = pl.lit(0);
/** nodejs-polars counts a window's rows in 16 bits. */
const MOST_ROWS = 2 ** 15 - 1;
/** What Polars has of all rows so far. */
const CUMULATIVE: ReadonlySet<string> = new Set(["rolling_sum", "rolling_mean", "rolling_min", "rolling_max"]);

/** Whether Polars has windows of this length. */
export function hasWindow({ op, params }: IrNode): boolean {
  const w = Number(params["w"]);
  return w === 0 ? CUMULATIVE.has(op) : w <= MOST_ROWS;
}

function size({ params }: IrNode): number {
  return Number(params["w"]);
}

function isEndless({ params }: IrNode): boolean {
  return params["w"] === 0;
}

/** Of the values of the window; where it has none, NULL or nothing. */
function summed(x: Expr, node: IrNode): Expr {
  if (isEndless(node)) return x.fillNull(0).cumSum();
  return x.rollingSum({ windowSize: size(node), minPeriods: 1 });
}

function meant(x: Expr, node: IrNode): Expr {
  if (isEndless(node)) return summed(x, node).div(count(x.isNotNull(), node));
  return x.rollingMean({ windowSize: size(node), minPeriods: 1 });
}

/** Rows of the window that a condition holds for. */
function count(condition: Expr, node: IrNode): Expr {
  return summed(number(condition).fillNull(0), node);
}

const isInfinite = (x: Expr, sign: 1 | -1): Expr => x.eq(pl.lit(sign * Number.POSITIVE_INFINITY));
const finite = (x: Expr): Expr => choose(x.isFinite(), x, NULL);

/** NULL, then NaN, then the value. */
function judged(x: Expr, node: IrNode, value: Expr): Expr {
  const least = pl.lit(Number(node.params["min_periods"]));
  const isFew = count(x.isNotNull(), node).lt(least);
  const hasNaN = count(x.isNan(), node).gt(ZERO);
  return choose(isFew, NULL, choose(hasNaN, NAN, value));
}

/** A sum, or mean, with infinities in it. */
function total(aggregate: (x: Expr, node: IrNode) => Expr): PolarsLowering {
  return (node, inputs) => {
    const x = inputs[0] as Expr;
    const up = count(isInfinite(x, 1), node).gt(ZERO);
    const down = count(isInfinite(x, -1), node).gt(ZERO);
    const infinite = choose(
      up.and(down),
      NAN,
      choose(up, pl.lit(Number.POSITIVE_INFINITY), pl.lit(Number.NEGATIVE_INFINITY)),
    );
    return judged(x, node, choose(up.or(down), infinite, aggregate(finite(x), node)));
  };
}

/** Exactly 0 where all values are one; NaN with an infinity. */
function spread(of: (variance: Expr) => Expr): PolarsLowering {
  return (node, inputs) => {
    const x = inputs[0] as Expr;
    const values = finite(x);
    const window = { windowSize: size(node), minPeriods: 1 };
    const isOne = values.rollingMin(window).eq(values.rollingMax(window));
    const isInfiniteSome = count(x.isInfinite(), node).gt(ZERO);
    const made = of(variance(values, size(node)));
    return judged(x, node, choose(isInfiniteSome, NAN, choose(isOne, ZERO.cast(pl.Float64), made)));
  };
}

/** Values of a piece of a window, each less one of them: how many, their sum, that of their squares. */
interface Moments {
  readonly center: Expr;
  readonly n: Expr;
  readonly sum: Expr;
  readonly squares: Expr;
}

/**
 * Sample variance of the last `w` rows. Polars' own lets values go by subtracting them, and keeps their rounding for ever: after
 * one value of 1e9 no digit is right. Here nothing is subtracted: rows are cut into blocks of `w`, and each window is the end of
 * one block and the beginning of the next, whose sums are added up from a value of their own on, and combined (Chan, Golub and LeVeque, 1979).
 */
function variance(values: Expr, w: number): Expr {
  const row = number(pl.col(ROW_MARKS));
  // Half a row on: Polars multiplies by 1 / w, which may lie below a whole number.
  const block = row.add(pl.lit(0.5)).div(pl.lit(w)).floor();
  const isThere = values.isNotNull();
  const moments = (isEnd: boolean): Moments => {
    const own = values.filter(isThere);
    const center = (isEnd ? own.last() : own.first()).over(block);
    const near = values.sub(center).fillNull(0);
    const added = (what: Expr): Expr => what.cumSum(isEnd).over(block);
    return { center, n: added(number(isThere)), sum: added(near), squares: added(near.mul(near)) };
  };
  const begun = moments(false);
  // The last row of a block has its block as its window.
  const isWhole = row.sub(block.mul(pl.lit(w))).eq(pl.lit(w - 1));
  const ended = moments(true);
  const before = (what: Expr): Expr => choose(isWhole, ZERO.cast(pl.Float64), what.shift(w - 1)).fillNull(0);
  const [n, sum, squares] = [before(ended.n), before(ended.sum), before(ended.squares)];
  const all = begun.n.add(n);
  const inner = (own: Expr, of: Expr, square: Expr): Expr =>
    choose(own.gt(ZERO), square.sub(of.mul(of).div(own)), ZERO.cast(pl.Float64));
  const apart = begun.center
    .sub(ended.center.shift(w - 1))
    .add(begun.sum.div(begun.n))
    .sub(sum.div(n));
  const between = choose(
    begun.n.gt(ZERO).and(n.gt(ZERO)),
    apart.mul(apart).mul(begun.n).mul(n).div(all),
    ZERO.cast(pl.Float64),
  );
  const total = inner(begun.n, begun.sum, begun.squares)
    .add(inner(n, sum, squares))
    .add(between);
  // Near the least double squares are rounded to it, and their difference may fall below 0.
  const least = choose(total.lt(ZERO), ZERO.cast(pl.Float64), total);
  return choose(all.gt(pl.lit(1)), least.div(all.sub(pl.lit(1))), NULL);
}

function extreme(
  aggregate: (x: Expr, window: { windowSize: number; minPeriods: number }) => Expr,
  cumulative: (x: Expr) => Expr,
): PolarsLowering {
  return (node, inputs) => {
    const x = inputs[0] as Expr;
    const values = choose(x.isNan(), NULL, x);
    const made = isEndless(node)
      ? cumulative(values).forwardFill()
      : aggregate(values, { windowSize: size(node), minPeriods: 1 });
    return judged(x, node, made);
  };
}

/** Between the two values that the place lies between, as chapter 8 interpolates them: with infinities too. */
const quantile: PolarsLowering = (node, inputs) => {
  const x = inputs[0] as Expr;
  const q = Number(node.params["q"]);
  const values = choose(x.isNan(), NULL, x);
  const at = (interpolation: "lower" | "higher"): Expr =>
    values.rollingQuantile({ quantile: q, interpolation, windowSize: size(node), minPeriods: 1 });
  const place = count(x.isNotNull(), node).sub(pl.lit(1)).mul(pl.lit(q));
  const rest = place.sub(place.floor());
  const [low, high] = [at("lower"), at("higher")];
  const between = pl.lit(1).sub(rest).mul(low).add(rest.mul(high));
  return judged(x, node, choose(rest.eq(ZERO).or(low.eq(high)), low, between));
};

export const WINDOWS: Readonly<Record<string, PolarsLowering>> = {
  lag: (node, [x]) => (x as Expr).shift(Number(node.params["n"])),
  rolling_sum: total(summed),
  rolling_mean: total(meant),
  rolling_var: spread((variance) => variance),
  rolling_std: spread((variance) => variance.pow(0.5)),
  rolling_min: extreme(
    (x, window) => x.rollingMin(window),
    (x) => x.cumMin(),
  ),
  rolling_max: extreme(
    (x, window) => x.rollingMax(window),
    (x) => x.cumMax(),
  ),
  rolling_quantile: quantile,
};

/** A NULL leaves the state as it is: Polars prints NULL there. */
export const STATES: Readonly<Record<string, PolarsLowering>> = {
  ema: (node, [x]) => {
    const given = x as Expr;
    const seen = (what: Expr): Expr => number(what).fillNull(0).cumSum().gt(ZERO);
    const [up, down] = [seen(isInfinite(given, 1)), seen(isInfinite(given, -1))];
    const mean = finite(given)
      .ewmMean({ alpha: Number(node.params["alpha"]), adjust: false, minPeriods: 1, ignoreNulls: true })
      .forwardFill();
    // What is not finite stays, as it does in y = α·x + (1 − α)·y; Polars' own form makes NaN of it.
    const infinite = choose(up, pl.lit(Number.POSITIVE_INFINITY), pl.lit(Number.NEGATIVE_INFINITY));
    return choose(seen(given.isNan()).or(up.and(down)), NAN, choose(up.or(down), infinite, mean));
  },
  cumsum: (node, [x]) => {
    const sum = (x as Expr).cumSum().forwardFill();
    return sum.fillNull(0).add(pl.lit(Number(node.params["init"])));
  },
  cumcount: (_, [x]) => number((x as Expr).isNotNull()).cumSum(),
};
