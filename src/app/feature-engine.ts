import { availableParallelism } from "node:os";
import { Bool, type Data, Field, Float64, makeData, RecordBatch, Schema, Struct, Table } from "apache-arrow";
import { packBits } from "../columnar/bits.js";
import type { FeatureSpec } from "../definitions/feature-run.js";
import type { FeatureType } from "../definitions/feature-type.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { compileFeatures } from "../formulas/features/compile-features.js";
import { Frame } from "../formulas/features/frame.js";
import { type FeatureValues, runFeatures } from "../formulas/features/run-features.js";
import { EVENT_TIME, SYMBOL } from "../formulas/features/tables.js";

export interface FeatureEngineOptions {
  /** Feature types that specs may name. */
  readonly types?: readonly FeatureType[];
  /** Further names of columns: `{px: "trade_price"}`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Threads that compute, of different symbols; default: as many as the machine has, at most 4. */
  readonly threads?: number;
}

export interface ComputeFeaturesRequest {
  readonly specs: readonly FeatureSpec[];
  /** Tables by name; the first one's rows are the answer's. */
  readonly frames: Readonly<Record<string, Table>>;
  /** A feature that fails fails the call. */
  readonly strict?: boolean;
}

export interface FeatureStatus {
  readonly name: string;
  readonly status: "success" | "error";
  /** Of an error. */
  readonly problem?: Problem;
  readonly rows: number;
  readonly nulls: number;
}

export interface ComputedFeatures {
  /** `symbol` (if the clock has it), `event_time`, a column per feature: Float64, of comparisons Bool. */
  readonly table: Table;
  readonly featureNames: readonly string[];
  readonly statuses: readonly FeatureStatus[];
}

/** Computes features over Arrow tables (docs/formulas.md). */
export class FeatureEngine {
  readonly #types: ReadonlyMap<string, FeatureType>;
  readonly #aliases: Readonly<Record<string, string>>;
  readonly #threads: number;

  constructor(options: FeatureEngineOptions = {}) {
    this.#types = new Map((options.types ?? []).map((type) => [type.name, type]));
    this.#aliases = options.aliases ?? {};
    this.#threads = options.threads ?? Math.min(4, availableParallelism());
  }

  /**
   * One row for each row of the first frame, by symbol, time, sequence. A feature that fails is a column of NULLs with the status
   * `error` and its cause; what does not take it is computed. Throws DaedalusError: exit code 2 for mistaken frames and names that
   * are there twice, 1 with `strict` where a feature failed.
   */
  async computeFeatures({ specs, frames, strict = false }: ComputeFeaturesRequest): Promise<ComputedFeatures> {
    const all = new Map(Object.entries(frames).map(([name, table]) => [name, new Frame(name, table)]));
    const compiled = compileFeatures({
      specs,
      types: this.#types,
      tables: [...all.values()].map(({ columns }) => columns),
      aliases: this.#aliases,
    });
    const [clock] = all.values();
    if (clock === undefined) throw new RangeError("no frame");
    const features = await runFeatures(compiled, all, clock, this.#threads);
    if (strict) refuseFailures(features);
    return {
      table: tableOf(clock, features),
      featureNames: features.map(({ name }) => name),
      statuses: features.map((feature) => statusOf(feature, clock.rows)),
    };
  }
}

function refuseFailures(features: readonly FeatureValues[]): void {
  const problems = features.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [{ ...problem, says: `feature "${name}": ${problem.says}` }],
  );
  if (problems.length > 0) throw new DaedalusError(problems, 1);
}

function statusOf({ name, valid, problem }: FeatureValues, rows: number): FeatureStatus {
  if (problem !== undefined || valid === undefined)
    return { name, status: "error", ...(problem === undefined ? {} : { problem }), rows, nulls: rows };
  return { name, status: "success", rows, nulls: valid.reduce((nulls, byte) => nulls + 1 - byte, 0) };
}

function tableOf(clock: Frame, features: readonly FeatureValues[]): Table {
  const { rows } = clock;
  const columns: (readonly [name: string, data: Data, nullable: boolean])[] = [];
  const symbols = clock.symbolData();
  if (symbols !== undefined) columns.push([SYMBOL, symbols, false]);
  columns.push([EVENT_TIME, clock.timeData(), false]);
  for (const feature of features)
    columns.push([feature.name, dataOf(feature, feature.type === "Boolean" ? new Bool() : new Float64(), rows), true]);
  const schema = new Schema(columns.map(([name, { type }, nullable]) => new Field(name, type, nullable)));

  const struct = makeData({
    type: new Struct(schema.fields),
    length: rows,
    nullCount: 0,
    children: columns.map(([, data]) => data),
  });
  return new Table(schema, [new RecordBatch(schema, struct)]);
}

function dataOf({ values, valid }: FeatureValues, type: Bool | Float64, rows: number): Data {
  const bytes = valid ?? new Uint8Array(rows);
  const nullCount = bytes.reduce((nulls, byte) => nulls + 1 - byte, 0);
  const common = { length: rows, nullCount, ...(nullCount === 0 ? {} : { nullBitmap: packBits(bytes) }) };
  const numbers = values ?? new Float64Array(rows);
  if (type instanceof Float64) return makeData({ ...common, type, data: numbers });
  return makeData({ ...common, type, data: packBits(Uint8Array.from(numbers, (value) => (value === 0 ? 0 : 1))) });
}
