/** The dimensions of a feature type; the namespace of its features. */
export const DIMENSIONS = ["signal", "execution", "quality", "regime", "stability", "technical"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const FEATURE_STATUSES = ["active", "experimental", "deprecated"] as const;

/** `feature_types/<name>.yaml`: a formula, or steps, with inputs and parameters of its own. */
export interface FeatureType {
  readonly name: string;
  readonly description?: string;
  readonly category?: string;
  readonly dimension: Dimension;
  readonly version: string;
  readonly status: (typeof FEATURE_STATUSES)[number];
  readonly tags: readonly string[];
  /** Names of the formula that a spec may bind to columns. */
  readonly requiredInputs: readonly string[];
  readonly parameters: Readonly<Record<string, ParameterDefinition>>;
  readonly outputColumn?: string;
  /** Either of the two. */
  readonly formula?: string;
  readonly steps?: readonly FeatureStep[];
}

export interface ParameterDefinition {
  readonly type: "integer" | "float" | "boolean";
  /** Absent: a spec must give it. */
  readonly default?: number | boolean;
  readonly constraints?: { readonly min?: number; readonly max?: number };
}

/** A call whose arguments are names or numbers; later steps know it by `output`, the last is the result. */
export interface FeatureStep {
  readonly primitive: "TRANSFORM" | "WINDOW" | "STATE" | "EVENT";
  readonly op: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly output?: string;
}
