import { Arena } from "#daedalus/columnar/arena.js";
import { type Kernels, kernelsOf } from "#daedalus/kernels/kernels.js";

// What each kernel of `assembly/` computes, written as plainly as it can be: arrays in, arrays out.

/** The kernels over a memory of their own, with values laid into it. `called`: which of them were called. */
export class Bench {
  readonly #arena = new Arena();
  readonly kernels: Kernels;
  static readonly called = new Set<string>();

  constructor() {
    this.kernels = new Proxy(kernelsOf(this.#arena), {
      get: (kernels, name) => {
        Bench.called.add(String(name));
        return Reflect.get(kernels, name);
      },
    });
  }

  get exports(): readonly string[] {
    return Object.entries(kernelsOf(this.#arena)).flatMap(([name, value]) =>
      typeof value === "function" ? [name] : [],
    );
  }

  /** Not cleared, so that who reads what was never written is caught. */
  room(bytes: number): number {
    const address = this.#arena.allocate(bytes + 8);
    this.#arena.bytesAt(address, bytes + 8).fill(0xa5);
    return address;
  }

  longs(values: readonly bigint[]): number {
    const address = this.room(values.length * 8);
    this.#arena.int64At(address, values.length).set(values);
    return address;
  }

  ints(values: readonly number[]): number {
    const address = this.room(values.length * 4);
    this.#arena.int32At(address, values.length).set(values);
    return address;
  }

  bytes(values: readonly number[]): number {
    const address = this.room(values.length);
    this.#arena.bytesAt(address, values.length).set(values);
    return address;
  }

  doubles(values: readonly number[]): number {
    return this.bytes([...new Uint8Array(new Float64Array(values).buffer)]);
  }

  readLongs(address: number, count: number): bigint[] {
    return [...this.#arena.int64At(address, count)];
  }

  readInts(address: number, count: number): number[] {
    return [...this.#arena.int32At(address, count)];
  }

  readBytes(address: number, count: number): number[] {
    return [...this.#arena.bytesAt(address, count)];
  }

  readDoubles(address: number, count: number): number[] {
    return [...new Float64Array(this.#arena.bytesAt(address, count * 8).slice().buffer)];
  }
}

/** Groups are numbered by the first row of their key; −1: the row has none. */
export function numbered(keys: readonly (bigint | null)[]): number[] {
  const known: bigint[] = [];
  return keys.map((key) => {
    if (key === null) return -1;
    if (!known.includes(key)) known.push(key);
    return known.indexOf(key);
  });
}

/** Rows of each group, in their order. */
export function rowsByGroup(groups: readonly number[]): number[][] {
  const count = Math.max(-1, ...groups) + 1;
  return Array.from({ length: count }, (_, group) => groups.flatMap((own, row) => (own === group ? [row] : [])));
}

/** Where each group begins, and where the last one ends. */
export function startsOf(sizes: readonly number[]): number[] {
  return [0, ...sizes].map((_, group) => sizes.slice(0, group).reduce((sum, size) => sum + size, 0));
}

export function floorOf(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return quotient * divisor > value ? quotient - 1n : quotient;
}

/** A double's code: doubles ascend as their codes do, −0 before +0, every NaN the same and last. */
export function codeOf(value: number): bigint {
  const [bits = 0n] = new BigInt64Array(new Float64Array([value]).buffer);
  if (Number.isNaN(value)) return 0x7ff8000000000000n;
  return bits >= 0n ? bits : -(bits + 2n ** 63n) - 1n;
}

/** Of −0 and +0 one code; else the code. */
export function equality(code: bigint, kind: number): bigint {
  return kind !== 0 && code === -1n ? 0n : code;
}

/** `hi`, and each window's `lo`, of a query over the times of its group, which begins at `from`. */
export function boundsOf(
  times: readonly bigint[],
  from: number,
  time: bigint,
  windows: readonly bigint[],
): readonly number[] {
  const earlier = times.filter((own) => own < time).length;
  const los = windows.map((length) =>
    length < 0n ? 0 : Math.min(earlier, times.filter((own) => own < time - length).length),
  );
  return [earlier, ...los].map((place) => from + place);
}

export interface FilterModel {
  readonly values: readonly bigint[];
  readonly kind: number;
  readonly available?: readonly bigint[];
  readonly known?: readonly bigint[];
  /** Each value once, where it stands last. */
  readonly distinct: boolean;
  /** Each query's own values, which do not count. */
  readonly own?: readonly (readonly bigint[])[];
}

/** The rows of a window [lo, hi) that count for a query, in order. */
export function counting(filter: FilterModel, query: number, lo: number, hi: number): number[] {
  const { values, kind, available, known, own } = filter;
  const codeAt = (row: number): bigint => equality(values[row] as bigint, kind);
  const isKnown = (row: number): boolean => !available || (available[row] as bigint) <= (known?.[query] as bigint);
  const rows = Array.from({ length: hi - lo }, (_, i) => lo + i).filter(isKnown);
  return rows
    .filter((row) => !(own?.[query] ?? []).some((value) => equality(value, kind) === codeAt(row)))
    .filter((row) => !filter.distinct || !rows.some((later) => later > row && codeAt(later) === codeAt(row)));
}
