import { booleansChunk, doublesChunk, ticksChunk } from "../columnar/parquet-chunks.js";
import type { SqlSession } from "../engines/sql/session.js";
import type { Crossing } from "../formulas/features/stages.js";
import { GroupWriter } from "./group-writer.js";
import type { Rows } from "./row-stream.js";
import type { OpenTable, SymbolCount } from "./run-table.js";
import { type StagedFile, TableRows } from "./table-rows.js";

/** A table with all rows of its symbols. */
export interface Side {
  readonly table: OpenTable;
  readonly symbols: readonly SymbolCount[];
}

const BLOCK = 65_536;

/** For each row of a table the values of another's last row of the symbol with an earlier time; both are read in their order. */
export async function latestRows(
  session: SqlSession,
  from: Side,
  to: Side,
  crossings: readonly Crossing[],
  staged: ReadonlyMap<string, StagedFile>,
  path: string,
): Promise<void> {
  const inputs = crossings.map(({ input }) => input);
  const writer = await GroupWriter.create(path, [
    { name: "t", type: "BIGINT", nullable: false },
    ...crossings.map(({ node }) => ({
      name: node.id,
      type: node.output === "Boolean" ? ("BOOLEAN" as const) : ("DOUBLE" as const),
      nullable: true,
    })),
  ]);
  const part = writer.part();
  let own: TableRows | undefined;
  let others: TableRows | undefined;
  try {
    own = await TableRows.open(session, to.table, [], staged);
    others = await TableRows.open(session, from.table, inputs, staged);
    // A table without symbols is of every symbol that it stands beside: one series, which is held.
    const isOfAll = !from.table.hasSymbols;
    const series = isOfAll ? await wholeOf(others, from.symbols[0]?.rows ?? 0) : undefined;
    let number = 0;
    let next = 0;
    for (const { symbol, rows } of to.symbols) {
      const other = isOfAll || !to.table.hasSymbols ? 0 : from.symbols.findIndex((one) => one.symbol === symbol);
      if (!isOfAll && other >= 0) for (; next < other; next++) await others.skip(from.symbols[next]?.rows ?? 0);
      const count = isOfAll || other < 0 ? 0 : (from.symbols[other]?.rows ?? 0);
      const merge = new Merge(others, count, nanosOf(from.table), nanosOf(to.table), series);
      for (let at = 0; at < rows; at += BLOCK) {
        const block = own.room(Math.min(BLOCK, rows - at));
        await own.fill(block, 0, block.ticks.length);
        const made = await merge.latest(block.ticks, inputs.length);
        const chunks = made.columns.map(({ values, valid }, place) =>
          (crossings[place]?.node.output === "Boolean" ? booleansChunk : doublesChunk)(values, valid),
        );
        await part.add(number, [ticksChunk(block.ticks), ...chunks]);
        number += 1;
      }
      await merge.skipRest();
      if (other >= 0) next = other + 1;
    }
    await writer.finish(new Set(), {});
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await own?.close();
    await others?.close();
  }
}

async function wholeOf(rows: TableRows, count: number): Promise<Rows> {
  const whole = rows.room(count);
  await rows.fill(whole, 0, count);
  return whole;
}

function nanosOf({ resolution }: OpenTable): bigint {
  return resolution === "ns" ? 1n : 1000n;
}

/** The rows of one symbol of the other table, as far as the times have come. */
class Merge {
  #block: Rows | undefined;
  /** Of the block: rows with an earlier time. */
  #passed = 0;
  #remembered = -1;
  /** The last of them, by column. */
  #last: { readonly value: number; readonly valid: number }[] | undefined;

  constructor(
    private readonly rows: TableRows,
    private left: number,
    private readonly fromNanos: bigint,
    private readonly toNanos: bigint,
    /** All rows, where they are held. */
    series: Rows | undefined,
  ) {
    this.#block = series;
  }

  async latest(ticks: BigInt64Array, width: number): Promise<Pick<Rows, "columns">> {
    const columns = Array.from({ length: width }, () => ({
      values: new Float64Array(ticks.length),
      valid: new Uint8Array(ticks.length),
    }));
    for (let row = 0; row < ticks.length; row++) {
      const time = (ticks[row] as bigint) * this.toNanos;
      while (await this.#passes(time)) this.#passed += 1;
      this.#remember();
      for (const [place, { value, valid }] of (this.#last ?? []).entries()) {
        const column = columns[place];
        if (column === undefined) continue;
        column.values[row] = value;
        column.valid[row] = valid;
      }
    }
    return { columns };
  }

  async skipRest(): Promise<void> {
    await this.rows.skip(this.left);
    this.left = 0;
  }

  /** Whether the next row is earlier. */
  async #passes(time: bigint): Promise<boolean> {
    if (this.#block === undefined || this.#passed === this.#block.ticks.length) {
      if (this.left === 0) return false;
      this.#remember();
      this.#block = this.rows.room(Math.min(BLOCK, this.left));
      await this.rows.fill(this.#block, 0, this.#block.ticks.length);
      this.left -= this.#block.ticks.length;
      this.#passed = 0;
      this.#remembered = -1;
    }
    return (this.#block.ticks[this.#passed] as bigint) * this.fromNanos < time;
  }

  #remember(): void {
    const row = this.#passed - 1;
    if (this.#block === undefined || row < 0 || row === this.#remembered) return;
    this.#remembered = row;
    this.#last = this.#block.columns.map(({ values, valid }) => ({
      value: values[row] as number,
      valid: valid[row] as number,
    }));
  }
}
