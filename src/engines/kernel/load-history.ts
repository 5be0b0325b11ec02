import { ANY, BOOLEAN } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { Arena } from "../../columnar/arena.js";
import { lentBytes, validBytes, vectorisedFunction } from "../../columnar/duckdb-vectors.js";
import type { HistoryBatch } from "../../kernels/history-index.js";
import { INTEGER_CODES, type Kernels, kernelsOf } from "../../kernels/kernels.js";
import type { KeyedRows, RowValues } from "../../kernels/latest-rows.js";
import type { KernelPlan } from "../sql/plan.js";
import type { SqlSession } from "../sql/session.js";

/** Rows that lie together: a multiple of DuckDB's vectors. */
const BLOCK = 131_072;
const VECTOR = 2048;

const TAKE = "daedalus_take";

/**
 * Reads histories of kernels out of SQL. A function that SQL calls with the columns takes the rows: chunks of a streamed result
 * would have to wait for a garbage collection, a vector that the function sees belongs to DuckDB.
 */
export class HistoryLoader {
  readonly #session: SqlSession;
  readonly #scratch = new Arena();
  readonly #kernels: Kernels = kernelsOf(this.#scratch);
  readonly #raw = this.#scratch.allocate(VECTOR * 8);
  readonly #codes = this.#scratch.allocate(VECTOR * 8);
  /** Blocks that no history lies in. */
  readonly #spare: Block[] = [];
  #taking: Taking | undefined;

  constructor(session: SqlSession) {
    this.#session = session;
    session.connection.registerScalarFunction(
      vectorisedFunction({
        name: TAKE,
        parameterTypes: [],
        varArgsType: ANY,
        returnType: BOOLEAN,
        mainFunction: (_info, input) => this.#take(input),
      }),
    );
  }

  /**
   * Reads a history (`SELECT` of key, time, available if the group has it, then values: `v0`, …) for one who keeps nothing of
   * what is handed over. False if it has more than `most` rows, or `admits` does not want so many rows and keys (about): then
   * nobody uses it.
   */
  async load(
    sql: string,
    group: HistoryColumns,
    { lay, use }: HistoryTaker,
    limits: HistoryLimits = NO_LIMITS,
  ): Promise<boolean> {
    const names = ["key", "time", ...(group.available ? ["available"] : []), ...group.columns.map((_, i) => `v${i}`)];
    const taking = new Taking(group, lay, limits.most, this.#spare);
    this.#taking = taking;
    try {
      await this.#session.query(`SELECT count(${TAKE}(${names.join(", ")})) FROM (${sql})`);
      // Keys are counted where it matters: there are at most as many as rows, and as their range has places.
      const { rows } = taking;
      const isAdmitted =
        limits.admits(rows, rows) ||
        limits.admits(rows, Math.min(rows, this.#rangeOf(taking))) ||
        limits.admits(rows, await this.#keysOf(sql));
      if (!isAdmitted) return false;
      use(taking.batches());
      return true;
    } catch (error) {
      if (taking.rows <= limits.most) throw error;
      return false;
    } finally {
      this.#taking = undefined;
      this.#spare.push(...taking.blocks);
    }
  }

  /** How many integers there are from its least key to its greatest one. */
  #rangeOf(taking: Taking): number {
    this.#scratch.int64At(this.#raw, 2).set([2n ** 63n - 1n, -(2n ** 63n)]);
    for (const { rows, keys } of taking.keys()) {
      this.#scratch.int64At(this.#codes, rows).set(keys);
      this.#kernels.widenRange(rows, this.#codes, 0, this.#raw);
    }
    const [least = 0n, greatest = 0n] = this.#scratch.int64At(this.#raw, 2);
    return Number(greatest - least) + 1;
  }

  /** About how many keys a history has. */
  async #keysOf(sql: string): Promise<number> {
    const [answer] = await this.#session.query(`SELECT approx_count_distinct(key) AS keys FROM (${sql})`);
    return Number(answer?.["keys"] ?? 0);
  }

  /** Of the blocks that wait for the next history. */
  get bytes(): number {
    return this.#spare.reduce((sum, block) => sum + block.bytes, 0);
  }

  /** Lets go of them until at most so many bytes are kept. */
  trim(most: number): void {
    while (this.bytes > most) this.#spare.pop();
  }

  #take(input: duckdb.DataChunk): void {
    const taking = this.#taking;
    if (taking === undefined) throw new RangeError("no history is being loaded");
    const rows = duckdb.data_chunk_get_size(input);
    if (rows === 0) return;
    const { block, from } = taking.room(rows);
    const { columns, available } = taking.group;
    const vectorOf = (column: number) => duckdb.data_chunk_get_vector(input, column);
    const copy = (into: BigInt64Array, column: number): void => {
      new Uint8Array(into.buffer, from * 8, rows * 8).set(lentBytes(vectorOf(column), rows * 8));
    };
    copy(block.keys, 0);
    copy(block.times, 1);
    if (available) copy(block.available, 2);
    const first = available ? 3 : 2;
    if (taking.lay !== undefined) {
      const values = columns.map(({ width }, index): RowValues => {
        const vector = vectorOf(first + index);
        const valid = validBytes(vector, rows);
        return { bytes: lentBytes(vector, rows * width), ...(valid === undefined ? {} : { valid }) };
      });
      taking.lay(rows, values);
      return;
    }
    for (const [index, { kind, width }] of columns.entries()) {
      const into = block.codes(index);
      const vector = vectorOf(first + index);
      if (kind === INTEGER_CODES && width === 8) copy(into, first + index);
      else {
        this.#scratch.bytesAt(this.#raw, rows * width).set(lentBytes(vector, rows * width));
        this.#kernels.encode(rows, this.#raw, width, kind, this.#codes);
        into.set(this.#scratch.int64At(this.#codes, rows), from);
      }
      const valid = validBytes(vector, rows);
      if (valid !== undefined) block.setValid(index, valid, from);
    }
  }
}

/** Who takes a history. */
export interface HistoryTaker {
  /** Takes the values of rows as they come, at most 2,048: the batches have none then. Without: they become codes in the batches. */
  readonly lay?: (rows: number, columns: readonly RowValues[]) => void;
  readonly use: (batches: readonly LoadedBatch[]) => void;
}

/** A batch of history rows; `before`: how many came before its first one. */
export type LoadedBatch = HistoryBatch & KeyedRows;

/** Which histories are taken: those of more rows are not even read to their end. */
export interface HistoryLimits {
  readonly most: number;
  /** `keys`: an estimate of how many there are. */
  readonly admits: (rows: number, keys: number) => boolean;
}

type HistoryColumns = Pick<KernelPlan["group"], "columns" | "available">;

const NO_LIMITS: HistoryLimits = { most: Number.POSITIVE_INFINITY, admits: () => true };

/** Rows that lie together, a column each. */
class Block {
  rows = 0;
  readonly keys = new BigInt64Array(BLOCK);
  readonly times = new BigInt64Array(BLOCK);
  #available: BigInt64Array | undefined;
  readonly #codes: BigInt64Array[] = [];
  readonly #valid: Uint8Array[] = [];
  /** Columns that have a NULL in these rows. */
  readonly #nullable = new Set<number>();

  /** Empties it. */
  clear(): void {
    this.rows = 0;
    this.#nullable.clear();
  }

  get available(): BigInt64Array {
    this.#available ??= new BigInt64Array(BLOCK);
    return this.#available;
  }

  codes(column: number): BigInt64Array {
    const known = this.#codes[column] ?? new BigInt64Array(BLOCK);
    this.#codes[column] = known;
    return known;
  }

  setValid(column: number, valid: Uint8Array, from: number): void {
    const known = this.#valid[column] ?? new Uint8Array(BLOCK);
    this.#valid[column] = known;
    if (!this.#nullable.has(column)) known.fill(1);
    this.#nullable.add(column);
    known.set(valid, from);
  }

  valid(column: number): Uint8Array | undefined {
    return this.#nullable.has(column) ? this.#valid[column] : undefined;
  }

  get bytes(): number {
    const longs = 2 + Number(this.#available !== undefined) + this.#codes.length;
    return BLOCK * (longs * 8 + this.#valid.length);
  }
}

/** A history while it comes. */
class Taking {
  rows = 0;
  readonly blocks: Block[] = [];
  readonly group: HistoryColumns;
  readonly lay: HistoryTaker["lay"];
  readonly #most: number;
  readonly #spare: Block[];
  readonly #chunks: {
    readonly block: Block;
    readonly from: number;
    readonly to: number;
    readonly before: number;
  }[] = [];

  constructor(group: Taking["group"], lay: HistoryTaker["lay"], most: number, spare: Block[]) {
    this.group = group;
    this.lay = lay;
    this.#most = most;
    this.#spare = spare;
  }

  /** Room for a chunk. Throws where there are more rows than wanted. */
  room(rows: number): { readonly block: Block; readonly from: number } {
    const before = this.rows;
    this.rows += rows;
    if (this.rows > this.#most) throw new RangeError("the history is longer than wanted");
    let block = this.blocks.at(-1);
    if (block === undefined || block.rows + rows > BLOCK) {
      block = this.#spare.pop() ?? new Block();
      block.clear();
      this.blocks.push(block);
    }
    const from = block.rows;
    block.rows += rows;
    this.#chunks.push({ block, from, to: block.rows, before });
    return { block, from };
  }

  /** The keys that came, a chunk at a time. */
  keys(): readonly { readonly rows: number; readonly keys: BigInt64Array }[] {
    return this.#chunks.map(({ block, from, to }) => ({ rows: to - from, keys: block.keys.subarray(from, to) }));
  }

  /**
   * What came, a batch a chunk. Threads hand their chunks in by turns: those of a history in order of time are put in order
   * again, which spares sorting each key's rows.
   */
  batches(): readonly LoadedBatch[] {
    const chunks = [...this.#chunks].sort((left, right) => compare(beginningOf(left), beginningOf(right)));
    const inBatches = this.lay === undefined ? this.group.columns : [];
    return chunks.map(({ block, from, to, before }) => ({
      rows: to - from,
      before,
      keys: block.keys.subarray(from, to),
      times: block.times.subarray(from, to),
      ...(this.group.available ? { available: block.available.subarray(from, to) } : {}),
      values: inBatches.map((_, index) => {
        const codes = block.codes(index).subarray(from, to);
        const valid = block.valid(index)?.subarray(from, to);
        return { codes, ...(valid === undefined ? {} : { valid }) };
      }),
    }));
  }
}

function beginningOf({ block, from }: { readonly block: Block; readonly from: number }): bigint {
  return block.times[from] ?? 0n;
}

function compare(left: bigint, right: bigint): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
