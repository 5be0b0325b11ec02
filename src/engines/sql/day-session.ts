import type { Day } from "../../columnar/instants.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Source } from "../../sources/source.js";
import type { DayResult, DaySession, DaySessionOptions, DaysRequest } from "../../training/day.js";
import { KernelFunctions } from "../kernel/kernel-functions.js";
import { SQL_CELLS, type SqlCells } from "./cells.js";
import { planDay } from "./day-plan.js";
import type { DayPlan } from "./plan.js";
import { ResidentHistory } from "./resident-history.js";
import type { SqlSession } from "./session.js";
import { type KeptTables, SpanRun } from "./span-run.js";
import { registerVectorisedFunctions } from "./vectorised-functions.js";

/**
 * Runs days on one DuckDB instance; tables that do not depend on the day are kept until an input changes. `cells`: how each
 * kind of operator is run; only tests give others than the engine's own.
 */
export async function openDaySession(options: DaySessionOptions, cells: SqlCells = SQL_CELLS): Promise<DaySession> {
  registerVectorisedFunctions(options.session.connection);
  return new DuckDBDaySession(options.session, options.sources, cells);
}

class DuckDBDaySession implements DaySession {
  readonly #session: SqlSession;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #cells: SqlCells;
  readonly #plans = new WeakMap<Pipeline, DayPlan>();
  readonly #kept: KeptTables = new Map();
  readonly #kernels: KernelFunctions;
  readonly #history: ResidentHistory;
  /** The state of the inputs that the kept tables were made of. */
  #inputs = "";

  constructor(session: SqlSession, sources: ReadonlyMap<string, Source>, cells: SqlCells) {
    this.#session = session;
    this.#sources = sources;
    this.#kernels = new KernelFunctions(session.connection);
    this.#history = new ResidentHistory(session);
    this.#cells = cells;
  }

  interrupt(): void {
    this.#session.interrupt();
  }

  close(): void {
    this.#session.close();
  }

  async run(request: DaysRequest, written: (day: Day, result: DayResult) => void): Promise<void> {
    const plan = this.#planOf(request.pipeline);
    const span = new SpanRun(this.#session, this.#sources, this.#kept, this.#kernels, this.#history, plan, request);
    try {
      await this.#forgetChangedInputs(plan);
      await span.run(written);
    } catch (error) {
      throw await span.explainFailure(error);
    } finally {
      await span.cleanUp();
    }
  }

  #planOf(pipeline: Pipeline): DayPlan {
    const plan = this.#plans.get(pipeline) ?? planDay(pipeline, this.#cells);
    this.#plans.set(pipeline, plan);
    return plan;
  }

  async #forgetChangedInputs(plan: DayPlan): Promise<void> {
    const views = [...new Set(plan.scans.map((scan) => scan.view))].sort();
    const identities = await Promise.all(views.map((view) => sourceOf(this.#sources, view).identity({})));
    const inputs = JSON.stringify(
      identities.map((identity) => identity.files.map((f) => [f.path, f.size, f.modified])),
    );
    if (inputs === this.#inputs) return;
    this.#inputs = inputs;
    for (const name of this.#kept.keys())
      if (!name.startsWith("index of ")) await this.#session.run(`DROP TABLE IF EXISTS ${name}`);
    this.#kept.clear();
    await this.#history.forget();
  }
}

function sourceOf(sources: ReadonlyMap<string, Source>, view: string): Source {
  const source = sources.get(view);
  if (!source) throw new RangeError(`no source for view "${view}"`);
  return source;
}
