import type { Day } from "../../columnar/instants.js";
import type { Analysis } from "../../compiler/explain/analysis.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Source } from "../../sources/source.js";
import type { AnalysisRequest, DayResult, DaySession, DaySessionOptions, DaysRequest } from "../../training/day.js";
import { analyzeDay } from "./day-analysis.js";
import { planDay } from "./day-plan.js";
import type { DayPlan } from "./plan.js";
import type { SqlSession } from "./session.js";
import { type KeptTables, SpanRun } from "./span-run.js";
import { registerVectorisedFunctions } from "./vectorised-functions.js";

/** Runs days on one DuckDB instance; tables that do not depend on the day are kept until an input changes. */
export async function openDaySession(options: DaySessionOptions): Promise<DaySession> {
  registerVectorisedFunctions(options.session.connection);
  return new DuckDBDaySession(options.session, options.sources);
}

class DuckDBDaySession implements DaySession {
  readonly #session: SqlSession;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #plans = new WeakMap<Pipeline, DayPlan>();
  readonly #kept: KeptTables = new Map();
  /** The state of the inputs that the kept tables were made of. */
  #inputs = "";

  constructor(session: SqlSession, sources: ReadonlyMap<string, Source>) {
    this.#session = session;
    this.#sources = sources;
  }

  interrupt(): void {
    this.#session.interrupt();
  }

  close(): void {
    this.#session.close();
  }

  async run(request: DaysRequest, written: (day: Day, result: DayResult) => void): Promise<void> {
    const plan = this.#planOf(request.pipeline);
    const span = new SpanRun(this.#session, this.#sources, this.#kept, plan, request);
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
    return analyzeDay(this.#session, this.#sources, this.#planOf(request.pipeline), request);
  }

  #planOf(pipeline: Pipeline): DayPlan {
    const plan = this.#plans.get(pipeline) ?? planDay(pipeline);
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
    for (const name of this.#kept.keys()) await this.#session.run(`DROP TABLE IF EXISTS ${name}`);
    this.#kept.clear();
  }
}

function sourceOf(sources: ReadonlyMap<string, Source>, view: string): Source {
  const source = sources.get(view);
  if (!source) throw new RangeError(`no source for view "${view}"`);
  return source;
}
