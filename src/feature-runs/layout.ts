import type { SymbolCount } from "./run-table.js";

/** Rows of a symbol, one after the other. */
export interface Segment {
  /** Of the table's symbols, from 0. */
  readonly symbol: number;
  /** It begins with the first row that is computed of the symbol. */
  readonly begins: boolean;
  readonly rows: number;
  /** Rows of it that are only looked back at. */
  readonly warmUp: number;
}

/** Rows that are computed, and written, together. */
export interface Group {
  readonly segments: readonly Segment[];
  readonly rows: number;
  readonly kept: readonly (readonly [from: number, to: number])[];
  readonly keptRows: number;
}

export interface Layout {
  /** Groups of one unit go on with one another's symbol; units do not. */
  readonly units: readonly (readonly Group[])[];
  /** Rows of each symbol before the first that is computed. */
  readonly skipped: readonly number[];
  readonly keptRows: number;
  /** The most rows that are computed of any symbol. */
  readonly most: number;
}

export interface LayoutOptions {
  /** Rows of a group. */
  readonly most: number;
  /** Rows before the run's start that are computed. */
  readonly extent: number;
  /** A symbol is not cut, however many rows it has. */
  readonly whole: boolean;
}

/** Cuts the rows of a table into groups. */
export function layoutOf(symbols: readonly SymbolCount[], { most, extent, whole }: LayoutOptions): Layout {
  const skipped = symbols.map(({ before }) => Math.max(0, before - Math.min(extent, before)));
  const units: Group[][] = [];
  let open: Segment[] = [];
  let opened = 0;
  const close = (): void => {
    if (open.length > 0) units.push([groupOf(open)]);
    open = [];
    opened = 0;
  };
  for (const [symbol, { rows, before }] of symbols.entries()) {
    const computed = rows - (skipped[symbol] ?? 0);
    const warmUp = before - (skipped[symbol] ?? 0);
    if (rows === before) continue;
    if (computed <= most) {
      if (opened + computed > most) close();
      open.push({ symbol, begins: true, rows: computed, warmUp });
      opened += computed;
      continue;
    }
    close();
    const groups: Group[] = [];
    const length = whole ? computed : most;
    for (let at = 0; at < computed; at += length) {
      const count = Math.min(length, computed - at);
      const looked = Math.min(count, Math.max(0, warmUp - at));
      groups.push(groupOf([{ symbol, begins: at === 0, rows: count, warmUp: looked }]));
    }
    units.push(groups);
  }
  close();
  return {
    units,
    skipped: symbols.map(({ rows, before }, symbol) => (rows === before ? rows : (skipped[symbol] as number))),
    keptRows: symbols.reduce((sum, { rows, before }) => sum + rows - before, 0),
    most: Math.max(0, ...symbols.map(({ rows }, symbol) => rows - (skipped[symbol] as number))),
  };
}

function groupOf(segments: readonly Segment[]): Group {
  const kept: (readonly [number, number])[] = [];
  let at = 0;
  for (const { rows, warmUp } of segments) {
    const [from, to] = [at + warmUp, at + rows];
    const last = kept[kept.length - 1];
    // Symbols all of whose rows are kept are one range.
    if (last !== undefined && last[1] === from) kept[kept.length - 1] = [last[0], to];
    else if (to > from) kept.push([from, to]);
    at = to;
  }
  return { segments, rows: at, kept, keptRows: kept.reduce((sum, [from, to]) => sum + to - from, 0) };
}

/** Of the rows of a group, those that are kept. */
export function keptTicks(
  { kept, keptRows, rows }: Group,
  ticks: BigInt64Array<ArrayBuffer>,
): BigInt64Array<ArrayBuffer> {
  if (keptRows === rows) return ticks;
  const own = new BigInt64Array(keptRows);
  let at = 0;
  for (const [from, to] of kept) {
    own.set(ticks.subarray(from, to), at);
    at += to - from;
  }
  return own;
}
