import { scaledInteger } from "../../../columnar/exact-sum.js";
import type { IrNode } from "../../ir/node.js";
import { ExactWindow } from "./exact-window.js";
import type { KernelLowering } from "./lowering.js";
import type { Machine } from "./machine.js";
import { type Part, partOf } from "./part.js";
import { type Block, CUBES, FOURTH_POWERS, type Planner } from "./planner.js";
import { countBits, type Scale } from "./scale.js";
import type { Tallies } from "./tallies.js";
import { addressOf, type Column, needed, type View } from "./track.js";

/** Windows over sums of values, squares, products: the kernels' integers where they fit, else integers of any size. */

interface MomentWindow {
  readonly node: IrNode;
  readonly out: Column;
  readonly x: Column;
  /** Only of pairs. */
  readonly y?: Column;
  /** Which sums there are, and which the kernels keep. */
  readonly squares: boolean;
  readonly places?: boolean;
  /** Cubes and fourth powers. */
  readonly powers?: boolean;
  readonly kernel: (part: Part) => void;
  /** Of windows that are full of finite values: a window's sums have up to `width` bits. */
  readonly full?: (part: Part, width: number) => void;
  readonly value: (window: ExactWindow, x: number) => number;
  /** Infinities have a sum. */
  readonly sums?: true;
  /** What the sum begins with; finite. */
  readonly start?: number;
}

function lower(planner: Planner, window: MomentWindow): Column {
  const { node, x, y, out } = window;
  const w = Number(node.params["w"]);
  const least = Number(node.params["min_periods"]);
  const { start = 0 } = window;
  const tallies = [x, ...(y === undefined ? [] : [y])].map((column) => planner.tallies(column));
  const scales = [x, ...(y === undefined ? [] : [y])].map((column) => planner.scale(column));
  const kept = sumsOf(planner, window);
  const records = [...tallies, ...Object.values(kept).filter((view) => view !== undefined)];
  for (const view of records) needed(view, w + 1);
  for (const column of y === undefined ? [x] : [x, y]) {
    needed(column.values, w);
    needed(column.valid, w);
  }
  let exact: ExactWindow | undefined;
  const fresh = (): ExactWindow =>
    new ExactWindow(
      { powers: window.powers ? 4 : window.squares ? 2 : 1, places: window.places === true, pairs: y !== undefined },
      scales[0]?.low ?? 0,
      scales[1]?.low ?? scales[0]?.low ?? 0,
    );
  let machine: Machine | undefined;
  planner.step(
    (block) => {
      if (exact !== undefined) {
        runExact(block, window, { exact, w, least, tallies, scales, out });
        return;
      }
      const { full } = window;
      const from =
        full !== undefined && scales.every(({ isScaledAtOnce }) => isScaledAtOnce)
          ? fullFrom(tallies, block, w, least)
          : block.rows;
      if (from > 0) window.kernel(partOf(w, least, block, 0, from));
      if (from < block.rows)
        full?.(partOf(w, least, block, from, block.rows), Math.max(...scales.map((scale) => scale.widthOf(w))));
    },
    (begun) => {
      machine = begun;
      exact = undefined;
      if (start !== 0) takeIn(begun, scales[0] as Scale, start);
      for (const scale of scales)
        scale.serve({
          fits: () => exact !== undefined || fits(window, scales, w),
          leave: () => {
            if (exact !== undefined || machine === undefined) return;
            exact = fresh();
            readSums(machine, exact, kept, tallies[0] as View, w);
            exact.begin(start);
          },
        });
    },
  );
  return out;
}

/** The row of the block from which on windows are full of finite values of all columns. */
function fullFrom(tallies: readonly Tallies[], block: Block, w: number, least: number): number {
  return Math.max(...tallies.map((one) => one.fullFrom(block, w, least)));
}

/** A value that no row has is a multiple of the column's power of two too. */
function takeIn(machine: Machine, scale: Scale, value: number): void {
  const { arena, spare } = machine;
  new Float64Array(arena.memory.buffer, spare, 1)[0] = value;
  arena.bytesAt(spare + 16, 1)[0] = 1;
  scale.take(machine, 1, spare, spare + 16);
}

/** The record of a sum that is so much less than nothing: what an expanding sum then begins with. */
function recordOf({ arena, spare }: Machine, value: number, low: number): number {
  const integer = BigInt.asUintN(128, -(scaledInteger(value) >> BigInt(low + 1074)));
  const words = new BigUint64Array(arena.memory.buffer, spare, 2);
  words[0] = BigInt.asUintN(64, integer);
  words[1] = integer >> 64n;
  return spare;
}

interface KeptSums {
  readonly x?: View;
  readonly y?: View;
  readonly xx?: View;
  readonly yy?: View;
  readonly xy?: View;
  readonly places?: View;
  readonly powers?: View;
}

function sumsOf(
  planner: Planner,
  { x, y, squares, places, powers }: Pick<MomentWindow, "x" | "y" | "squares" | "places" | "powers">,
): KeptSums {
  return {
    x: planner.sums(x),
    ...(squares ? { xx: planner.products(x, x) } : {}),
    ...(places ? { places: planner.places(x) } : {}),
    ...(powers ? { powers: planner.powers(x) } : {}),
    ...(y === undefined ? {} : { y: planner.sums(y), yy: planner.products(y, y), xy: planner.products(x, y) }),
  };
}

/** Whether the sums of a window, and what is made of them, fit the kernels' 128 and 256 bits. */
function fits({ squares, places, powers, y }: MomentWindow, scales: readonly Scale[], w: number): boolean {
  const [x = 0, other = 0] = scales.map(({ bits }) => bits);
  const count = countBits(w);
  const widest = y === undefined ? 2 * x : 2 * Math.max(x, other);
  if (Math.max(x, other) + count + 2 > 127) return false;
  if (squares && widest + 2 * count + 2 > 255) return false;
  if (places && x + 31 + 2 * count + 2 > 255) return false;
  return !powers || x <= MOST_POWER_BITS;
}

/** Bits of values whose fourth powers' sums fit the kernels' 384, over any window. */
const MOST_POWER_BITS = 88;

/** The sums of the window that ends before the block. */
function readSums(machine: Machine, exact: ExactWindow, kept: KeptSums, tallies: View, w: number): void {
  const read = (view: View | undefined, offset: number, limbs: number): bigint => {
    if (view === undefined) return 0n;
    const now = integerAt(machine, addressOf(view, 1) + offset, limbs);
    const then = w === 0 ? 0n : integerAt(machine, addressOf(view, w + 1) + offset, limbs);
    return BigInt.asIntN(limbs * 64, now - then);
  };
  exact.n = BigInt.asUintN(32, read(tallies, 0, 1));
  exact.x = read(kept.x, 0, 2);
  exact.y = read(kept.y, 0, 2);
  exact.xx = read(kept.xx, 0, 4);
  exact.yy = read(kept.yy, 0, 4);
  exact.xy = read(kept.xy, 0, 4);
  exact.t = read(kept.places, 0, 1);
  exact.tt = read(kept.places, 8, 2);
  exact.tx = read(kept.places, 24, 4);
  exact.xxx = read(kept.powers, CUBES.offset, CUBES.limbs);
  exact.xxxx = read(kept.powers, FOURTH_POWERS.offset, FOURTH_POWERS.limbs);
}

function integerAt({ arena }: Machine, address: number, limbs: number): bigint {
  const words = new BigUint64Array(arena.memory.buffer, address, limbs);
  return words.reduceRight((high, low) => (high << 64n) | low, 0n);
}

interface ExactRun {
  readonly exact: ExactWindow;
  readonly w: number;
  readonly least: number;
  readonly tallies: readonly Tallies[];
  readonly scales: readonly Scale[];
  readonly out: Column;
}

function runExact({ machine, rows, first }: Block, window: MomentWindow, run: ExactRun): void {
  const { exact, w, least, scales, out } = run;
  const { x, y } = window;
  exact.sink(scales[0]?.low ?? 0, scales[1]?.low ?? scales[0]?.low ?? 0);
  const { buffer } = machine.arena.memory;
  const columnAt = (column: Column, before: number) => ({
    values: new Float64Array(buffer, addressOf(column.values, before), rows),
    valid: new Uint8Array(buffer, addressOf(column.valid, before), rows),
  });
  const [now, then] = [columnAt(x, 0), columnAt(x, w)];
  const [nowY, thenY] = [columnAt(y ?? x, 0), columnAt(y ?? x, w)];
  const counts = run.tallies.map((view) => ({
    now: new Uint32Array(buffer, addressOf(view), rows * 4),
    before: new Uint32Array(buffer, w === 0 ? machine.nothing : addressOf(view, w), w === 0 ? 4 : rows * 4),
  }));
  const values = new Float64Array(buffer, addressOf(out.values), rows);
  const valid = new Uint8Array(buffer, addressOf(out.valid), rows);
  for (let row = 0; row < rows; row++) {
    if (w > 0 && then.valid[row] === 1)
      exact.change(-1, then.values[row] as number, thenY.values[row] as number, first + row - w);
    const value = now.values[row] as number;
    if (now.valid[row] === 1) exact.change(1, value, nowY.values[row] as number, first + row);
    const own = node(window).op !== "rolling_zscore" || now.valid[row] === 1;
    valid[row] = own && exact.n >= BigInt(least) ? 1 : 0;
    if (valid[row] === 0) continue;
    values[row] = special(counts, row, w, window.sums === true) ?? window.value(exact, value);
  }
}

const node = ({ node: own }: MomentWindow): IrNode => own;

interface Counts {
  readonly now: Uint32Array;
  readonly before: Uint32Array;
}

/** What NaNs and infinities of the window make of it; undefined without any. */
function special(counts: readonly Counts[], row: number, w: number, sums: boolean): number | undefined {
  const inWindow = (kind: number): number =>
    counts.reduce(
      (sum, { now, before }) =>
        sum + (((now[row * 4 + kind] as number) - (before[(w === 0 ? 0 : row * 4) + kind] as number)) >>> 0),
      0,
    );
  const [nans, plus, minus] = [inWindow(1), inWindow(2), inWindow(3)];
  if (nans + plus + minus === 0) return undefined;
  if (!sums || nans > 0 || (plus > 0 && minus > 0)) return Number.NaN;
  return plus > 0 ? Infinity : -Infinity;
}

/** What the kernel of a window over one column's sums is told of them. */
interface Single {
  readonly kept: KeptSums;
  /** Of windows full of finite values. */
  readonly spreads: View | undefined;
  readonly tallies: Tallies;
  /** Of the column's scale. */
  readonly low: number;
  readonly bits: number;
  readonly x: Column;
  readonly out: Column;
}

/** A window over one column's sums; the kernel calls, and the same of exact sums. */
function single(
  options: Pick<MomentWindow, "squares" | "places" | "powers" | "sums" | "start" | "value"> & {
    readonly call: (part: Part, of: Single) => void;
    readonly full?: (part: Part, of: Single, width: number) => void;
  },
): KernelLowering {
  return (own, planner, [x]) => {
    const given = x as Column;
    const tallies = planner.tallies(given);
    const scale = planner.scale(given);
    const { call, full, ...window } = options;
    const kept = sumsOf(planner, { ...window, x: given });
    const out = planner.output();
    const spreads = window.squares && full !== undefined ? spreadsOf(planner, given, own) : undefined;
    const of = (): Single => ({ kept, spreads, tallies, low: scale.low, bits: scale.bits, x: given, out });
    return lower(planner, {
      ...window,
      node: own,
      x: given,
      out,
      kernel: (part) => call(part, of()),
      ...(full === undefined ? {} : { full: (part: Part, width: number) => full(part, of(), width) }),
    });
  };
}

function spreadsOf(planner: Planner, column: Column, { params }: IrNode): View | undefined {
  const w = Number(params["w"]);
  return w === 0 ? undefined : { track: planner.spreads(column, w), lag: 0 };
}

const sums = (mean: 0 | 1): KernelLowering =>
  single({
    squares: false,
    sums: true,
    value: (window) => (mean === 1 ? window.mean() : window.sum()),
    call: ({ machine: { kernels }, rows, records, column, moves, least }, { kept, tallies, low, out }) =>
      kernels.windowSums(rows, mean, ...records(tallies), ...records(kept.x), moves, least, low, ...column(out)),
    full: ({ machine: { kernels }, rows, records, column, count }, { kept, low, out }, width) =>
      kernels.fullSums(rows, mean, count, ...records(kept.x), width, low, ...column(out)),
  });

/** An expanding sum, which is there before the first value too. */
const runningSum: KernelLowering = (node, planner, inputs) => {
  const start = Number(node.params["init"]);
  return single({
    squares: false,
    sums: true,
    start,
    value: (window) => window.sum(),
    call: ({ machine, rows, records, column, moves, least }, { kept, tallies, low, out }) =>
      machine.kernels.windowSums(
        rows,
        0,
        ...records(tallies),
        records(kept.x)[0],
        start === 0 ? machine.nothing : recordOf(machine, start, low),
        moves,
        least,
        low,
        ...column(out),
      ),
  })({ ...node, params: { w: 0, min_periods: 0 } }, planner, inputs);
};

const variances = (kind: 0 | 1): KernelLowering =>
  single({
    squares: true,
    value: (window) => (kind === 1 ? window.deviation() : window.variance()),
    call: ({ machine: { kernels }, rows, records, column, moves, least }, { kept, tallies, low, out }) =>
      kernels.windowVariances(
        rows,
        kind,
        ...records(tallies),
        ...records(kept.x),
        ...records(kept.xx),
        moves,
        least,
        low,
        ...column(out),
      ),
    full: ({ machine: { kernels }, rows, records, column, count }, { spreads, low, out }) =>
      kernels.fullVariances(rows, kind, count, records(spreads)[0], low, ...column(out)),
  });

const shapes = (kind: 0 | 1): KernelLowering =>
  single({
    squares: true,
    powers: true,
    value: (window) => (kind === 0 ? window.skewness() : window.kurtosis()),
    call: ({ machine: { kernels }, rows, records, column, moves, count, least }, { kept, tallies, bits, out }) =>
      kernels.windowShapes(
        rows,
        kind,
        ...records(tallies),
        ...records(kept.x),
        ...records(kept.xx),
        ...records(kept.powers),
        moves,
        least,
        bits,
        countBits(count),
        ...column(out),
      ),
  });

function pairs(kind: 0 | 1): KernelLowering {
  return (own, planner, inputs) => {
    const [left, right] = inputs as [Column, Column];
    const [x, y] = [planner.masked(left, right), planner.masked(right, left)];
    const tallies = [planner.tallies(x), planner.tallies(y)] as const;
    const scales = [planner.scale(x), planner.scale(y)] as const;
    const kept = sumsOf(planner, { x, y, squares: true });
    const out = planner.output();
    const spreads = [x, y].map((one) => spreadsOf(planner, one, own));
    const lows = (): number => scales[0].low + scales[1].low;
    return lower(planner, {
      node: own,
      x,
      y,
      out,
      squares: true,
      value: (exact) => (kind === 1 ? exact.correlation() : exact.covariance()),
      kernel: ({ machine: { kernels }, rows, records, column, moves, least }) =>
        kernels.windowCovariances(
          rows,
          kind,
          ...records(tallies[0]),
          ...records(tallies[1]),
          ...records(kept.x),
          ...records(kept.y),
          ...records(kept.xy),
          ...records(kept.xx),
          ...records(kept.yy),
          moves,
          least,
          lows(),
          ...column(out),
        ),
      full: ({ machine: { kernels }, rows, records, column, count }, width) =>
        kernels.fullCovariances(
          rows,
          kind,
          count,
          ...records(kept.x),
          ...records(kept.y),
          ...records(kept.xy),
          records(spreads[0])[0],
          records(spreads[1])[0],
          width,
          lows(),
          ...column(out),
        ),
    });
  };
}

export const RUNNING_SUMS: Readonly<Record<string, KernelLowering>> = { cumsum: runningSum };

export const MOMENTS: Readonly<Record<string, KernelLowering>> = {
  rolling_sum: sums(0),
  rolling_mean: sums(1),
  rolling_var: variances(0),
  rolling_std: variances(1),
  rolling_zscore: single({
    squares: true,
    value: (window, x) => window.score(x),
    call: ({ machine: { kernels }, rows, records, column, moves, least }, { kept, tallies, low, x, out }) =>
      kernels.windowScores(
        rows,
        ...column(x),
        ...records(tallies),
        ...records(kept.x),
        ...records(kept.xx),
        moves,
        least,
        low,
        ...column(out),
      ),
    full: ({ machine: { kernels }, rows, records, column, count }, { kept, spreads, low, x, out }, width) =>
      kernels.fullScores(
        rows,
        column(x)[0],
        count,
        ...records(kept.x),
        records(spreads)[0],
        width,
        low,
        ...column(out),
      ),
  }),
  rolling_skew: shapes(0),
  rolling_kurt: shapes(1),
  rolling_cov: pairs(0),
  rolling_corr: pairs(1),
  linear_regression_slope: single({
    squares: false,
    places: true,
    value: (window) => window.slope(),
    call: ({ machine: { kernels }, rows, records, column, moves, least }, { kept, tallies, low, out }) =>
      kernels.windowSlopes(
        rows,
        ...records(tallies),
        ...records(kept.x),
        ...records(kept.places),
        moves,
        least,
        low,
        ...column(out),
      ),
  }),
};
