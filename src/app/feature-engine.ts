import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { Bool, type Data, Field, Float64, makeData, RecordBatch, Schema, Struct, Table } from "apache-arrow";
import { packBits } from "../columnar/bits.js";
import { ownTable } from "../columnar/foreign-tables.js";
import {
  FEATURE_BACKENDS,
  type FeatureBackend,
  namedFeature,
  type WrittenFeatureSpec,
} from "../definitions/feature-run.js";
import { DIMENSIONS, FEATURE_STATUSES, type FeatureType } from "../definitions/feature-type.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { compileFeatures } from "../formulas/features/compile-features.js";
import type { Piece } from "../formulas/features/compute-pool.js";
import { Frame } from "../formulas/features/frame.js";
import { refuseFailed } from "../formulas/features/refuse-failed.js";
import { type FeatureValues, runFeatures, unitsOf } from "../formulas/features/run-features.js";
import { EVENT_TIME, SYMBOL } from "../formulas/features/tables.js";
import { checkFeatureRequest } from "./feature-request.js";
import { featureTypesOf } from "./feature-types.js";
import {
  checkOptions,
  isObject,
  LIST,
  OBJECT,
  objectOf,
  oneOf,
  type Shapes,
  TEXT,
  TEXTS,
  wholeNumber,
} from "./options.js";
import { readSourceTables, type SourceTablesRequest } from "./read-source-tables.js";

export interface FeatureEngineOptions extends FeatureEngineConfig {
  /** Settings that stand together, as a file may hold them; one that stands beside it comes first. */
  readonly config?: FeatureEngineConfig;
  /** Folder that `warehouse` and the paths of sources are relative to, with the project's own feature types in `feature_types`. */
  readonly projectDir?: string;
  /** Folder of the tables that `readSourceTables` reads by their names; default: `warehouse`. */
  readonly warehouse?: string;
}

export interface FeatureEngineConfig {
  /** Feature types that specs may name, beside those of the project and the library. */
  readonly types?: readonly FeatureType[];
  /** Further names of columns: `{px: "trade_price"}`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Threads that compute, of different symbols or the columns of one; default: as many as the machine has, at most 4. */
  readonly threads?: number;
  /** Who computes (docs/formulas.md); default: kernel. */
  readonly backend?: FeatureBackend;
}

export interface ComputeFeaturesRequest {
  readonly specs: readonly WrittenFeatureSpec[];
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

const CONFIG: Shapes = {
  types: LIST,
  aliases: objectOf(["string"], "{name: column}"),
  threads: wholeNumber(1),
  backend: oneOf(FEATURE_BACKENDS),
};
const OPTIONS: Shapes = { ...CONFIG, projectDir: TEXT, warehouse: TEXT, config: OBJECT };
const TYPE: Shapes = {
  name: TEXT,
  description: TEXT,
  category: TEXT,
  dimension: oneOf(DIMENSIONS),
  version: TEXT,
  status: oneOf(FEATURE_STATUSES),
  tags: TEXTS,
  requiredInputs: TEXTS,
  parameters: {
    is: (value) =>
      isObject(value) && Object.values(value).every((one) => isObject(one) && typeof one["type"] === "string"),
    expected: "{name: {type, …}}",
  },
  outputColumn: TEXT,
  formula: TEXT,
  steps: {
    is: (value) => Array.isArray(value) && value.every((one) => isObject(one) && typeof one["op"] === "string"),
    expected: "a list of steps",
  },
};
const NEEDED_OF_TYPE = ["name", "requiredInputs", "parameters"];

function checkTypes(types: readonly unknown[]): void {
  const names = new Set<unknown>();
  for (const [place, type] of types.entries()) {
    const at = `types[${place}]`;
    checkOptions(at, type, TYPE, { needed: NEEDED_OF_TYPE, at: `${at}.` });
    const { name } = type as Pick<FeatureType, "name">;
    if (names.has(name)) throw new RangeError(`types has ${name} twice`);
    names.add(name);
  }
}

/** Computes features over Arrow tables (docs/formulas.md). */
export class FeatureEngine {
  readonly #directory: string | undefined;
  readonly #warehouse: string;
  readonly #types: ReadonlyMap<string, FeatureType>;
  readonly #aliases: Readonly<Record<string, string>>;
  readonly #threads: number;
  readonly #backend: FeatureBackend;

  /** Throws RangeError for options and feature types that are none. */
  constructor(options: FeatureEngineOptions = {}) {
    checkOptions("FeatureEngine", options, OPTIONS);
    const { projectDir, warehouse = "warehouse", config = {}, ...own } = options;
    checkOptions("config of FeatureEngine", config, CONFIG, { at: "config." });
    const { types = config.types ?? [], aliases = config.aliases ?? {}, backend = config.backend ?? "kernel" } = own;
    this.#directory = projectDir;
    this.#warehouse = warehouse;
    checkTypes(types);
    this.#types = new Map(types.map((type) => [type.name, type]));
    this.#aliases = aliases;
    this.#backend = backend;
    this.#threads = own.threads ?? config.threads ?? Math.min(4, availableParallelism());
  }

  /** Tables as frames for `computeFeatures`; see `SourceTablesRequest`. */
  readSourceTables(request: SourceTablesRequest): Promise<Readonly<Record<string, Table>>> {
    return readSourceTables(resolve(this.#directory ?? "."), this.#warehouse, request);
  }

  /** Files are only read for types that were not given. Throws DaedalusError, exit code 2, for mistakes in the project's own. */
  async #typesFor(specs: readonly WrittenFeatureSpec[]): Promise<ReadonlyMap<string, FeatureType>> {
    if (specs.every(({ type }) => type === undefined || this.#types.has(type))) return this.#types;
    const { types, problems } = await featureTypesOf(this.#directory);
    if (problems.length > 0) throw new DaedalusError(problems, 2);
    return new Map([...types, ...this.#types]);
  }

  /**
   * One row for each row of the first frame, by symbol, time, sequence. A feature that fails is a column of NULLs with the status
   * `error` and its cause; what does not take it is computed. Throws DaedalusError: exit code 2 for mistaken frames and names that
   * are there twice, 1 with `strict` where a feature failed; RangeError for a request that is none.
   */
  async computeFeatures(request: ComputeFeaturesRequest): Promise<ComputedFeatures> {
    checkFeatureRequest(request);
    const { specs, frames, strict = false } = request;
    const all = new Map(Object.entries(frames).map(([name, table]) => [name, new Frame(name, ownTable(table))]));
    const types = await this.#typesFor(specs);
    const compiled = compileFeatures({
      specs: specs.map((spec) => namedFeature(spec, types)),
      types,
      tables: [...all.values()].map(({ columns }) => columns),
      aliases: this.#aliases,
    });
    const [clock] = all.values();
    if (clock === undefined) throw new RangeError("no frame");
    const features = await runFeatures(compiled, all, clock, {
      threads: this.#threads,
      backend: this.#backend,
    });
    if (strict) refuseFailed(features);
    return {
      table: tableOf(clock, features),
      featureNames: features.map(({ name }) => name),
      statuses: features.map((feature) => statusOf(feature, clock.rows)),
    };
  }
}

function statusOf({ name, pieces, problem }: FeatureValues, rows: number): FeatureStatus {
  if (problem !== undefined || pieces === undefined)
    return { name, status: "error", ...(problem === undefined ? {} : { problem }), rows, nulls: rows };
  return { name, status: "success", rows, nulls: pieces.reduce((sum, { nulls }) => sum + nulls, 0) };
}

/** A batch for each of the clock's units. */
function tableOf(clock: Frame, features: readonly FeatureValues[]): Table {
  const symbols = clock.symbolData();
  const times = clock.timeData();
  const types = features.map(({ type }) => (type === "Boolean" ? new Bool() : new Float64()));
  const schema = new Schema([
    ...(symbols === undefined ? [] : [new Field(SYMBOL, symbols.type, false)]),
    new Field(EVENT_TIME, times.type, false),
    ...features.map(({ name }, place) => new Field(name, types[place] as Bool | Float64, true)),
  ]);
  const batches = unitsOf(clock).map((unit, number) => {
    const [from, to] = [unit[0]?.from ?? 0, unit[unit.length - 1]?.to ?? 0];
    const children = [
      ...(symbols === undefined ? [] : [symbols.slice(from, to - from)]),
      times.slice(from, to - from),
      ...features.map(({ pieces }, place) => dataOf(pieces?.[number], types[place] as Bool | Float64, to - from)),
    ];
    const struct = makeData({ type: new Struct(schema.fields), length: to - from, nullCount: 0, children });
    return new RecordBatch(schema, struct);
  });
  return new Table(schema, batches);
}

/** Without a piece, NULLs. */
function dataOf(piece: Piece | undefined, type: Bool | Float64, length: number): Data {
  const { values, bits, nulls } = piece ?? {
    values: new Float64Array(length),
    bits: new Uint8Array(Math.ceil(length / 8)),
    nulls: length,
  };
  const common = { length, nullCount: nulls, ...(bits === undefined ? {} : { nullBitmap: bits }) };
  if (type instanceof Float64) return makeData({ ...common, type, data: values });
  return makeData({ ...common, type, data: packBits(Uint8Array.from(values, (value) => (value === 0 ? 0 : 1))) });
}
