import type { Problem } from "../errors/problem.js";

/** What a run tells while it works. */
export type ProgressEvent =
  | { readonly type: "run-started"; readonly run: string; readonly units: number; readonly stage?: string }
  | { readonly type: "unit-started"; readonly unit: string; readonly attempt: number }
  | {
      readonly type: "unit-done";
      readonly unit: string;
      readonly rows: number;
      readonly seconds: number;
      readonly pace: Pace;
    }
  | { readonly type: "unit-failed"; readonly unit: string; readonly problems: readonly Problem[]; readonly pace: Pace }
  | { readonly type: "run-ended"; readonly interrupted: boolean; readonly pace: Pace };

/** The whole run so far. */
export interface Pace {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** As long as the finished units took, for those that are left; absent before the first has ended. */
  readonly secondsLeft?: number;
}

export class PaceMeter {
  readonly #started = performance.now();
  readonly #total: number;
  #done = 0;
  #failed = 0;
  #rows = 0;

  constructor(total: number) {
    this.#total = total;
  }

  done(rows: number): Pace {
    this.#done += 1;
    this.#rows += rows;
    return this.now();
  }

  failed(): Pace {
    this.#failed += 1;
    return this.now();
  }

  now(): Pace {
    const seconds = (performance.now() - this.#started) / 1000;
    const ended = this.#done + this.#failed;
    return {
      done: this.#done,
      failed: this.#failed,
      total: this.#total,
      rows: this.#rows,
      seconds,
      rowsPerSecond: seconds > 0 ? this.#rows / seconds : 0,
      ...(ended === 0 ? {} : { secondsLeft: (seconds / ended) * (this.#total - ended) }),
    };
  }
}
