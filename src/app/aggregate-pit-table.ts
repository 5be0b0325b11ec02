import { type Data, type Field, makeData, RecordBatch, Schema, Struct, Table, type Vector } from "apache-arrow";
import { aggregatePitTable as kernel } from "../engines/kernel/aggregate-pit-table.js";
import type { PitTableEngine } from "../engines/pit-table.js";
import { aggregatePitTable as duckdb } from "../engines/sql/aggregate-pit-table.js";
import { nearest } from "../errors/nearest.js";
import { pitTableProblem } from "../errors/pit-table.js";
import { DaedalusError } from "../errors/problem.js";
import { checkCall, type PitTableOptions, type PitTableSpec } from "./pit-table-job.js";

/** The engines of the call, the fastest first. */
const ENGINES = { kernel, duckdb } as const satisfies Record<string, PitTableEngine>;

export type PitTableEngineName = keyof typeof ENGINES;
export const PIT_TABLE_ENGINES = Object.freeze(Object.keys(ENGINES) as readonly PitTableEngineName[]);

export type AggregatePitTable = (
  table: Table,
  specs: readonly PitTableSpec[],
  options: PitTableOptions,
) => Promise<Table>;

const DEFAULT_THREADS = 2;

export function getAggregatePitTable(engine: PitTableEngineName): AggregatePitTable {
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
    const columns = await run({ ...job, threads: options.threads ?? DEFAULT_THREADS });
    return appended(table, fields, columns);
  };
}

export async function aggregatePitTable(
  table: Table,
  specs: readonly PitTableSpec[],
  options: PitTableOptions & { readonly engine?: PitTableEngineName },
): Promise<Table> {
  const { engine = "kernel", ...others } = options;
  return getAggregatePitTable(engine)(table, specs, others);
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
