import { frameProblem } from "../../errors/formula.js";
import type { GivenColumn } from "../lowering/kernel/symbol-run.js";
import type { Frame, SymbolRows } from "./frame.js";

/** Whole columns of a frame's rows, in its order. */
export interface WholeColumn {
  readonly values: Float64Array;
  readonly valid: Uint8Array;
}

export function wholeColumn({ values, valid }: GivenColumn): WholeColumn {
  return { values, valid: valid ?? new Uint8Array(values.length).fill(1) };
}

/** For each row the value of the other frame's last row of its symbol with an earlier time; NULL where there is none. */
export function latest(to: Frame, from: Frame, column: WholeColumn): WholeColumn {
  const values = new Float64Array(to.rows);
  const valid = new Uint8Array(to.rows);
  const others = new Map(from.symbols.map((range) => [range.symbol, range]));
  for (const own of to.symbols) {
    const other = others.get(own.symbol) ?? soleOf(from, own);
    if (other === undefined) continue;
    let next = other.from;
    for (let row = own.from; row < own.to; row++) {
      const time = to.times[row] as bigint;
      while (next < other.to && (from.times[next] as bigint) < time) next++;
      if (next === other.from) continue;
      values[row] = column.values[next - 1] as number;
      valid[row] = column.valid[next - 1] as number;
    }
  }
  return { values, valid };
}

/** Why rows of the table see none of another's, where rows without a symbol stand beside those of several. */
export function symbolUnknown(table: string, hasSymbols: boolean, other: string, symbols: number): string | undefined {
  if (hasSymbols || symbols <= 1) return undefined;
  const { says, help } = frameProblem("symbol-unknown", { table, other, symbols });
  return `${says}; ${help}`;
}

/** A frame without symbols is of the symbol that it stands beside. */
function soleOf(from: Frame, { symbol }: SymbolRows): SymbolRows | undefined {
  const [only] = from.symbols;
  return symbol === undefined || only?.symbol === undefined ? only : undefined;
}
