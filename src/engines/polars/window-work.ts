import type { Aggregate } from "../../definitions/aggregations.js";

/**
 * What Polars makes of two files. History: `kid`, `t` (ticks by which it is ordered), `q` (one past the instant at which it
 * is probed), `a` (when it was known, if `available`), and of each value `v<i>`, `c<i>` and `h<i>`, `l<i>` as it says; a row
 * without values at the least `q` stands for every key. Queries: `row`, `kid`, `b<j>` (what lies before it, `q <= b<j>`, is
 * before the bound), `known` (if `available`), and `e<k>`, the own values.
 */
export interface WindowWork {
  readonly available: boolean;
  readonly values: readonly WorkValue[];
  /** How many bounds; the first is the row's own time. */
  readonly bounds: number;
  readonly totals: readonly Total[];
  readonly pairs: readonly Pairs[];
}

export interface WorkValue {
  /** Floats are ordered and compared by `c<i>`, their codes. */
  readonly form: "float" | "integer" | "other";
  /** `v<i>` as two halves of 32 bits, `h<i>` and `l<i>`, whose sums have room. */
  readonly halved: boolean;
  /** Single values are looked at, not just running totals. */
  readonly listed: boolean;
}

/** Made of running totals: `n<place>`, how many values are between two bounds; if `sum`, of their halves `h<place>`, `l<place>`. */
export interface Total {
  readonly place: number;
  readonly value: number;
  readonly from: number;
  readonly sum: boolean;
}

/** The pairs of a row and a value of its window, and what is made of them. */
export interface Pairs {
  readonly value: number;
  readonly from: number;
  /** Only the newest of the window, before any condition. */
  readonly newest?: number;
  /** Only values that do not equal the row's own: a value or (`list`) one of several. */
  readonly without?: { readonly own: number; readonly list: boolean };
  readonly outputs: readonly PairOutput[];
}

/** `c<place>`: the aggregate; of integer sums and means `n<place>`, `h<place>`, `l<place>`, of float ones the list. */
export interface PairOutput {
  readonly place: number;
  readonly aggregate: Aggregate;
  /** The newest of what is left. */
  readonly newest?: number;
}
