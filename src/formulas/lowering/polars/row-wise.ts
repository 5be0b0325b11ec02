import pl, { type Expr } from "nodejs-polars";
import type { IrNode } from "../../ir/node.js";

/**
 * How Polars computes a node; the inputs' columns hold doubles, of Boolean nodes 0 and 1. `constants`: the values of inputs that are
 * the same in all rows.
 */
export type PolarsLowering = (
  node: IrNode,
  inputs: readonly Expr[],
  constants: readonly (number | undefined)[],
) => Expr;

/** A column that every frame has: the number of the row. */
export const ROW_MARKS = "rows";

const ONE = pl.lit(1);
const ZERO = pl.lit(0);
export const NAN = pl.lit(Number.NaN);
export const NULL = pl.lit(null);

/** A condition, or NULL, as 0 and 1. */
export function number(condition: Expr): Expr {
  return condition.cast(pl.Float64);
}

/** A number as a condition: NaN is true. */
export function condition(x: Expr): Expr {
  return x.neq(ZERO);
}

/** `c` where it is true, else `other`, also where it is NULL. */
export function choose(c: Expr, value: Expr, other: Expr): Expr {
  return pl.when(c).then(value).otherwise(other);
}

/** A value where no operand is NULL. */
function whereAll(operands: readonly Expr[], value: Expr): Expr {
  const some = operands.map((operand) => operand.isNotNull()).reduce((all, one) => all.and(one));
  return choose(some, value, NULL);
}

/** Polars orders NaN last, and takes it for equal to itself: comparisons are those of numbers only. */
function comparison(compare: (x: Expr, y: Expr) => Expr): PolarsLowering {
  return (_, [x, y]) => {
    const [a, b] = [x as Expr, y as Expr];
    return whereAll([a, b], number(compare(a, b).and(a.isNotNan()).and(b.isNotNan())));
  };
}

function unary(make: (x: Expr) => Expr): PolarsLowering {
  return (_, [x]) => make(x as Expr);
}

function binary(make: (x: Expr, y: Expr) => Expr): PolarsLowering {
  return (_, [x, y]) => make(x as Expr, y as Expr);
}

/** Half to even; Polars' own rounds half away from zero. */
function rounded(x: Expr): Expr {
  const below = x.floor();
  const rest = x.sub(below);
  const isOdd = below.rem(pl.lit(2)).neq(ZERO);
  const up = rest.gt(pl.lit(0.5)).or(rest.eq(pl.lit(0.5)).and(isOdd));
  return choose(x.isFinite(), choose(up, below.add(ONE), below), x);
}

/** NaN if either is; Polars' own skips NaN and NULL. */
function extreme(isFirst: (x: Expr, y: Expr) => Expr): PolarsLowering {
  return binary((x, y) => {
    const number = choose(isFirst(x, y), x, y);
    return whereAll([x, y], choose(x.isNan().or(y.isNan()), NAN, number));
  });
}

/** x ** 0.5, which is not Polars' square root where x is −0 or −∞. */
function rootOf(x: Expr): Expr {
  return choose(x.eq(ZERO), ZERO, choose(x.eq(pl.lit(-Infinity)), pl.lit(Infinity), x.pow(0.5)));
}

/** A NULL or NaN bound does not bound. */
function clipped(x: Expr, low: Expr, high: Expr): Expr {
  const isBelow = x.lt(low).and(low.isNotNan()).and(x.isNotNan());
  const raised = choose(isBelow, low, x);
  const isAbove = raised.gt(high).and(high.isNotNan()).and(raised.isNotNan());
  return choose(x.isNull(), NULL, choose(isAbove, high, raised));
}

export const ROW_WISE: Readonly<Record<string, PolarsLowering>> = {
  // A column as long as the others: by one number Polars divides with its reciprocal, which rounds twice.
  constant: ({ params }) => {
    const value = params["value"] ?? null;
    const given = value === null ? NULL.cast(pl.Float64) : pl.lit(Number(value)).cast(pl.Float64);
    return choose(pl.col(ROW_MARKS).isNotNull(), given, NULL);
  },
  number: unary((x) => x),
  add: binary((x, y) => x.add(y)),
  subtract: binary((x, y) => x.sub(y)),
  multiply: binary((x, y) => x.mul(y)),
  divide: binary((x, y) => x.div(y)),
  // No modulo: Polars' own is x − y·⌊x/y⌋, which loses digits.
  // Only of a constant: nodejs-polars has no other.
  power: (_, [x], [, exponent]) => (exponent === 0.5 ? rootOf(x as Expr) : (x as Expr).pow(exponent as number)),
  min: extreme((x, y) => x.lt(y)),
  max: extreme((x, y) => x.gt(y)),
  less: comparison((x, y) => x.lt(y)),
  less_equal: comparison((x, y) => x.ltEq(y)),
  greater: comparison((x, y) => x.gt(y)),
  greater_equal: comparison((x, y) => x.gtEq(y)),
  equal: comparison((x, y) => x.eq(y)),
  not_equal: binary((x, y) => whereAll([x, y], number(x.neq(y).or(x.isNan()).or(y.isNan())))),
  negate: unary((x) => x.mul(pl.lit(-1))),
  abs: unary((x) => x.abs()),
  sqrt: unary((x) => choose(x.lt(ZERO), NAN, x.pow(0.5))),
  log: unary((x) => choose(x.lt(ZERO), NAN, x.log())),
  exp: unary((x) => x.exp()),
  sign: unary((x) =>
    choose(x.gt(ZERO).and(x.isNotNan()), ONE, choose(x.lt(ZERO), pl.lit(-1), choose(x.isNan(), NAN, x.mul(ZERO)))).cast(
      pl.Float64,
    ),
  ),
  tanh: unary((x) => x.tanh()),
  floor: unary((x) => x.floor()),
  ceil: unary((x) => x.ceil()),
  round: unary(rounded),
  not: unary((x) => number(x.eq(ZERO).and(x.isNotNan()))),
  and: binary((x, y) => number(condition(x).and(condition(y)))),
  or: binary((x, y) => number(condition(x).or(condition(y)))),
  is_null: unary((x) => number(x.isNull())),
  coalesce: binary((x, y) => choose(x.isNull(), y, x)),
  if: (_, [c, x, y]) => choose(condition(c as Expr), x as Expr, y as Expr),
  clip: (_, [x, low, high]) => clipped(x as Expr, low as Expr, high as Expr),
};
