import type { Day } from "../../columnar/instants.js";
import type { Analysis } from "../../compiler/explain/analysis.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Source } from "../../sources/source.js";
import type { AnalysisRequest, DayResult, DaySession, DaySessionOptions, DaysRequest } from "../../training/day.js";
import { KernelFunctions } from "../kernel/kernel-functions.js";
import { SQL_CELLS, type SqlCells } from "./cells.js";
import { analyzeDay } from "./day-analysis.js";
import { planDay } from "./day-plan.js";
import { ListLengths } from "./list-lengths.js";
import { MemoryShares } from "./memory-shares.js";
import type { DayPlan } from "./plan.js";
import { ResidentHistory } from "./resident-history.js";
import { type SessionState, SpanRun } from "./span-run.js";
import { SpilledKernels } from "./spilled-kernels.js";
import { registerVectorisedFunctions } from "./vectorised-functions.js";
import { WritingLanes } from "./writing-lanes.js";

/**
 * Runs days on one DuckDB instance; tables that do not depend on the day are kept until an input changes. `cells`: how each
 * kind of operator is run; only tests give others than the engine's own.
 */
export async function openDaySession(options: DaySessionOptions, cells: SqlCells = SQL_CELLS): Promise<DaySession> {
  registerVectorisedFunctions(options.session.connection);
  const shares = await MemoryShares.of(options.session, options.kernelBytes);
  return new DuckDBDaySession(options, shares, await WritingLanes.of(options.session, shares.limit), cells);
}

class DuckDBDaySession implements DaySession {
  readonly #state: SessionState;
  readonly #cells: SqlCells;
  readonly #plans = new WeakMap<Pipeline, DayPlan>();
  /** The state of the inputs that the kept tables were made of. */
  #inputs = "";

  constructor(
    { session, sources, rolling }: DaySessionOptions,
    shares: MemoryShares,
    lanes: WritingLanes,
    cells: SqlCells,
  ) {
    const kernels = new KernelFunctions(session);
    const spilled = new SpilledKernels(session, kernels, rolling);
    this.#state = {
      session,
      sources,
      kept: new Map(),
      kernels,
      spilled,
      shares,
      history: new ResidentHistory(session),
      lengths: new ListLengths(session),
      lanes,
    };
    this.#cells = cells;
  }

  interrupt(): void {
    this.#state.session.interrupt();
    this.#state.spilled.interrupt();
  }

  close(): void {
    this.#state.session.close();
    this.#state.spilled.close();
  }

  async run(request: DaysRequest, written: (day: Day, result: DayResult) => void): Promise<void> {
    const plan = this.#planOf(request.pipeline);
    const span = new SpanRun(this.#state, plan, request);
    try {
      await this.#forgetChangedInputs(plan);
      await span.run(written);
    } catch (error) {
      throw await span.explainFailure(error);
    } finally {
      await span.cleanUp();
    }
  }

  async analyze(request: AnalysisRequest): Promise<Analysis> {
    return analyzeDay({ ...this.#state, kept: new Map() }, this.#planOf(request.pipeline), request);
  }

  #planOf(pipeline: Pipeline): DayPlan {
    const plan = this.#plans.get(pipeline) ?? planDay(pipeline, this.#cells);
    this.#plans.set(pipeline, plan);
    return plan;
  }

  async #forgetChangedInputs(plan: DayPlan): Promise<void> {
    const { session, sources, kept, history } = this.#state;
    const views = [...new Set(plan.scans.map((scan) => scan.view))].sort();
    const identities = await Promise.all(views.map((view) => sourceOf(sources, view).identity({})));
    const inputs = JSON.stringify(
      identities.map((identity) => identity.files.map((f) => [f.path, f.size, f.modified])),
    );
    if (inputs === this.#inputs) return;
    this.#inputs = inputs;
    for (const name of kept.keys())
      if (!name.startsWith("index of ")) await session.run(`DROP TABLE IF EXISTS ${name}`);
    kept.clear();
    await history.forget();
  }
}

function sourceOf(sources: ReadonlyMap<string, Source>, view: string): Source {
  const source = sources.get(view);
  if (!source) throw new RangeError(`no source for view "${view}"`);
  return source;
}
