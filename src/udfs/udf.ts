import type { Vector } from "apache-arrow";
import type { DType } from "../columnar/dtypes.js";

/** A function of a project's own, an export of its `project.udfs.ts`. */
export interface Udf {
  /** What it is called with. */
  readonly arguments: readonly DType[];
  /** What it gives. */
  readonly returns: DType;
  /**
   * Computes a batch: an Arrow vector for each argument, all of `rows` rows, NULLs among them. Returns a vector of as many rows, of
   * the Arrow type of `returns`. It must not depend on the batch: rows come in batches of any size, and in any order.
   */
  readonly compute: (columns: readonly Vector[], rows: number) => Vector;
}

/** A function that is written with a vector for each of its arguments, as many as those. */
export interface DefinedUdf<Arguments extends readonly DType[]> extends Omit<Udf, "arguments" | "compute"> {
  readonly arguments: Arguments;
  readonly compute: (columns: { readonly [Place in keyof Arguments]: Vector }, rows: number) => Vector;
}

/** Declares a function; what it says is checked when a service is compiled. */
export function defineUdf<const Arguments extends readonly DType[]>(udf: DefinedUdf<Arguments>): Udf {
  // It is called with as many vectors as it has arguments, which the type of the list of them does not tell.
  return udf as unknown as Udf;
}
