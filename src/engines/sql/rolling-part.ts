import type { RollingPart } from "../../training/day.js";
import { KernelFunctions } from "../kernel/kernel-functions.js";
import { SqlSession } from "./session.js";
import { answersInto } from "./spilled-kernels.js";

/** Answers parts of rolling aggregates, one at a time, each on a DuckDB instance of its own. */
export class RollingParts {
  #session: SqlSession | undefined;

  async run({ kernel, history, rows, output, duckdbConfig }: RollingPart): Promise<void> {
    const session = await SqlSession.open(duckdbConfig);
    this.#session = session;
    try {
      const kernels = new KernelFunctions(session);
      // Who cut the parts has seen to it that each fits.
      await kernels.load(kernel, Number.POSITIVE_INFINITY, history);
      const given = kernel.arguments.map((_, place) => `a${place}`);
      await session.run(
        answersInto(output, `SELECT "@row", ${kernel.name}(${given.join(", ")}) AS "@answer" FROM (${rows})`),
      );
    } finally {
      this.close();
    }
  }

  interrupt(): void {
    this.#session?.interrupt();
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }
}
