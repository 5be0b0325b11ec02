import type { FeatureType } from "./feature-type.js";
import type { ViewSource } from "./feature-view.js";

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

/** A feature as it is written: one of a type may be without a name. */
export type WrittenFeatureSpec = Omit<FeatureSpec, "name"> & Partial<Pick<FeatureSpec, "name">>;

/** The feature with its name: its own, else what its type calls its column, else the type's name. */
export function namedFeature(spec: WrittenFeatureSpec, types: ReadonlyMap<string, FeatureType>): FeatureSpec {
  const { name = "", type = "" } = spec;
  return name !== "" ? { ...spec, name } : { ...spec, name: types.get(type)?.outputColumn ?? type };
}

export const FEATURE_BACKENDS = ["kernel", "polars"] as const;
export type FeatureBackend = (typeof FEATURE_BACKENDS)[number];

/** `features.yaml`: features, and the tables that they are computed over. */
export interface FeatureRun {
  readonly name: string;
  /** Of features that are formulas; a feature type has its own. */
  readonly version: string;
  readonly namespace: string;
  /** The first one's rows are the answer's. */
  readonly tables: readonly RunTable[];
  /** Absent: all. */
  readonly symbols?: readonly string[];
  readonly venue?: string;
  /** Rows that are written, `start <= event_time < end`: microseconds; absent: all. */
  readonly start?: bigint;
  readonly end?: bigint;
  readonly features: readonly FeatureSpec[];
  readonly aliases: Readonly<Record<string, string>>;
  /** Folder of the project's own feature types, relative to the file. */
  readonly featureTypes: string;
  /** Folder of the tables without a source, relative to the file. */
  readonly warehouse: string;
  /** The Parquet file that is written, relative to the file. */
  readonly wide?: string;
  readonly backend: FeatureBackend;
  /** Threads that compute. */
  readonly concurrency: number;
  /** Bytes that the rows and columns under way may take. */
  readonly memoryLimit: number;
  readonly strict: boolean;
}

/** A table of a run: files of the warehouse, or a source of its own. */
export interface RunTable {
  readonly name: string;
  /** One bar of a table that holds several. */
  readonly barName?: string;
  /** Also rows whose `is_complete` is false. */
  readonly incompleteBars: boolean;
  readonly source?: ViewSource;
  /** Column of the source → column of the formulas. */
  readonly fieldMapping: Readonly<Record<string, string>>;
  /** Constants where the source has no such column. */
  readonly symbol?: string;
  readonly venue?: string;
}
