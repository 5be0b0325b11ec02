import { Float64, makeData, makeVector, Table, TimestampMicrosecond, Utf8, vectorFromArray } from "apache-arrow";

/** A row of a symbol; its time in microseconds. */
export interface BarRow {
  readonly symbol: string;
  readonly time: bigint;
  readonly cells: readonly (number | null)[];
}

/** Rows as a frame of the feature engine: symbol, event_time, and columns of doubles. */
export function barFrame(rows: readonly BarRow[], columns: readonly string[]): Table {
  const times = BigInt64Array.from(rows, ({ time }) => time);
  const type = new TimestampMicrosecond("UTC");
  const symbols = rows.map(({ symbol }) => symbol);
  const doubles = columns.map((name, place) => {
    const cells = rows.map((row) => row.cells[place] ?? null);
    return [name, vectorFromArray(cells, new Float64())] as const;
  });
  return new Table({
    symbol: vectorFromArray(symbols, new Utf8()),
    event_time: makeVector(makeData({ type, length: rows.length, nullCount: 0, data: times })),
    ...Object.fromEntries(doubles),
  });
}
