import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exactSum, ratioToDouble } from "#daedalus/columnar/exact-sum.js";

const sum = (...values: number[]): number => exactSum(Float64Array.from(values), 0, values.length);

/** The definition: every double is an integer times 2^-1074; the sum of the integers, rounded once by string search. */
function oracle(values: readonly number[]): number {
  if (values.some(Number.isNaN)) return Number.NaN;
  const infinite = values.filter((value) => !Number.isFinite(value));
  if (infinite.length > 0)
    return infinite.every((value) => value === infinite[0]) ? (infinite[0] as number) : Number.NaN;
  const total = values.reduce((all, value) => all + units(value), 0n);
  return nearest(total);
}

/** A finite double in units of 2^-1074, by repeated exact doubling. */
function units(value: number): bigint {
  let scaled = value;
  let shift = 1074;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift -= 1;
  }
  return BigInt(scaled) * 2n ** BigInt(shift);
}

/** The double nearest to `total` · 2^-1074, found among the neighbours of an estimate; ties to the even significand. */
function nearest(total: bigint): number {
  if (total === 0n) return 0;
  const magnitude = total < 0n ? -total : total;
  const digits = magnitude.toString(2);
  const kept = digits.slice(0, 53);
  const rest = digits.slice(53);
  let significand = BigInt(`0b${kept}`);
  if (
    rest !== "" &&
    (rest > `1${"0".repeat(rest.length - 1)}` || (rest[0] === "1" && /^10*$/.test(rest) && significand % 2n === 1n))
  )
    significand += 1n;
  let value = Number(significand);
  let power = rest.length - 1074;
  while (power > 0) {
    value *= 2;
    power -= 1;
  }
  while (power < 0) {
    value /= 2;
    power += 1;
  }
  return total < 0n ? -value : value;
}

describe("the exact sum, rounded once", () => {
  test("does not depend on the order of the summands", () => {
    expect(sum(1e16, 1, -1e16)).toBe(1);
    expect(sum(1, 1e16, -1e16)).toBe(1);
    expect(sum(0.1, 0.2, 0.3)).toBe(0.6);
  });
  test("decides half-way cases by what lies below", () => {
    expect(sum(2 ** 53, 1)).toBe(2 ** 53);
    expect(sum(2 ** 53, 1, 2 ** -80)).toBe(2 ** 53 + 2);
    expect(sum(2 ** 53, 1, -(2 ** -80))).toBe(2 ** 53);
  });
  test("survives sums that leave the range in between, and is infinite where the sum itself does", () => {
    expect(sum(1e308, 1e308, -1e308)).toBe(1e308);
    expect(sum(1e308, 1e308)).toBe(Number.POSITIVE_INFINITY);
  });
  test("an exact zero is +0; NaN and both infinities give NaN", () => {
    expect(Object.is(sum(-0), 0)).toBe(true);
    expect(Object.is(sum(1, -1), 0)).toBe(true);
    expect(sum(Number.NaN, 1)).toBeNaN();
    expect(sum(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).toBeNaN();
    expect(sum(Number.NEGATIVE_INFINITY, 1)).toBe(Number.NEGATIVE_INFINITY);
  });
  test("equals the definition on random summands of all magnitudes", () => {
    const value = fc.oneof(
      fc.double({ noDefaultInfinity: false }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.constantFrom(0, -0, 5e-324, -5e-324, 2 ** 53, 2 ** -53, 1e308, -1e308, 1.7976931348623157e308),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), (values) => {
        expect(sum(...values)).toBe(oracle(values));
      }),
      { numRuns: 3000, seed: 20240501 },
    );
  });
});

describe("a ratio of integers as the nearest double", () => {
  test("rounds once", () => {
    expect(ratioToDouble(1n, 3n)).toBe(1 / 3);
    expect(ratioToDouble(2n ** 53n + 1n, 1n)).toBe(2 ** 53);
    expect(ratioToDouble((2n ** 53n + 1n) * 3n + 1n, 3n)).toBe(2 ** 53 + 2);
    expect(ratioToDouble(-7n, 2n)).toBe(-3.5);
    expect(ratioToDouble(5n, 2n ** 1076n)).toBe(5e-324);
    expect(ratioToDouble(10n ** 400n, 1n)).toBe(Number.POSITIVE_INFINITY);
  });
  test("equals a double division where both are exact", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 1 }), (numerator, denominator) => {
        expect(ratioToDouble(BigInt(numerator), BigInt(denominator))).toBe(numerator / denominator + 0);
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
