/** One feature of a run: a formula, or a feature type with what it is bound to. */
export interface FeatureSpec {
  readonly name: string;
  readonly formula?: string;
  readonly type?: string;
  /** Input of the type → column or feature. */
  readonly inputs?: Readonly<Record<string, string>>;
  readonly parameters?: Readonly<Record<string, number | boolean>>;
  /** The table on whose rows it is computed; absent: the run's first. */
  readonly table?: string;
}
