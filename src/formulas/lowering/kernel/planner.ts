import type { IrNode } from "../../ir/node.js";
import type { Machine } from "./machine.js";
import { partOf } from "./part.js";
import { Scale } from "./scale.js";
import { Tallies } from "./tallies.js";
import { addressOf, type Column, lagged, needed, Track, type View } from "./track.js";

/** What a step is told of its block. */
export interface Block {
  readonly machine: Machine;
  readonly rows: number;
  /** Number of its first row, from 0. */
  readonly first: number;
}

export interface Step {
  /** The node whose values it makes; absent: what several share, which cannot fail. */
  readonly node?: string;
  /** Before the first row of a symbol. */
  readonly begin?: (machine: Machine) => void;
  readonly run: (block: Block) => void;
}

/** Where the sums lie in a record of `powers`. */
export const CUBES = { offset: 0, limbs: 5, times: 3 };
export const FOURTH_POWERS = { offset: 40, limbs: 6, times: 4 };

/** Makes the steps of a graph; what several nodes want of a column is made once. */
export class Planner {
  readonly steps: Step[] = [];
  readonly #tracks: Track[] = [];
  readonly #columns = new Map<string, Column>();
  readonly #shared = new Map<string, unknown>();
  readonly #numbers = new Map<Track, number>();
  #node: string | undefined;

  /** What is made while `make` runs belongs to the node. */
  lower(node: IrNode, make: (inputs: readonly Column[]) => Column): void {
    this.#node = node.id;
    this.#columns.set(node.id, make(node.inputs.map((id) => this.column(id))));
    this.#node = undefined;
  }

  column(id: string): Column {
    const found = this.#columns.get(id);
    if (found === undefined) throw new RangeError(`node ${id} is not lowered yet`);
    return found;
  }

  track(width: number): Track {
    const track = new Track(width);
    this.#numbers.set(track, this.#tracks.length);
    this.#tracks.push(track);
    return track;
  }

  /** A column to be written. */
  output(): Column {
    return { values: this.values(), valid: { track: this.track(1), lag: 0 } };
  }

  /** Values to be written, of a column that has them where another has. */
  values(): View {
    return { track: this.track(8), lag: 0 };
  }

  /** A column that is brought; those without NULLs are valid all at once. */
  brought(isComplete: boolean): Column {
    const valid = isComplete ? this.#once("complete", () => this.track(1)) : this.track(1);
    return { values: this.values(), valid: { track: valid, lag: 0 } };
  }

  /** A step that makes the node's values. */
  step(run: (block: Block) => void, begin?: (machine: Machine) => void): void {
    const node = this.#node === undefined ? {} : { node: this.#node };
    this.steps.push({ ...node, run, ...(begin === undefined ? {} : { begin }) });
  }

  tallies(column: Column): Tallies {
    const [base, lag] = this.#baseOf(column);
    const tallies = this.#once(`tallies ${this.#nameOf(base)}`, () => {
      const made = new Tallies(this.track(16));
      this.steps.push({ begin: () => made.clear(), run: (block) => made.take(block, base) });
      return made;
    });
    return tallies.lagged(lag);
  }

  scale(column: Column): Scale {
    const [base] = this.#baseOf(column);
    return this.#once(`scale ${this.#nameOf(base)}`, () => {
      const scale = new Scale();
      this.steps.push({
        begin: () => scale.clear(),
        run: ({ machine, rows }) => scale.take(machine, rows, addressOf(base.values), addressOf(base.valid)),
      });
      return scale;
    });
  }

  /** 16 bytes a row. */
  sums(column: Column): View {
    return this.#runningOver(column, "sums", (base) => {
      const [track, scale] = [this.track(16), this.scale(base)];
      scale.add({ track, offset: 0, limbs: 2, times: 1 });
      this.#share(({ machine, rows }) =>
        machine.kernels.sumUp(rows, addressOf(base.values), addressOf(base.valid), scale.low, track.at()),
      );
      return track;
    });
  }

  /** Of products of two columns that have values in the same rows, or of squares: 32 bytes a row. */
  products(x: Column, y: Column): View {
    const lag = Math.min(this.#baseOf(x)[1], this.#baseOf(y)[1]);
    const [base, other] = [lagged(x, -lag), lagged(y, -lag)];
    const track = this.#once(`products ${this.#nameOf(base)} ${this.#nameOf(other)}`, () => {
      const made = this.track(32);
      const [xScale, yScale] = [this.scale(x), this.scale(y)];
      const same = xScale === yScale;
      needed(base.values, 0);
      needed(other.values, 0);
      xScale.add({ track: made, offset: 0, limbs: 4, times: same ? 2 : 1 });
      if (!same) yScale.add({ track: made, offset: 0, limbs: 4, times: 1 });
      this.#share(({ machine, rows }) =>
        machine.kernels.sumProducts(
          rows,
          addressOf(base.values),
          addressOf(base.valid),
          xScale.low,
          addressOf(other.values),
          addressOf(other.valid),
          yScale.low,
          made.at(),
        ),
      );
      return made;
    });
    return { track, lag };
  }

  /** Of cubes and fourth powers: 88 bytes a row. */
  powers(column: Column): View {
    return this.#runningOver(column, "powers", (base) => {
      const [track, scale] = [this.track(88), this.scale(base)];
      scale.add({ track, ...CUBES });
      scale.add({ track, ...FOURTH_POWERS });
      this.#share(({ machine, rows }) =>
        machine.kernels.sumPowers(rows, addressOf(base.values), addressOf(base.valid), scale.low, track.at()),
      );
      return track;
    });
  }

  /** Of rows' numbers, their squares and their products with values: 64 bytes a row. */
  places(column: Column): View {
    return this.#runningOver(column, "places", (base) => {
      const [track, scale] = [this.track(64), this.scale(base)];
      scale.add({ track, offset: 24, limbs: 4, times: 1 });
      this.#share(({ machine, rows, first }) =>
        machine.kernels.sumPlaces(
          rows,
          BigInt(first),
          addressOf(base.values),
          addressOf(base.valid),
          scale.low,
          track.at(),
        ),
      );
      return track;
    });
  }

  /** The column, where the other has a value too. */
  masked({ values, valid }: Column, by: Column): Column {
    return { values, valid: this.bothValid(valid, by.valid) };
  }

  /** Where both have a value. */
  bothValid(a: View, b: View): View {
    if (a.track === b.track && a.lag === b.lag) return a;
    const names = [this.#viewName(a), this.#viewName(b)].sort();
    const track = this.#once(`both ${names.join(" ")}`, () => {
      const made = this.track(1);
      needed(a, 0);
      needed(b, 0);
      this.#share(({ machine, rows }) => machine.kernels.bothValid(rows, addressOf(a), addressOf(b), made.at()));
      return made;
    });
    return { track, lag: 0 };
  }

  /** n · Σx² − (Σx)² of each window of `w` rows, of the block's rows whose windows are full of finite values. */
  spreads(column: Column, w: number): Track {
    return this.#once(`spreads ${this.#nameOf(column)} ${w}`, () => {
      const [sums, squares] = [this.sums(column), this.products(column, column)];
      const [tallies, scale] = [this.tallies(column), this.scale(column)];
      const track = this.track(8);
      this.#share((block) => {
        const from = tallies.fullFrom(block, w, 1);
        if (from === block.rows) return;
        const { machine, rows, records } = partOf(w, 1, block, from, block.rows);
        machine.kernels.spreads(rows, w, ...records(sums), ...records(squares), scale.widthOf(w), track.at(-from));
      });
      return track;
    });
  }

  /** Room for all; as before the first row. */
  place(machine: Machine): void {
    for (const track of this.#tracks) track.place(machine.arena);
  }

  /** Bytes that the tracks will take. */
  get bytes(): number {
    return this.#tracks.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  clear(machine: Machine): void {
    for (const track of this.#tracks) track.clear(machine.arena);
  }

  advance(rows: number, machine: Machine): void {
    for (const track of this.#tracks) track.advance(rows, machine.arena);
  }

  #share(run: (block: Block) => void): void {
    this.steps.push({ run });
  }

  /** Something that a column and its lags share. */
  #runningOver(column: Column, kind: string, make: (base: Column) => Track): View {
    const [base, lag] = this.#baseOf(column);
    return { track: this.#once(`${kind} ${this.#nameOf(base)}`, () => make(base)), lag };
  }

  #once<Made>(name: string, make: () => Made): Made {
    if (!this.#shared.has(name)) this.#shared.set(name, make());
    return this.#shared.get(name) as Made;
  }

  /** The column without the lag that its values and their validity have in common, and that lag. */
  #baseOf(column: Column): readonly [Column, number] {
    const lag = Math.min(column.values.lag, column.valid.lag);
    const base = lagged(column, -lag);
    needed(base.values, 0);
    needed(base.valid, 0);
    return [base, lag];
  }

  #nameOf({ values, valid }: Column): string {
    return `${this.#viewName(values)}/${this.#viewName(valid)}`;
  }

  #viewName({ track, lag }: View): string {
    return `${this.#numbers.get(track)}-${lag}`;
  }
}
