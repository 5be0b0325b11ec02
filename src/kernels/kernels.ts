import { readFileSync } from "node:fs";
import type { Room } from "../columnar/arena.js";

/** An address in an arena; 0 stands for what is not there. */
export type Address = number;

/** The compiled kernels over one arena; what each does and wants stands in `assembly/`, under the same name. */
export interface Kernels {
  encode(rows: number, raw: Address, width: number, kind: CodeKind, codes: Address): void;
  decode(rows: number, codes: Address, width: number, kind: CodeKind, raw: Address): void;
  equalityCodes(rows: number, codes: Address, kind: CodeKind, out: Address): void;

  clearSlots(slots: Address, mask: number): void;
  assignGroups(
    rows: number,
    keys: Address,
    valid: Address,
    slots: Address,
    mask: number,
    groups: Address,
    known: number,
    counts: Address,
  ): number;
  moveSlots(from: Address, fromMask: number, to: Address, toMask: number): void;
  widenRange(rows: number, keys: Address, valid: Address, range: Address): void;
  countKeys(rows: number, keys: Address, valid: Address, least: bigint, counts: Address): void;
  numberKeys(span: number, counts: Address, table: Address, starts: Address): number;
  placeKeys(rows: number, keys: Address, valid: Address, least: bigint, cursors: Address, places: Address): void;
  startsOf(groups: number, counts: Address): void;
  keyRange(slots: Address, mask: number, out: Address): void;
  directTable(slots: Address, mask: number, least: bigint, span: number, table: Address): void;
  placeRows(rows: number, groups: Address, cursors: Address, places: Address): void;
  scatter(rows: number, places: Address, values: Address, into: Address): void;
  floorDivide(rows: number, values: Address, divisor: bigint): void;
  largestGroup(groups: number, starts: Address): number;
  orderByTime(
    groups: number,
    starts: Address,
    time: Address,
    columns: number,
    list: Address,
    order: Address,
    spareOrder: Address,
    spare: Address,
  ): void;
  orderTies(
    groups: number,
    starts: Address,
    time: Address,
    value: Address,
    available: Address,
    order: Address,
    spareOrder: Address,
    spare: Address,
  ): void;
  layRecords(rows: number, values: Address, width: number, records: Address, stride: number, place: number): void;
  placePairs(rows: number, places: Address, times: Address, first: bigint, pairs: Address): void;
  orderPairs(groups: number, starts: Address, pairs: Address, spare: Address): boolean;
  latestRecords(queries: number, times: Address, found: Address, starts: Address, pairs: Address): void;
  recordValues(
    queries: number,
    found: Address,
    records: Address,
    stride: number,
    place: number,
    width: number,
    out: Address,
    valid: Address,
  ): void;
  nextOccurrence(
    groups: number,
    starts: Address,
    values: Address,
    kind: CodeKind,
    slots: Address,
    mask: number,
    next: Address,
  ): void;
  previousOccurrence(groups: number, starts: Address, next: Address, previous: Address): void;
  distinctPath(
    groups: number,
    starts: Address,
    times: Address,
    length: bigint,
    next: Address,
    previous: Address,
    path: Address,
  ): void;
  orderByValue(groups: number, starts: Address, codes: Address, order: Address, spareOrder: Address): void;
  knownNodes(rows: number): number;
  knownTree(rows: number, available: Address, nodes: Address): void;

  lookUp(queries: number, keys: Address, valid: Address, slots: Address, mask: number, found: Address): void;
  lookUpDirect(
    queries: number,
    keys: Address,
    valid: Address,
    least: bigint,
    span: number,
    table: Address,
    found: Address,
  ): void;
  recordBytes(groups: number, windows: number): number;
  clearRecords(groups: number, starts: Address, windows: number, records: Address): void;
  windowBounds(
    queries: number,
    times: Address,
    found: Address,
    starts: Address,
    index: Address,
    windows: number,
    lengths: Address,
    records: Address,
    bounds: Address,
  ): void;

  groupRuns(rows: number, keys: Address, times: Address, starts: Address): number;
  runBounds(times: Address, runs: number, starts: Address, windows: number, lengths: Address, bounds: Address): void;

  ownLists(
    queries: number,
    entries: Address,
    valid: Address,
    codes: Address,
    codesValid: Address,
    kind: CodeKind,
    lists: Address,
    elements: Address,
  ): void;
  windowListCapacity(queries: number, bounds: Address, stride: number, window: number, maxLength: number): bigint;
  windowList(
    queries: number,
    bounds: Address,
    stride: number,
    window: number,
    filter: Address,
    maxLength: number,
    entries: Address,
    list: Address,
  ): number;
  windowCount(queries: number, bounds: Address, stride: number, window: number, filter: Address, out: Address): void;
  windowLast(
    queries: number,
    bounds: Address,
    stride: number,
    window: number,
    filter: Address,
    out: Address,
    valid: Address,
  ): void;
  extremeLevels(rows: number): number;
  extremeTable(rows: number, values: Address, kind: CodeKind, largest: boolean, table: Address): void;
  windowExtreme(
    queries: number,
    bounds: Address,
    stride: number,
    window: number,
    filter: Address,
    table: Address,
    largest: boolean,
    out: Address,
    valid: Address,
  ): void;

  numbersOfCodes(rows: number, codes: Address, kind: CodeKind, numbers: Address): void;
  exponentRange(rows: number, numbers: Address, out: Address): void;
  integerPrefix(rows: number, values: Address, sums: Address): void;
  doublePrefix(rows: number, numbers: Address, low: number, sums: Address): void;
  specialPrefix(rows: number, numbers: Address, out: Address): void;
  wideBytes(rows: number): number;
  widePrefix(rows: number, numbers: Address, sums: Address): void;
  windowIntegerSum(
    queries: number,
    bounds: Address,
    stride: number,
    window: number,
    filter: Address,
    prefix: Address,
    mean: boolean,
    out: Address,
    valid: Address,
  ): number;
  windowFloatSum(
    queries: number,
    bounds: Address,
    stride: number,
    window: number,
    filter: Address,
    prefix: Address,
    wide: boolean,
    low: number,
    specials: Address,
    limbs: Address,
    mean: boolean,
    out: Address,
    valid: Address,
  ): void;

  avgPool(
    from: number,
    to: number,
    lists: Address,
    positions: Address,
    pool: Address,
    stride: number,
    dim: number,
    sums: Address,
    out: Address,
    valid: Address,
    most: number,
    granularity: Address,
  ): void;
  granularities(count: number, pool: Address, stride: number, dim: number, out: Address): void;
  largestMagnitude(count: number, pool: Address, stride: number, dim: number): number;
  takeVectors(
    rows: number,
    positions: Address,
    pool: Address,
    stride: number,
    dim: number,
    out: Address,
    valid: Address,
  ): void;

  listOffsets(queries: number, entries: Address, base: number, offsets: Address): void;
  scaleTicks(rows: number, values: Address, factor: bigint, out: Address): number;
  packValidity(rows: number, valid: Address, bits: Address): number;
}

/** How a value is its code: see `assembly/codes.ts`. */
export const INTEGER_CODES = 0;
export const FLOAT_CODES = 1;
export const DOUBLE_CODES = 2;
export type CodeKind = typeof INTEGER_CODES | typeof FLOAT_CODES | typeof DOUBLE_CODES;

const compiled = new Map<string, WebAssembly.Module>();
const instances = new WeakMap<WebAssembly.Memory, Kernels>();

/** The kernels over a memory; each of the two modules (for one thread's memory, for a shared one) is compiled once. */
export function kernelsOf({ memory }: Pick<Room, "memory">): Kernels {
  const known = instances.get(memory);
  if (known !== undefined) return known;
  const file = Object.prototype.toString.call(memory.buffer) === "[object SharedArrayBuffer]" ? SHARED : ALONE;
  const module = compiled.get(file) ?? new WebAssembly.Module(readFileSync(new URL(file, import.meta.url)));
  compiled.set(file, module);
  const abort = (): never => {
    throw new Error("a kernel was aborted");
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  const kernels = exports as unknown as Kernels;
  instances.set(memory, kernels);
  return kernels;
}

const ALONE = "./kernels.wasm";
const SHARED = "./kernels-shared.wasm";
