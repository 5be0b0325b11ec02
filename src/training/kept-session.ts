import { readFile } from "node:fs/promises";
import { Interrupted } from "../runs/failure.js";
import { decode } from "../tasks/exact-json.js";

/** What a task names its context by: a file that is written once for a run, and a number that grows when what it opens has changed. */
export interface ContextAddress {
  readonly context: string;
  readonly epoch: number;
}

/** What a worker keeps between tasks: the session that it opened for the last context. */
export class KeptSession<Context, Session extends { interrupt(): void; close(): void }> {
  readonly #open: (context: Context) => Promise<Session>;
  #kept: { readonly key: string; readonly context: Context; readonly session: Session } | undefined;
  #interrupted = false;

  constructor(open: (context: Context) => Promise<Session>) {
    this.#open = open;
  }

  /** Throws Interrupted if the task was stopped while the session was opened. */
  async of({
    context: file,
    epoch,
  }: ContextAddress): Promise<{ readonly context: Context; readonly session: Session }> {
    this.#interrupted = false;
    const key = `${epoch} ${file}`;
    if (this.#kept?.key !== key) {
      this.close();
      const context = decode(await readFile(file, "utf8")) as Context;
      this.#kept = { key, context, session: await this.#open(context) };
    }
    if (this.#interrupted) throw new Interrupted();
    return this.#kept;
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#kept?.session.interrupt();
  }

  close(): void {
    this.#kept?.session.close();
    this.#kept = undefined;
  }
}
