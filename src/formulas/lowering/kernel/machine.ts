import { Arena } from "../../../columnar/arena.js";
import { type FormulaKernels, formulaKernelsOf } from "../../../kernels/formula-kernels.js";

const WIDEST_RECORD = 128;

/** The kernels and their memory: of one thread. */
export class Machine {
  readonly arena = new Arena();
  readonly kernels: FormulaKernels = formulaKernelsOf(this.arena);
  /** A few bytes for what a kernel answers. */
  readonly cell: number;
  /** A record that is made for one call. */
  readonly spare: number;
  /** A record of nothing: what an expanding window begins with. */
  readonly nothing: number;

  constructor() {
    this.arena.allocate(this.kernels.ownMemory());
    this.cell = this.arena.allocate(64);
    this.spare = this.arena.allocate(64);
    this.nothing = this.arena.allocate(WIDEST_RECORD);
    this.arena.bytesAt(this.nothing, WIDEST_RECORD).fill(0);
  }
}
