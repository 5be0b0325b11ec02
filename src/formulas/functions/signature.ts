import type { Graph, IrNode } from "../ir/node.js";

/** An argument that is a column's values. */
export interface ValueArgument {
  readonly kind: "value";
  readonly name: string;
  /** As many more as are wanted may follow. */
  readonly more?: true;
}

/** An argument that is known before any row is read (`:c` in the reference). */
export interface ConstantArgument {
  readonly kind: "constant";
  readonly name: string;
  /** Absent: it must be given. */
  readonly default?: number;
  /** It may be left out without a default. */
  readonly optional?: true;
  /** Only by its name. */
  readonly keywordOnly?: true;
  /** A number of rows: whole. */
  readonly rows?: true;
  /** What is wrong with a value, as what was expected. */
  readonly refuse?: (value: number) => string | undefined;
}

export type FunctionArgument = ValueArgument | ConstantArgument;

/** The constants of a call; what is optional and was left out is missing. */
export type Constants = ReadonlyMap<string, number>;

/** A mistake in the value of a constant argument. */
export class ConstantRefused extends Error {
  constructor(
    readonly argument: string,
    readonly expected: string,
  ) {
    super(expected);
  }
}

/** A function of the formula language: its name, what it takes, and what it is in the graph. */
export interface FormulaFunction {
  readonly name: string;
  readonly group: "row-wise" | "window" | "state" | "cross-section";
  /** One sentence for the reference. */
  readonly says: string;
  readonly arguments: readonly FunctionArgument[];
  /** The last node of what it is made of. Throws `ConstantRefused`. */
  readonly build: (graph: Graph, values: readonly IrNode[], constants: Constants) => IrNode;
  /** Its value for constants, where it is row-wise. */
  readonly scalar?: (...values: readonly number[]) => number;
}

/** `rolling_mean(x, w, min_periods=…)`: what an error calls it. */
export function signatureOf({ name, arguments: all }: FormulaFunction): string {
  const shown = all.map((argument) => {
    if (argument.kind === "value") return argument.more ? `${argument.name}, …` : argument.name;
    if (argument.keywordOnly) return `${argument.name}=…`;
    return argument.default === undefined ? argument.name : `${argument.name}=${argument.default}`;
  });
  return `${name}(${shown.join(", ")})`;
}

export const value = (name: string): ValueArgument => ({ kind: "value", name });

/** A number of rows, at least so many. */
export function rows(name: string, least: number, fallback?: number): ConstantArgument {
  return {
    kind: "constant",
    name,
    rows: true,
    ...(fallback === undefined ? {} : { default: fallback }),
    refuse: (given) => (given >= least ? undefined : `at least ${least}`),
  };
}
