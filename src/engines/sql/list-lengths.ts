import { BOOLEAN, INTEGER } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { isList } from "../../columnar/dtypes.js";
import { bytesOf, vectorisedFunction } from "../../columnar/duckdb-vectors.js";
import type { Column } from "../../operators/operator.js";
import type { ColumnStatistics } from "../../training/day.js";
import type { SqlSession } from "./session.js";
import { identifier } from "./text.js";

const SEEN = "daedalus_lengths_seen";
/** In the place of a list that is NULL. */
const NO_LIST = -1;

interface Seen {
  rows: number;
  lists: number;
  sum: number;
  min: number;
  max: number;
}

/**
 * What the manifest says of lists, seen where they are written: to read it back from a part would mean to decode all of its
 * values.
 */
export class ListLengths {
  /** By lane, and there by list column. */
  readonly #seen = new Map<number, Seen[]>();

  constructor(session: SqlSession) {
    session.connection.registerScalarFunction(
      vectorisedFunction({
        name: SEEN,
        parameterTypes: [],
        varArgsType: INTEGER,
        returnType: BOOLEAN,
        mainFunction: (_info, input, output) => this.#see(input, output),
      }),
    );
  }

  /** SQL over rows that have the columns: ` WHERE …`, which keeps all rows. Forgets what the lane has seen before. */
  seeing(output: readonly Column[], lane: number): string {
    const lists = output.filter(({ dtype }) => isList(dtype));
    this.#seen.set(
      lane,
      lists.map(() => ({ rows: 0, lists: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 })),
    );
    const lengths = lists.map(({ name }) => `coalesce(CAST(len(${identifier(name)}) AS INTEGER), ${NO_LIST})`);
    return lengths.length === 0 ? "" : ` WHERE ${SEEN}(${[lane, ...lengths].join(", ")})`;
  }

  /** Of the list columns of `output`, in their order, since `seeing` of the lane. */
  statistics(output: readonly Column[], lane: number): readonly ColumnStatistics[] {
    const known = this.#seen.get(lane) ?? [];
    return output
      .filter(({ dtype }) => isList(dtype))
      .map(({ name, dtype }, place) => {
        const { rows, lists, sum, min, max } = known[place] ?? { rows: 0, lists: 0, sum: 0, min: 0, max: 0 };
        const base = { name, dtype, nulls: rows - lists };
        return lists === 0 ? base : { ...base, lengths: { min, max, mean: sum / lists } };
      });
  }

  #see(input: duckdb.DataChunk, output: duckdb.Vector): void {
    const rows = duckdb.data_chunk_get_size(input);
    if (rows === 0) return;
    const column = (place: number) => new Int32Array(bytesOf(duckdb.data_chunk_get_vector(input, place), rows * 4));
    const [lane = 0] = column(0);
    const known = this.#seen.get(lane) ?? [];
    known.forEach((seen, place) => {
      const lengths = column(1 + place);
      let [lists, sum, min, max] = [0, 0, seen.min, seen.max];
      for (const length of lengths) {
        if (length === NO_LIST) continue;
        lists += 1;
        sum += length;
        if (length < min) min = length;
        if (length > max) max = length;
      }
      known[place] = { rows: seen.rows + rows, lists: seen.lists + lists, sum: seen.sum + sum, min, max };
    });
    duckdb.copy_data_to_vector(output, 0, new Uint8Array(rows).fill(1).buffer, 0, rows);
  }
}
