import { type Data, type Field, makeData, RecordBatch, Schema, Struct, Table, type Vector } from "apache-arrow";
import { ownTable } from "../columnar/foreign-tables.js";
import { aggregatePitTable as kernel } from "../engines/kernel/aggregate-pit-table.js";
import type { PitTableEngine } from "../engines/pit-table.js";
import { aggregatePitTable as polars } from "../engines/polars/aggregate-pit-table.js";
import { aggregatePitTable as duckdb } from "../engines/sql/aggregate-pit-table.js";
import { nearest } from "../errors/nearest.js";
import { pitTableProblem } from "../errors/pit-table.js";
import { DaedalusError } from "../errors/problem.js";
import { checkValue, TEXT } from "./options.js";
import { checkCall, type PitTableOptions, type PitTableSpec } from "./pit-table-job.js";

/** The engines of the call, the fastest first; one more is one line here. */
const ENGINES = { kernel, duckdb, polars } as const satisfies Record<string, PitTableEngine>;

export type PitTableEngineName = keyof typeof ENGINES;

/** The engines that `aggregatePitTable` has, the fastest first. */
export const PIT_TABLE_ENGINES = Object.freeze(Object.keys(ENGINES) as readonly PitTableEngineName[]);

/** `aggregatePitTable` on one engine. */
export type AggregatePitTable = (
  table: Table,
  specs: readonly PitTableSpec[],
  options: PitTableOptions,
) => Promise<Table>;

const DEFAULT_THREADS = 2;

/**
 * `aggregatePitTable` on the engine: `kernel` (WebAssembly over Arrow's buffers), `duckdb` (SQL over a copy of the tables in a
 * DuckDB of its own) or `polars` (its expressions over files of that copy). All give the same values, bit for bit. Throws
 * `DaedalusError` (exit code 2) where this version has no such engine, with those that it has.
 */
export function getAggregatePitTable(engine: PitTableEngineName): AggregatePitTable {
  checkValue("engine", engine, TEXT);
  const run: PitTableEngine | undefined = Object.hasOwn(ENGINES, engine) ? ENGINES[engine] : undefined;
  if (run === undefined) {
    const engines = PIT_TABLE_ENGINES;
    throw new DaedalusError(
      [pitTableProblem("unknown-engine", { engine, engines, nearest: nearest(engine, engines) })],
      2,
    );
  }
  return async (table, specs, options) => {
    const { job, fields } = await checkCall(table, specs, options);
    const own = ownTable(table);
    if (fields.length === 0) return own;
    const columns = await run({
      ...job,
      threads: options.threads ?? DEFAULT_THREADS,
      ...(options.memory === undefined ? {} : { memory: options.memory }),
    });
    return appended(own, fields, columns);
  };
}

/**
 * Adds to an Arrow table one column for each spec and window: what is made of each row's history, the rows of the same keys with
 * `t − window <= ts < t` (`all`: `ts < t`), so that no row sees its own instant or what comes after it. The rows keep their order,
 * and the table its columns, its metadata and its buffers.
 *
 * Shapes and dtypes: `list` is a List of the source column's type, oldest first, by value among rows of one instant, `[]` where
 * there is no history; `count` and `count_distinct` are Int64, then 0; `sum` is Int64 over integers and Float64 over floats, `mean`
 * Float64, `min`, `max` and `last` of the source column's type, all NULL then. Float sums are exact and rounded once. Source columns:
 * Bool, Int8 to Int64, Float32, Float64, Utf8, LargeUtf8 (also in a dictionary), Date, Timestamp, and List of these.
 *
 * Units: windows are `<positive integer><s|m|h|d|w>` or `all`; times are Timestamp, Date, or integers in `timestampUnit`.
 *
 * `threads` (2 without it) share the work on the engine `kernel`; the bytes of the answer do not depend on how many.
 *
 * Throws one `DaedalusError` with all mistakes of the call (`pit-table/…`, exit code 2) before anything is computed; with exit
 * code 1 where an integer sum is outside Int64 (`engine/integer-sum`), or the history of one key outgrows the 4 GiB of a WebAssembly
 * memory (`engine/kernel-memory`).
 *
 * The exact meaning is that of `aggregation_specs` (docs/semantics.md, docs/reference.md); the page of this call is docs/library.md.
 */
export async function aggregatePitTable(
  table: Table,
  specs: readonly PitTableSpec[],
  options: PitTableOptions & { readonly engine?: PitTableEngineName },
): Promise<Table> {
  // Who calls without types may give no options: that is told like other mistakes.
  const { engine = "kernel", ...others } = options ?? {};
  return getAggregatePitTable(engine)(table, specs, options === undefined ? options : others);
}

/** The table with the columns behind its own; batches end where those of the table or the columns' chunks do. */
function appended(table: Table, fields: readonly Field[], columns: ReadonlyMap<string, Vector>): Table {
  const schema = new Schema([...table.schema.fields, ...fields], table.schema.metadata);
  const parts = [
    ...table.schema.fields.map((_, place) => table.getChildAt(place)?.data ?? []),
    ...fields.map(({ name }) => columns.get(name)?.data ?? []),
  ].map((chunks) => new Chunks(chunks));
  const type = new Struct(schema.fields);
  const batches: RecordBatch[] = [];
  for (let from = 0; from < table.numRows; ) {
    const length = Math.min(...parts.map((part) => part.left));
    const children = parts.map((part) => part.take(length));
    batches.push(new RecordBatch(schema, makeData({ type, length, nullCount: 0, children })));
    from += length;
  }
  return new Table(schema, batches);
}

/** A column's chunks, taken from the front in any lengths, without copying. */
class Chunks {
  readonly #chunks: readonly Data[];
  #chunk = 0;
  #taken = 0;

  constructor(chunks: readonly Data[]) {
    this.#chunks = chunks.filter(({ length }) => length > 0);
  }

  /** Rows of the chunk at the front. */
  get left(): number {
    return (this.#chunks[this.#chunk]?.length ?? 0) - this.#taken;
  }

  take(length: number): Data {
    const chunk = this.#chunks[this.#chunk];
    if (chunk === undefined) throw new RangeError("a column is shorter than its table");
    const from = this.#taken;
    const whole = from === 0 && length === chunk.length;
    this.#taken += length;
    if (this.#taken === chunk.length) {
      this.#chunk += 1;
      this.#taken = 0;
    }
    return whole ? chunk : chunk.slice(from, length);
  }
}
