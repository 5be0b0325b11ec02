import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Day, dayStartMicros } from "../columnar/instants.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import { identifier, text } from "../engines/sql/text.js";
import type { Problem } from "../errors/problem.js";
import type { Schema } from "../operators/operator.js";
import { isoInstant, type Nanos, nanosOf } from "../trace/instants.js";
import { readable, valueRead } from "../trace/sql-values.js";
import { selectDays } from "../training/days.js";
import { sourceOf, type TrainingInputs } from "../training/inputs.js";
import { type MovedRow, movedRows } from "./compare-trained.js";
import { copyTo, copyView, futureCondition, MARK } from "./copies.js";
import { keyColumns } from "./find-row.js";
import type { Laboratory, TrainedCopy } from "./laboratory.js";
import { type Changes, perturb, type ViewCopy } from "./perturb.js";
import { Random } from "./random.js";
import { addressText } from "./row-address.js";
import { usesOf, type ViewUse } from "./view-uses.js";

export interface Trial {
  /** From 1. */
  readonly number: number;
  readonly day: Day;
  /** The instant from which on the sources were perturbed, ISO 8601. */
  readonly at: string;
  /** The picked row, as `explain --row` takes it. */
  readonly row: string;
  readonly changes: readonly Changes[];
  /** Rows at or before the instant that were there before and after, and were compared. */
  readonly rows: number;
  readonly outcome: "nothing moved" | "moved" | "skipped";
  readonly why?: string;
}

/** Rows that moved although only their future was perturbed. */
export interface FutureFault {
  readonly trial: number;
  readonly day: Day;
  readonly at: Nanos;
  /** Folders with the copies of the views. */
  readonly before: string;
  readonly after: string;
  readonly count: number;
  readonly rows: readonly MovedRow[];
}

export interface TrialsOptions {
  readonly trials: number;
  readonly seed: number;
  readonly date?: Day;
  readonly columns: Schema;
  /** Whether a row that comes or goes has moved. */
  readonly presence: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface Trials {
  readonly trials: readonly Trial[];
  readonly skipped: readonly string[];
  readonly faults: readonly FutureFault[];
}

/** Trials of one day: copying and training it once serves several of them. */
const TRIALS_OF_A_DAY = 4;
/** Rows whose values are lent to changed and added ones. */
const DONORS = 500;

/** Copies of all views, made once: the folder, with a file for each. */
export async function copyAll(inputs: TrainingInputs, laboratory: Laboratory): Promise<string> {
  const folder = laboratory.fresh("all");
  for (const [view, use] of usesOf(inputs.pipeline))
    await copyView(use, sourceOf(inputs, view), join(folder, view, "all.parquet"), inputs.session);
  return folder;
}

/** Perturbs the future of some rows, trains their days with and without it, and compares what lies before it. */
export async function runTrials(
  inputs: TrainingInputs,
  service: ResolvedService,
  laboratory: Laboratory,
  all: string,
  options: TrialsOptions,
): Promise<Trials> {
  const uses = usesOf(inputs.pipeline);
  const skipped = [...uses.values()]
    .filter(({ timeless }) => timeless)
    .map(({ view }) => `view ${view} has no time: nothing of it is in the future`);
  const days = await trialDays(inputs, options);
  const trials: Trial[] = [];
  const faults: FutureFault[] = [];
  let left = options.trials;
  for (const [index, day] of days.entries()) {
    const own = Math.ceil(left / (days.length - index));
    left -= own;
    const bench = new DayBench(inputs, service, laboratory, all, uses, day, options);
    await bench.prepare();
    for (let number = 1; number <= own; number++) {
      options.signal?.throwIfAborted();
      const done = await bench.trial(trials.length + 1, number - 1);
      if (done === undefined) break;
      trials.push(done.trial);
      if (done.fault !== undefined) faults.push(done.fault);
      options.onProgress(trials.length, options.trials);
    }
    await bench.cleanUp();
  }
  return { trials, skipped, faults };
}

/** Some days of the feed that have rows. Throws as `selectDays` does. */
async function trialDays(inputs: TrainingInputs, { date, trials, seed }: TrialsOptions): Promise<readonly Day[]> {
  const days = [...(await selectDays(inputs, date === undefined ? {} : { targetDate: date })).keys()];
  const count = Math.max(1, Math.ceil(trials / TRIALS_OF_A_DAY));
  return new Random(seed, "days").sample(days.length, count).flatMap((index) => days[index] ?? []);
}

interface Pick {
  readonly mark: bigint;
  readonly at: Nanos;
  readonly row: string;
}

/** A day with its copies, trained as it is; trials are compared with that. */
class DayBench {
  readonly #inputs: TrainingInputs;
  readonly #service: ResolvedService;
  readonly #laboratory: Laboratory;
  readonly #all: string;
  readonly #uses: ReadonlyMap<string, ViewUse>;
  readonly #day: Day;
  readonly #options: TrialsOptions;
  readonly #folder: string;
  readonly #kept = new Set<string>();
  #trained: TrainedCopy = { stopped: [] };
  #picks: readonly Pick[] = [];

  constructor(
    inputs: TrainingInputs,
    service: ResolvedService,
    laboratory: Laboratory,
    all: string,
    uses: ReadonlyMap<string, ViewUse>,
    day: Day,
    options: TrialsOptions,
  ) {
    this.#inputs = inputs;
    this.#service = service;
    this.#laboratory = laboratory;
    this.#all = all;
    this.#uses = uses;
    this.#day = day;
    this.#options = options;
    this.#folder = laboratory.fresh("day");
  }

  /** Each view in two files: what lies before the day for good, and the rest, which trials may perturb. */
  async prepare(): Promise<void> {
    const { session } = this.#inputs;
    const start = dayStartMicros(this.#day) * 1_000n;
    for (const [view, use] of this.#uses) {
      const file = `read_parquet(${text(join(this.#all, view, "all.parquet"))})`;
      const future = futureCondition(use, start) ?? "FALSE";
      await copyTo(session, `SELECT * FROM ${file} WHERE NOT (${future})`, join(this.#folder, view, "past.parquet"));
      await copyTo(session, `SELECT * FROM ${file} WHERE ${future}`, join(this.#folder, view, "rest.parquet"));
      const order = `hash(${identifier(MARK)}, ${this.#options.seed}), ${identifier(MARK)}`;
      await copyTo(session, `SELECT * FROM ${file} ORDER BY ${order} LIMIT ${DONORS}`, this.#donors(view));
    }
    this.#trained = await this.#laboratory.train(this.#folder, this.#day, this.#settings());
    this.#picks = await this.#pick();
  }

  /** Undefined if the day has no row to pick; one of few rows is picked several times, and its future perturbed otherwise. */
  async trial(
    number: number,
    index: number,
  ): Promise<{ readonly trial: Trial; readonly fault?: FutureFault } | undefined> {
    const pick = this.#picks[index % Math.max(1, this.#picks.length)];
    if (pick === undefined) return undefined;
    const told = { number, day: this.#day, at: isoInstant(pick.at), row: pick.row };
    const { stopped } = this.#trained;
    if (stopped !== undefined)
      return { trial: { ...told, changes: [], rows: 0, outcome: "skipped", why: stopText("the day", stopped) } };
    // What is added may stop a run by itself (a sum that overflows, a NULL where none may be): then the spine gets nothing new.
    for (const gently of [false, true]) {
      const done = await this.#attempt(told, pick, gently);
      if (gently || done.trial.outcome !== "skipped") return done;
    }
    return undefined;
  }

  /** Copies of trials with a fault stay until the audit has looked at them. */
  async cleanUp(): Promise<void> {
    if (this.#kept.size === 0) await this.#laboratory.remove(this.#folder);
  }

  #settings() {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }

  async #attempt(
    told: NamedTrial,
    pick: Pick,
    gently: boolean,
  ): Promise<{ readonly trial: Trial; readonly fault?: FutureFault }> {
    const { session, pipeline } = this.#inputs;
    const { columns, presence } = this.#options;
    const folder = this.#laboratory.fresh("trial");
    const changes = await this.#perturbed(folder, told.number, pick, gently);
    const trained = await this.#laboratory.train(folder, this.#day, this.#settings());
    if (trained.stopped !== undefined || this.#trained.stopped !== undefined) {
      await this.#laboratory.remove(folder);
      const why = stopText("the perturbed day", trained.stopped ?? []);
      return { trial: { ...told, changes, rows: 0, outcome: "skipped", why } };
    }
    const { time, view } = pipeline.spine;
    const ticks = identifier(time.column);
    const last = pick.at / (time.resolution === "ns" ? 1n : 1_000n);
    const rows = `SELECT ${identifier(MARK)} AS mark, ${ticks} AS ticks FROM read_parquet(${text(join(folder, view, "rest.parquet"))}) WHERE ${identifier(MARK)} > 0 AND ${ticks} <= ${last}`;
    const moved = await movedRows(this.#trained.parts, trained.parts, rows, columns, presence, session);
    await this.#laboratory.remove(trained.root);
    const trial = { ...told, changes, rows: moved.compared };
    if (moved.count === 0) {
      await this.#laboratory.remove(folder);
      return { trial: { ...trial, outcome: "nothing moved" } };
    }
    this.#kept.add(folder);
    const { number, day } = told;
    const fault = {
      trial: number,
      day,
      at: pick.at,
      before: this.#folder,
      after: folder,
      count: moved.count,
      rows: moved.first,
    };
    return { trial: { ...trial, outcome: "moved" }, fault };
  }

  async #perturbed(folder: string, number: number, pick: Pick, gently: boolean): Promise<readonly Changes[]> {
    const { session, pipeline } = this.#inputs;
    const spine = `read_parquet(${text(join(this.#folder, pipeline.spine.view, "rest.parquet"))})`;
    const moment = { at: pick.at, row: pick.mark, spine };
    const random = new Random(this.#options.seed, `trial ${number}`);
    const changes: Changes[] = [];
    for (const [view, use] of this.#uses) {
      await mkdir(join(folder, view), { recursive: true });
      await symlink(join(this.#folder, view, "past.parquet"), join(folder, view, "past.parquet"));
      const rest = join(this.#folder, view, "rest.parquet");
      const copy: ViewCopy = { use, rest, donors: this.#donors(view), donorCount: await this.#donorCount(view) };
      const made = await perturb(copy, moment, pipeline, random, join(folder, view, "rest.parquet"), session, gently);
      if (made === undefined) await symlink(rest, join(folder, view, "rest.parquet"));
      else changes.push(made);
    }
    return changes;
  }

  /** Rows of the day, in an order that the seed decides. */
  async #pick(): Promise<readonly Pick[]> {
    const { session, pipeline } = this.#inputs;
    const { time, view } = pipeline.spine;
    const ticks = identifier(time.column);
    const perDay = 86_400_000_000n * (time.resolution === "ns" ? 1_000n : 1n);
    const start = dayStartMicros(this.#day) * (time.resolution === "ns" ? 1_000n : 1n);
    const file = `read_parquet(${text(join(this.#folder, view, "rest.parquet"))})`;
    const keys = keyColumns(this.#service).filter(({ name }) =>
      this.#uses.get(view)?.columns.some((column) => column.name === name),
    );
    const salt = new Random(this.#options.seed, `picks of ${this.#day}`).below(2 ** 31);
    const terms = keys.map(({ source, dtype }, index) => `${readable(identifier(source), dtype)} AS c${index}`);
    const found = await session.query(
      `SELECT ${[`${identifier(MARK)} AS mark`, `${ticks} AS ticks`, ...terms].join(", ")} FROM ${file}
         WHERE ${ticks} >= ${start} AND ${ticks} < ${start + perDay} ORDER BY hash(${identifier(MARK)}, ${salt}), mark LIMIT ${this.#options.trials}`,
    );
    return found.map((answer) => {
      const at = nanosOf(BigInt(String(answer["ticks"])), time);
      const values = keys.map(({ dtype, name }, index) => ({
        key: name.slice(view.length + 1),
        dtype,
        value: valueRead(answer[`c${index}`]),
      }));
      return { mark: BigInt(String(answer["mark"])), at, row: addressText(values, at) };
    });
  }

  #donors(view: string): string {
    return join(this.#folder, ".donors", `${view}.parquet`);
  }

  async #donorCount(view: string): Promise<number> {
    const [answer] = await this.#inputs.session.query(
      `SELECT count(*) AS n FROM read_parquet(${text(this.#donors(view))})`,
    );
    return Number(answer?.["n"] ?? 0);
  }
}

/** A trial before its outcome. */
type NamedTrial = Omit<Trial, "changes" | "rows" | "outcome" | "why">;

function stopText(what: string, problems: readonly Problem[]): string {
  return `${what} stops: ${problems.map(({ says }) => says).join("; ") || "it was not written"}`;
}
