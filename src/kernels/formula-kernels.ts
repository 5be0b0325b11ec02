import { readFileSync } from "node:fs";
import type { Room } from "../columnar/arena.js";
import type { Address } from "./kernels.js";

type Unary = (rows: number, a: Address, out: Address) => void;
type Binary = (rows: number, a: Address, b: Address, out: Address) => void;

/** Where the records of a row, and of the row before its window, lie. */
type Records = [now: Address, then: Address];

/** The kernels of formulas over one arena; what each does and wants stands in `assembly/formulas/`, under the same name. */
export interface FormulaKernels {
  ownMemory(): number;
  readonly add: Binary;
  readonly subtract: Binary;
  readonly multiply: Binary;
  readonly divide: Binary;
  readonly modulo: Binary;
  readonly power: Binary;
  readonly minimum: Binary;
  readonly maximum: Binary;
  readonly less: Binary;
  readonly lessEqual: Binary;
  readonly equal: Binary;
  readonly notEqual: Binary;
  readonly negate: Unary;
  readonly magnitude: Unary;
  readonly squareRoot: Unary;
  readonly floorOf: Unary;
  readonly ceilOf: Unary;
  readonly roundOf: Unary;
  readonly signOf: Unary;
  readonly logarithm: Unary;
  readonly exponential: Unary;
  readonly hyperbolicTangent: Unary;
  readonly isZero: Unary;
  readonly bothValid: Binary;
  isMissing(rows: number, valid: Address, out: Address, outValid: Address): void;
  logical(
    rows: number,
    whole: 0 | 1,
    ...columns: [a: Address, aValid: Address, b: Address, bValid: Address, out: Address, outValid: Address]
  ): void;
  choose(
    rows: number,
    condition: Address,
    conditionValid: Address,
    ...columns: [a: Address, aValid: Address, b: Address, bValid: Address, out: Address, outValid: Address]
  ): void;
  firstValid(
    rows: number,
    ...columns: [a: Address, aValid: Address, b: Address, bValid: Address, out: Address, outValid: Address]
  ): void;
  clip(
    rows: number,
    a: Address,
    ...bounds: [low: Address, lowValid: Address, high: Address, highValid: Address, out: Address]
  ): void;

  tally(rows: number, values: Address, valid: Address, records: Address): number;
  countOf(rows: number, records: Address, out: Address, outValid: Address): void;

  bitRange(rows: number, values: Address, valid: Address, out: Address): void;
  sumUp(rows: number, values: Address, valid: Address, low: number, records: Address): void;
  sumProducts(
    rows: number,
    ...columns: [a: Address, aValid: Address, aLow: number, b: Address, bValid: Address, bLow: number, records: Address]
  ): void;
  sumPlaces(rows: number, first: bigint, values: Address, valid: Address, low: number, records: Address): void;
  sumPowers(rows: number, values: Address, valid: Address, low: number, records: Address): void;
  rescale(count: number, records: Address, stride: number, limbs: number, power: number): void;

  windowSums(
    rows: number,
    mean: 0 | 1,
    ...window: [
      ...tallies: Records,
      ...sums: Records,
      moves: 0 | 1,
      least: number,
      low: number,
      out: Address,
      valid: Address,
    ]
  ): void;
  windowVariances(
    rows: number,
    kind: 0 | 1,
    ...window: [
      ...tallies: Records,
      ...sums: Records,
      ...squares: Records,
      moves: 0 | 1,
      least: number,
      low: number,
      out: Address,
      valid: Address,
    ]
  ): void;
  windowScores(
    rows: number,
    values: Address,
    valuesValid: Address,
    ...window: [
      ...tallies: Records,
      ...sums: Records,
      ...squares: Records,
      moves: 0 | 1,
      least: number,
      low: number,
      out: Address,
      valid: Address,
    ]
  ): void;
  windowCovariances(
    rows: number,
    kind: 0 | 1,
    ...window: [
      ...xTallies: Records,
      ...yTallies: Records,
      ...xSums: Records,
      ...ySums: Records,
      ...products: Records,
      ...xSquares: Records,
      ...ySquares: Records,
      moves: 0 | 1,
      least: number,
      lows: number,
      out: Address,
      valid: Address,
    ]
  ): void;
  windowSlopes(
    rows: number,
    ...window: [
      ...tallies: Records,
      ...sums: Records,
      ...places: Records,
      moves: 0 | 1,
      least: number,
      low: number,
      out: Address,
      valid: Address,
    ]
  ): void;

  windowShapes(
    rows: number,
    kind: 0 | 1,
    ...window: [
      ...tallies: Records,
      ...sums: Records,
      ...squares: Records,
      ...powers: Records,
      moves: 0 | 1,
      least: number,
      bits: number,
      countBits: number,
      out: Address,
      valid: Address,
    ]
  ): void;

  spreads(
    rows: number,
    count: number,
    ...window: [...sums: Records, ...squares: Records, width: number, out: Address]
  ): void;
  fullSums(
    rows: number,
    mean: 0 | 1,
    count: number,
    ...window: [...sums: Records, width: number, low: number, out: Address, valid: Address]
  ): void;
  fullVariances(
    rows: number,
    kind: 0 | 1,
    count: number,
    ...window: [spreads: Address, low: number, out: Address, valid: Address]
  ): void;
  fullScores(
    rows: number,
    values: Address,
    count: number,
    ...window: [...sums: Records, spreads: Address, width: number, low: number, out: Address, valid: Address]
  ): void;
  fullCovariances(
    rows: number,
    kind: 0 | 1,
    count: number,
    ...window: [
      ...xSums: Records,
      ...ySums: Records,
      ...products: Records,
      xSpreads: Address,
      ySpreads: Address,
      width: number,
      lows: number,
      out: Address,
      valid: Address,
    ]
  ): void;

  slideExtreme(
    rows: number,
    largest: 0 | 1,
    window: number,
    values: Address,
    given: Address,
    ...rest: [...tallies: Records, least: number, full: number, state: Address, out: Address, valid: Address]
  ): void;
  clearOrdered(state: Address, capacity: number): void;
  orderedBytes(capacity: number): number;
  growOrdered(state: Address, capacity: number, larger: Address, more: number): void;
  slideOrdered(
    rows: number,
    q: number,
    window: number,
    values: Address,
    given: Address,
    ...rest: [
      valuesThen: Address,
      givenThen: Address,
      ...tallies: Records,
      least: number,
      state: Address,
      capacity: number,
      out: Address,
      valid: Address,
    ]
  ): void;
  slideRankCorrelation(
    rows: number,
    first: number,
    window: number,
    ...rest: [
      x: Address,
      xGiven: Address,
      y: Address,
      yGiven: Address,
      ...xTallies: Records,
      ...yTallies: Records,
      least: number,
      state: Address,
      capacity: number,
      out: Address,
      valid: Address,
    ]
  ): void;

  crossMoments(
    kind: 0 | 1,
    first: number,
    times: number,
    ...rest: [ends: Address, values: Address, valid: Address, out: Address, outValid: Address]
  ): number;
  crossRanks(
    times: number,
    ...rest: [ends: Address, values: Address, valid: Address, scratch: Address, out: Address, outValid: Address]
  ): void;

  decayAccumulate(
    rows: number,
    alpha: number,
    ...rest: [values: Address, given: Address, state: Address, out: Address, valid: Address]
  ): void;
  exponentialMean(
    rows: number,
    alpha: number,
    ...rest: [values: Address, given: Address, state: Address, out: Address, valid: Address]
  ): void;
}

let compiled: WebAssembly.Module | undefined;

/** The kernels over a memory of this thread's; they are compiled once. */
export function formulaKernelsOf({ memory }: Pick<Room, "memory">): FormulaKernels {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./formula-kernels.wasm", import.meta.url)));
  const abort = (): never => {
    throw new Error("a kernel was aborted");
  };
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory, abort } });
  return exports as unknown as FormulaKernels;
}
