import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { SqlSession } from "../engines/sql/session.js";
import { inPattern, text } from "../engines/sql/text.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import type { ColumnName } from "../operators/operator.js";
import type { Pipeline } from "../operators/pipeline.js";
import { openSource } from "../sources/open-source.js";
import type { Source } from "../sources/source.js";
import { hereExecutor } from "../tasks/here.js";
import type { DaySession } from "../training/day.js";
import { unitOf } from "../training/day-states.js";
import { type DayContext, daysTaskHandler } from "../training/days-task.js";
import type { TrainingInputs } from "../training/inputs.js";
import { train } from "../training/train.js";
import { MARK, viewOver } from "./copies.js";

/** The engine under audit: opens what runs days. */
export type OpenDay = (context: DayContext) => Promise<DaySession>;

/** A day that was trained from copies: where its parts are, or why the run stopped. */
export type TrainedCopy =
  | { readonly stopped?: never; readonly root: string /** A FROM item. */; readonly parts: string }
  | { readonly stopped: readonly Problem[] };

interface TrainSettings {
  readonly few?: boolean;
  readonly signal?: AbortSignal;
}

/** Trains days from copies of the sources, through the whole of the real machinery, into folders of its own. */
export class Laboratory {
  readonly pipeline: Pipeline;
  readonly session: SqlSession;
  /** Absolute; everything lies below it, and the audit removes it. */
  readonly folder: string;
  readonly #inputs: TrainingInputs;
  readonly #openDay: OpenDay;
  readonly #duckdbConfig: Readonly<Record<string, string>>;
  #runs = 0;

  constructor(
    inputs: TrainingInputs,
    openDay: OpenDay,
    folder: string,
    duckdbConfig: Readonly<Record<string, string>>,
  ) {
    this.#inputs = inputs;
    this.pipeline = markedPipeline(inputs.pipeline);
    this.session = inputs.session;
    this.folder = folder;
    this.#openDay = openDay;
    this.#duckdbConfig = duckdbConfig;
  }

  /** A new folder name; nothing is made. */
  fresh(name: string): string {
    this.#runs += 1;
    return join(this.folder, `${name}-${this.#runs}`);
  }

  /** As they are: an audit changes no store. */
  get stores(): TrainingInputs["stores"] {
    return this.#inputs.stores;
  }

  get udfs(): TrainingInputs["udfs"] {
    return this.#inputs.udfs;
  }

  /** The views, each read from `<folder>/<view>/*.parquet`. */
  views(folder: string): ReadonlyMap<string, FeatureView> {
    return new Map([...this.#inputs.views].map(([name, view]) => [name, viewOver(view, folder)]));
  }

  /** Their sources, opened on the session. */
  sources(folder: string): ReadonlyMap<string, Source> {
    const place = { directory: folder, connections: {} };
    return new Map([...this.views(folder)].map(([name, view]) => [name, openSource(place, view, this.session)]));
  }

  /**
   * Trains the day from the copies in the folder; `few`: they are a few rows, for which one thread is the quickest. Throws
   * what no fault of the data explains.
   */
  async train(folder: string, day: Day, { few = false, signal }: TrainSettings = {}): Promise<TrainedCopy> {
    const outputRoot = this.fresh("output");
    const month = day.slice(0, 7).replace("-", "");
    try {
      const report = await train({
        pipeline: this.pipeline,
        project: { directory: folder, connections: {} },
        views: this.views(folder),
        sources: this.sources(folder),
        stores: this.#inputs.stores,
        ...(this.#inputs.udfs === undefined ? {} : { udfs: this.#inputs.udfs }),
        session: this.session,
        feed: { start: month, end: month },
        outputRoot,
        targetDate: day,
        skeletonOnly: true,
        dayWorkers: 1,
        duckdbConfig: few ? { ...this.#duckdbConfig, threads: "1" } : this.#duckdbConfig,
        startExecutor: () => hereExecutor(daysTaskHandler(this.#openDay)),
        command: "daeda pipeline audit",
        versions: {},
        ...(signal === undefined ? {} : { signal }),
      });
      signal?.throwIfAborted();
      const [trained] = report.days;
      if (trained?.outcome !== "done") return { stopped: trained?.problems ?? [] };
      return {
        root: outputRoot,
        parts: `read_parquet(${text(join(inPattern(outputRoot), unitOf(day), "*.parquet"))}, hive_partitioning = false)`,
      };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof DaedalusError) return { stopped: error.problems };
      throw error;
    }
  }

  async remove(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The pipeline with the number of each spine row carried to its output, as one more column. */
function markedPipeline(pipeline: Pipeline): Pipeline {
  const last = pipeline.operators.findLast((operator) => operator.kind === "project" && operator.select !== undefined);
  const mark: { readonly name: ColumnName; readonly dtype: "BIGINT" } = { name: MARK, dtype: "BIGINT" };
  return {
    ...pipeline,
    operators: pipeline.operators.map((operator) => {
      if (operator.kind === "scan" && operator.range.kind === "target_day")
        return { ...operator, columns: [...operator.columns, { ...mark, source: MARK }] };
      if (operator === last && operator.kind === "project")
        return { ...operator, select: [...(operator.select ?? []), MARK] };
      return operator;
    }),
    output: [...pipeline.output, mark],
  };
}
