/** The user stopped the command. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }

  /** As a shell tells it: 128 + the signal's number. */
  get exitCode(): number {
    return this.signal === "SIGINT" ? 130 : 143;
  }
}

/**
 * Runs work that can stop cleanly: the first Ctrl-C (or SIGTERM) aborts its signal and waits for it, the second ends the
 * process at once. Work that was stopped ends in `Interrupted`, whatever it threw on its way out.
 */
export async function interruptible<Result>(
  onFirst: (signal: string) => void,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      remove();
      process.kill(process.pid, signal); // nobody listens any more: the system ends the process
      return;
    }
    const interrupted = new Interrupted(signal === "SIGTERM" ? "SIGTERM" : "SIGINT");
    onFirst(signal);
    controller.abort(interrupted);
  };
  const remove = () => process.off("SIGINT", stop).off("SIGTERM", stop);
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    const result = await work(controller.signal);
    if (controller.signal.aborted) throw controller.signal.reason;
    return result;
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    remove();
  }
}
