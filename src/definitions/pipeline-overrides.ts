import type { Literal } from "./literal.js";

/** `config/pipelines/<service>.yaml`: entries in the form of the generated file; the compiler compares and applies them. */
export interface PipelineOverrides {
  readonly operators: readonly OperatorOverride[];
}

export interface OperatorOverride {
  readonly name: string;
  /** The entry's other fields as written, keys as in YAML. */
  readonly fields: Readonly<Record<string, OverrideValue>>;
}

export type OverrideValue = Literal | readonly OverrideValue[] | { readonly [key: string]: OverrideValue };
