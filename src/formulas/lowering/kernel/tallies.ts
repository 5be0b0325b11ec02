import type { Block } from "./planner.js";
import { addressOf, type Column, type Track, type View } from "./track.js";

/** Running counts of a column's values, NaNs and infinities, 16 bytes a row, and since when there are nothing but finite values. */
export class Tallies implements View {
  /** The row of the symbol from which on all rows so far have a finite value. */
  readonly #finite: { from: number };

  constructor(
    readonly track: Track,
    readonly lag = 0,
    finite = { from: 0 },
  ) {
    this.#finite = finite;
  }

  lagged(lag: number): Tallies {
    return new Tallies(this.track, lag, this.#finite);
  }

  clear(): void {
    this.#finite.from = 0;
  }

  take({ machine, rows, first }: Block, { values, valid }: Column): void {
    const finite = machine.kernels.tally(rows, addressOf(values), addressOf(valid), this.track.at());
    if (finite < rows) this.#finite.from = first + rows - finite;
  }

  /** The row of the block from which on windows of `w` rows are full of finite values; the block's rows, if none are. */
  fullFrom({ rows, first }: Pick<Block, "rows" | "first">, w: number, least: number): number {
    // What wants more values than a window has rows has none.
    if (w === 0 || least > w) return rows;
    return Math.min(rows, Math.max(0, this.#finite.from + this.lag + w - 1 - first));
  }
}
