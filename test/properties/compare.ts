import { scopeOf } from "../oracles/service-scope.js";
import { daysOf, qidMap } from "../oracles/sessions.js";
import type { TrainingDay } from "../oracles/training-day.js";
import { trainingDay } from "../oracles/training-day.js";
import { identical, OracleStop, show } from "../oracles/values.js";
import { type Trained, type TrainedDay, type TrainSettings, trainCase } from "../support/product.js";
import type { ProjectCase } from "./random-project.js";

/** What the oracle says of a project: its days, or that the run stops. */
export function expectedOf(one: ProjectCase): ReadonlyMap<string, TrainingDay | OracleStop> {
  const scope = scopeOf(one.project, one.tables, one.service);
  const days = daysOf(scope.spine, scope.runtime);
  const expected = new Map<string, TrainingDay | OracleStop>();
  for (const day of days) {
    try {
      expected.set(day, trainingDay(one.project, one.tables, one.service, day, days));
    } catch (error) {
      if (!(error instanceof OracleStop)) throw error;
      expected.set(day, error);
    }
  }
  return expected;
}

/** Trains the project and tells the first difference from the oracle; undefined if there is none. */
export function differenceOf(one: ProjectCase, settings: TrainSettings = {}): Promise<string | undefined> {
  return differenceOfRun(one, expectedOf(one), () => trainCase(one, settings));
}

export async function differenceOfRun(
  one: ProjectCase,
  expected: ReadonlyMap<string, TrainingDay | OracleStop>,
  run: () => Promise<Trained>,
): Promise<string | undefined> {
  const stop = [...expected].find(([, day]) => day instanceof OracleStop);
  let trained: Trained;
  try {
    trained = await run();
  } catch (error) {
    if (stop !== undefined || expected.size === 0) return undefined;
    return `the product stops: ${error instanceof Error ? (error.name === "DaedalusError" ? error.message : String(error.stack)) : String(error)}`;
  }
  if (stop !== undefined) return `the product writes ${stop[0]}, where the run has to stop: ${String(stop[1])}`;
  const written = [...trained.days.keys()].join(" ");
  if (written !== [...expected.keys()].join(" ")) return `days ${written} instead of ${[...expected.keys()].join(" ")}`;
  for (const [day, wanted] of expected) {
    const got = trained.days.get(day);
    const difference = wanted instanceof OracleStop || got === undefined ? undefined : differenceOfDay(wanted, got);
    if (difference !== undefined) return `${day}: ${difference}`;
  }
  return differenceOfMap(one, [...expected.keys()], trained);
}

export function differenceOfDay(wanted: TrainingDay, got: TrainedDay): string | undefined {
  const columns = (list: readonly { readonly name: string; readonly dtype: string }[]): string =>
    list.map(({ name, dtype }) => `${name} ${dtype}`).join(", ");
  if (columns(wanted.columns) !== columns(got.columns))
    return `columns ${columns(got.columns)} instead of ${columns(wanted.columns)}`;
  for (let i = 0; i < Math.max(wanted.rows.length, got.rows.length); i++) {
    const [want, have] = [wanted.rows[i], got.rows[i]];
    if (want === undefined || have === undefined) return `${got.rows.length} rows instead of ${wanted.rows.length}`;
    const at = wanted.columns.findIndex((_, j) => !identical(want[j] ?? null, have[j] ?? null));
    if (at < 0) continue;
    return `row ${i}, ${wanted.columns[at]?.name}: ${show(have[at] ?? null)} instead of ${show(want[at] ?? null)}\n  got  ${have.map(show).join(" | ")}\n  want ${want.map(show).join(" | ")}`;
  }
  if (wanted.parts.join() !== got.parts.join())
    return `parts of ${got.parts.join()} rows instead of ${wanted.parts.join()}`;
  return undefined;
}

function differenceOfMap(one: ProjectCase, days: readonly string[], trained: Trained): string | undefined {
  const { spine, runtime, service } = scopeOf(one.project, one.tables, one.service);
  if (!service.columns.some((column) => column.name === "qid")) return undefined;
  const wanted = qidMap(spine, runtime, days).map((id, qid) => `${show(id)}=${qid}`);
  const got = (trained.qidMap ?? []).map(([id, qid]) => `${show(id ?? null)}=${String(qid)}`);
  return wanted.join() === got.join() ? undefined : `qid map ${got.join()} instead of ${wanted.join()}`;
}
