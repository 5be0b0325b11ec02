import { BIGINT, type DuckDBType, STRUCT } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { ArenaPool } from "../../columnar/arena.js";
import { elementOf, isList } from "../../columnar/dtypes.js";
import {
  bytesOf,
  lentBytes,
  validBytes,
  vectorisedFunction,
  writeLists,
  writeValidity,
  writeValues,
} from "../../columnar/duckdb-vectors.js";
import { LatestRows, latestRowBytes } from "../../kernels/latest-rows.js";
import {
  type HistoryBytes,
  historyBytes,
  type OwnColumn,
  type QueryBatch,
  SumOutside,
  type WindowAnswer,
  WindowColumns,
} from "../../kernels/window-columns.js";
import type { KernelPlan } from "../sql/plan.js";
import type { SqlSession } from "../sql/session.js";
import { duckdbType, formOf } from "./forms.js";
import { HistoryLoader, type HistoryTaker, type LoadedBatch } from "./load-history.js";

/** A WebAssembly memory ends at 4 GiB; some of it is for the queries. */
const MOST_BYTES_OF_A_MEMORY = 3.5 * 2 ** 30;

const KEPT_BYTES = 64 * 2 ** 20;

/** What a kernel's function asks. */
type KernelIndex = WindowColumns | LatestRows;

/** The functions that kernels answer on one connection: each is registered once, its index is loaded anew for every span. */
export class KernelFunctions {
  readonly #session: SqlSession;
  /** Made for the first history: who loads none runs without a kernel. */
  #loader: HistoryLoader | undefined;
  readonly #pool = new ArenaPool();
  readonly #indexes = new Map<string, KernelIndex>();

  constructor(session: SqlSession) {
    this.#session = session;
  }

  /**
   * Reads the plan's history into its index; from then on SQL may call the function. Returns the index's bytes; undefined,
   * and nothing is loaded, if it might take more than `room` bytes to do so. `history`: rows in the place of the plan's.
   */
  async load(plan: KernelPlan, room: number, history: string = plan.history): Promise<number | undefined> {
    const known = this.#indexes.get(plan.name);
    const index = known ?? this.#newIndex(plan.group);
    index.forget();
    this.#indexes.set(plan.name, index);
    if (known === undefined) this.#session.connection.registerScalarFunction(functionOf(plan, index));
    this.#loader ??= new HistoryLoader(this.#session);
    let isWanted = true;
    const use = (batches: readonly LoadedBatch[]): void => {
      isWanted = index instanceof LatestRows ? index.index(batches) : index.load(batches);
    };
    let taker: HistoryTaker = { use };
    if (index instanceof LatestRows) {
      index.begin();
      taker = { use, lay: (rows, columns) => index.lay(rows, columns) };
    }
    const loaded = await this.#loader.load(history, plan.group, taker, {
      most: mostRows(plan, room),
      admits: (rows, keys) => fits(plan, room, { rows, keys }),
    });
    if (!loaded) index.forget();
    if (loaded && !isWanted && plan.unique !== undefined && history !== plan.unique)
      return this.load(plan, room, plan.unique);
    return loaded ? index.bytes : undefined;
  }

  #newIndex(group: KernelPlan["group"]): KernelIndex {
    return "latest" in group ? new LatestRows(group, this.#pool) : new WindowColumns(group, this.#pool);
  }

  /** Takes back the memory of a plan's index. */
  forget({ name }: KernelPlan): void {
    this.#indexes.get(name)?.forget();
  }

  /** Bytes that the loaded indexes lie in. */
  get held(): number {
    return [...this.#indexes.values()].reduce((sum, index) => sum + index.bytes, 0);
  }

  /** All that was taken from the system: beside the indexes what is kept to load the next one. */
  get bytes(): number {
    return this.#pool.bytes + (this.#loader?.bytes ?? 0);
  }

  /** Lets go of what is only kept to load the next one, but for some that spares small histories from touching fresh memory. */
  trim(): void {
    this.#loader?.trim(KEPT_BYTES);
    this.#pool.trim(KEPT_BYTES);
  }
}

/** Whether a history can be held in so many bytes. */
export function fits(
  { group }: KernelPlan,
  room: number,
  { rows, keys }: { readonly rows: number; readonly keys: number },
): boolean {
  const { all, largest } = bytesOfGroup(group, rows, keys);
  return all <= room && largest <= MOST_BYTES_OF_A_MEMORY;
}

function bytesOfGroup(group: KernelPlan["group"], rows: number, keys: number): HistoryBytes {
  return "latest" in group ? latestRowBytes(group, rows, keys) : historyBytes(group, rows, keys);
}

/** Rows of one key that can be held. */
function mostRows({ group }: KernelPlan, room: number): number {
  const { all, largest } = bytesOfGroup(group, 1, 0);
  return Math.floor(Math.min(room / all, MOST_BYTES_OF_A_MEMORY / largest));
}

/** `<name>(key BIGINT, time BIGINT[, known BIGINT], own…) → STRUCT(c0 …)`. */
function functionOf(plan: KernelPlan, index: KernelIndex) {
  const { group, outputs, own } = plan;
  const fixed: DuckDBType[] = group.available ? [BIGINT, BIGINT, BIGINT] : [BIGINT, BIGINT];
  return vectorisedFunction({
    name: plan.name,
    parameterTypes: [...fixed, ...own.map(({ dtype }) => duckdbType(dtype))],
    returnType: STRUCT(Object.fromEntries(outputs.map(({ dtype }, place) => [`c${place}`, duckdbType(dtype)]))),
    mainFunction: (_info, input, output) => {
      const rows = duckdb.data_chunk_get_size(input);
      const answers = answered(plan, () => index.probe(queriesOf(plan, input, rows)));
      outputs.forEach((_, place) => {
        const answer = answers[place];
        if (answer !== undefined) write(duckdb.struct_vector_get_child(output, place), plan, place, answer, rows);
      });
    },
  });
}

function answered(plan: KernelPlan, probe: () => readonly WindowAnswer[]): readonly WindowAnswer[] {
  try {
    return probe();
  } catch (error) {
    if (!(error instanceof SumOutside)) throw error;
    throw new Error(`daedalus:integer-sum:${plan.outputs[error.output]?.name ?? ""}`, { cause: error });
  }
}

function queriesOf({ group, own }: KernelPlan, input: duckdb.DataChunk, rows: number): QueryBatch {
  const vectorOf = (column: number) => duckdb.data_chunk_get_vector(input, column);
  const longs = (column: number) => lentBytes(vectorOf(column), rows * 8);
  const first = group.available ? 3 : 2;
  const valid = validBytes(vectorOf(0), rows);
  return {
    rows,
    keys: { bytes: longs(0), ...(valid === undefined ? {} : { valid }) },
    times: longs(1),
    ...(group.available ? { known: longs(2) } : {}),
    own: own.map(({ dtype }, place): OwnColumn => {
      const vector = vectorOf(first + place);
      const form = formOf(dtype);
      const own = validBytes(vector, rows);
      if (!isList(dtype))
        return {
          form,
          bytes: lentBytes(vector, rows * form.width),
          ...(own === undefined ? {} : { valid: own }),
        };
      const child = duckdb.list_vector_get_child(vector);
      const size = duckdb.list_vector_get_size(vector);
      const elements = validBytes(child, size);
      return {
        form,
        bytes: lentBytes(child, size * form.width),
        ...(elements === undefined ? {} : { valid: elements }),
        list: {
          entries: new Uint8Array(bytesOf(vector, rows * 16)),
          ...(own === undefined ? {} : { valid: own }),
        },
      };
    }),
  };
}

function write(
  vector: duckdb.Vector,
  { outputs, group }: KernelPlan,
  place: number,
  { memory, values, count, entries, valid }: WindowAnswer,
  rows: number,
): void {
  const dtype = outputs[place]?.dtype ?? "BIGINT";
  const { width } = formOf(elementOf(dtype));
  if (!("latest" in group) && group.outputs[place]?.aggregate === "list") {
    writeLists(vector, memory.buffer, { entries, rows, values, count, width });
    return;
  }
  writeValues(vector, memory.buffer, values, rows * width);
  if (valid !== 0) writeValidity(vector, new Uint8Array(memory.buffer, valid, rows));
}
