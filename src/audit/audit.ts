import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import type { Project } from "../definitions/project.js";
import { DaedalusError } from "../errors/problem.js";
import type { ColumnName } from "../operators/operator.js";
import type { Source } from "../sources/source.js";
import { refuseForeignRoot } from "../training/day-states.js";
import { selectDays } from "../training/days.js";
import type { TrainingInputs } from "../training/inputs.js";
import { causalityOf } from "./causality.js";
import {
  type CounterExample,
  type CounterExampleSurroundings,
  derivedExamples,
  futureExamples,
} from "./counter-examples.js";
import { requireColumns } from "./explain-row.js";
import { Laboratory, type OpenDay } from "./laboratory.js";
import { rederive } from "./rederive.js";
import { copyAll, runTrials, type Trial, type Trials } from "./trials.js";

export interface AuditOptions {
  /** Written rows that are derived again, and as many rows of the spine on their days; default 200. */
  readonly rows?: number;
  /** Times that the future is perturbed; default 20. */
  readonly trials?: number;
  /** Equal seeds try the same; default 1. */
  readonly seed?: number;
  /** One day, `YYYY-MM-DD`; default: any. */
  readonly date?: string;
  /** Columns of the output; default: all. */
  readonly columns?: readonly ColumnName[];
  /** Also what is not causal by definition counts. */
  readonly strict?: boolean;
  /** Where folders of counter-examples are made; default: the system's temporary folder. */
  readonly counterExamples?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: AuditProgress) => void;
}

export interface AuditProgress {
  readonly doing:
    | "deriving rows again"
    | "copying the sources"
    | "perturbing the future"
    | "making a counter-example small";
  readonly done: number;
  /** Absent where nobody knows. */
  readonly total?: number;
}

/** Everything that `audit` tells; plain data, the JSON form is this. */
export interface AuditReport {
  readonly service: string;
  /** Absolute. */
  readonly outputRoot: string;
  readonly seed: number;
  readonly strict: boolean;
  readonly columns: readonly ColumnName[];
  /** Written rows that were derived again from the sources. */
  readonly derived: {
    readonly rows: number;
    readonly values: number;
    readonly days: readonly string[];
    readonly skipped: readonly string[];
  };
  readonly future: {
    /** Columns whose past must not move. */
    readonly columns: readonly ColumnName[];
    readonly trials: readonly Trial[];
    readonly skipped: readonly string[];
  };
  /** What knows more than its past by definition; counts only with `strict`. */
  readonly notCausal: readonly string[];
  readonly counterExamples: readonly CounterExample[];
}

export interface AuditSurroundings {
  readonly inputs: TrainingInputs;
  readonly project: Project;
  readonly service: ResolvedService;
  /** The sources of every view of the project that can be read, by name. */
  readonly openViews: () => Promise<ReadonlyMap<string, Source>>;
  /** The engine under audit. */
  readonly openDay: OpenDay;
  readonly duckdbConfig: Readonly<Record<string, string>>;
  /** A folder that is made for the copies of the sources, and removed. */
  readonly temporary: () => string;
}

/** Projects of each kind at most: to make one small takes dozens of trainings. */
const MOST_PROJECTS = 3;

/** Whether a fault shows in a column in which none did before; then it is worth a project. */
function newcomers(): (columns: readonly ColumnName[]) => boolean {
  const known = new Set<ColumnName>();
  let projects = 0;
  return (columns) => {
    const fresh = columns.length === 0 ? projects === 0 : columns.every((column) => !known.has(column));
    for (const column of columns) known.add(column);
    if (!fresh || projects === MOST_PROJECTS) return false;
    projects += 1;
    return true;
  };
}

/**
 * Derives written rows again by brute force, and perturbs the future to see that nothing before it moves. Reads the user's
 * data, and writes only below temporary folders. Throws DaedalusError, exit code 2: `trace/unknown-column`,
 * `training/coverage-not-executed`, and what selecting the day and the folder refuse; exit code 1 if a source cannot be read.
 */
export async function audit(surroundings: AuditSurroundings, options: AuditOptions = {}): Promise<AuditReport> {
  const { inputs, service, duckdbConfig, openDay } = surroundings;
  const { rows = 200, trials = 20, seed = 1, strict = false, onProgress = () => undefined, signal } = options;
  const columns = requireColumns(inputs, options.columns);
  const root = resolve(inputs.outputRoot);
  await refuseForeignRoot(root, service.name);
  if (options.date !== undefined) await selectDays(inputs, { targetDate: options.date }, "--date");
  const causality = causalityOf(inputs.pipeline, service);
  const causal = columns.filter(({ name }) => strict || !causality.columns.has(name));
  const presence = strict || causality.rows;
  const common = {
    seed,
    ...(options.date === undefined ? {} : { date: options.date }),
    ...(signal === undefined ? {} : { signal }),
  };

  const derived = await rederive(inputs, service, root, {
    ...common,
    rows,
    columns,
    onProgress: (done, total) => onProgress({ doing: "deriving rows again", done, total }),
  });
  const folder = surroundings.temporary();
  try {
    const laboratory = new Laboratory(inputs, openDay, folder, duckdbConfig);
    let copies: Promise<string> | undefined;
    const all = () => {
      if (copies === undefined) onProgress({ doing: "copying the sources", done: 0 });
      copies ??= copyAll(inputs, laboratory);
      return copies;
    };
    const future = await tryFuture(trials, async () =>
      runTrials(inputs, service, laboratory, await all(), {
        ...common,
        trials,
        columns: causal,
        presence,
        onProgress: (done, total) => onProgress({ doing: "perturbing the future", done, total }),
      }),
    );
    let tries = 0;
    const around: CounterExampleSurroundings = {
      ...surroundings,
      laboratory,
      all,
      ...(options.counterExamples === undefined ? {} : { below: options.counterExamples }),
      onTry: () => {
        signal?.throwIfAborted();
        tries += 1;
        onProgress({ doing: "making a counter-example small", done: tries });
      },
    };
    const counterExamples: CounterExample[] = [];
    const [newlyDerived, newlyMoved] = [newcomers(), newcomers()];
    for (const { day, says } of derived.files)
      counterExamples.push({ kind: "file", day, row: `the files of ${day}`, columns: [], presence: says });
    for (const fault of derived.faults) {
      const differing = fault.compared.rows.flatMap(({ differences }) => differences.map(({ column }) => column));
      counterExamples.push(...(await derivedExamples(fault, columns, newlyDerived(differing), around)));
    }
    for (const fault of future.faults) {
      const moved = fault.rows[0]?.columns.map(({ column }) => column) ?? [];
      counterExamples.push(...(await futureExamples(fault, causal, presence, newlyMoved(moved), around)));
    }
    const { faults: _, files: __, ...told } = derived;
    return {
      service: service.name,
      outputRoot: root,
      seed,
      strict,
      columns: columns.map(({ name }) => name),
      derived: told,
      future: { columns: causal.map(({ name }) => name), trials: future.trials, skipped: future.skipped },
      notCausal: causality.notCausal,
      counterExamples,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Trials that no data can be found for are skipped, and say so: the derived rows still count. */
async function tryFuture(trials: number, run: () => Promise<Trials>): Promise<Trials> {
  if (trials === 0) return { trials: [], skipped: [], faults: [] };
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof DaedalusError) || error.problems.some(({ code }) => code !== "training/day-without-rows"))
      throw error;
    return { trials: [], skipped: error.problems.map(({ says }) => says), faults: [] };
  }
}
