import * as fc from "fast-check";
import { type Dtype, elementType, isListType, type Scalar, type Value } from "../oracles/values.js";

/** Every value is as likely as another: percentages mean what they say. */
const unbiased = (range: { readonly min: number; readonly max: number }): fc.Arbitrary<number> =>
  fc.noBias(fc.integer(range));

/** Random choices out of fast-check's generator: the same seed gives the same project. */
export class Draw {
  readonly #generate: fc.GeneratorValue;

  constructor(generate: fc.GeneratorValue) {
    this.#generate = generate;
  }

  /** Inclusive. */
  int(min: number, max: number): number {
    return this.#generate(unbiased, { min, max });
  }

  chance(percent: number): boolean {
    return this.int(1, 100) <= percent;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** Some of the items, in random order. */
  some<T>(items: readonly T[], least: number, most: number): T[] {
    return this.shuffled(items).slice(0, this.int(Math.min(least, items.length), Math.min(most, items.length)));
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    const result: T[] = [];
    while (left.length > 0) result.push(...left.splice(this.int(0, left.length - 1), 1));
    return result;
  }

  times<T>(least: number, most: number, one: (i: number) => T): T[] {
    return Array.from({ length: this.int(least, most) }, (_, i) => one(i));
  }
}

/** The value that the seed gives. */
export function drawn<T>(seed: number, build: (draw: Draw) => T): T {
  const [first] = fc.sample(
    fc.gen().map((generate) => build(new Draw(generate))),
    { seed, numRuns: 1 },
  );
  if (first === undefined) throw new Error("fast-check gave no sample");
  return first;
}

/** What a column's values may be: tame ones leave out what makes sums overflow and what text files cannot say. */
export interface Temper {
  /** Values near the ends of 64 bits. */
  readonly extreme: boolean;
  /** NaN and the infinities, which text formats cannot hold. */
  readonly special: boolean;
}

const TEXTS = ["", "a", "b", "B", "ä", "\uffff", "😀", "it's", 'say "x"', "a,b", "NULL", "a\nb", "007", "1.50"];
const DOUBLES = [0, -0, 1, -1, 0.1, 0.2, 0.3, -2.5, 1e16, 3, 1e-300, 5e-324];
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308];

/** The few values that a column draws from, so that ties are heavy. */
export function poolOf(draw: Draw, dtype: Dtype, temper: Temper): readonly Exclude<Value, null>[] {
  if (isListType(dtype)) {
    const elements = poolOf(draw, elementType(dtype), temper);
    return draw.times(2, 4, () => draw.times(0, 3, () => (draw.chance(12) ? null : draw.pick(elements))));
  }
  return draw.some(scalars(elementType(dtype), temper), 2, 5);
}

function scalars(dtype: Scalar, temper: Temper): readonly Exclude<Value, null>[] {
  switch (dtype) {
    case "BOOLEAN":
      return [false, true];
    case "TINYINT":
      return [0n, 1n, 2n, -1n, 127n, -128n];
    case "SMALLINT":
      return [0n, 1n, 2n, -1n, 32767n, -32768n];
    case "INTEGER":
      return [0n, 1n, 2n, -1n, 11n, 2147483647n, -2147483648n];
    case "BIGINT":
      return [
        0n,
        1n,
        2n,
        -1n,
        9007199254740993n,
        9007199254740992n,
        ...(temper.extreme ? [2n ** 63n - 1n, -(2n ** 63n)] : []),
      ];
    case "DOUBLE":
      return [...DOUBLES, ...(temper.special ? SPECIAL : [])];
    case "FLOAT":
      return [...DOUBLES.slice(0, 10), ...(temper.special ? SPECIAL.slice(0, 3) : [])].map(Math.fround);
    case "TEXT":
      return TEXTS;
    case "DATE":
      return [-1n, 0n, 1n, 19_782n, 19_783n];
    case "TIMESTAMP":
      return [-1n, 0n, 1n, 86_400_000_000n, 1_709_164_800_000_000n, 1_709_164_800_000_001n];
  }
}

/** A value of the pool, NULL now and then. */
export function drawValue(draw: Draw, pool: readonly Exclude<Value, null>[], nullPercent = 15): Value {
  return draw.chance(nullPercent) ? null : draw.pick(pool);
}
