import { join } from "node:path";
import type { TrainingDay } from "../oracles/training-day.js";
import { OracleStop, type Value } from "../oracles/values.js";
import { inProject, rollInWorkers, trainDirectory } from "../support/product.js";
import { writeProjectFiles } from "../support/project-files.js";
import { ENGINES, enginesOf, withEngine } from "../support/rule.js";
import { differenceOf, differenceOfRun, expectedOf } from "./compare.js";
import { type Draw, drawn } from "./draw.js";
import { keepCounterExample } from "./keep-counter-example.js";
import type { OperatorCase, OperatorCases } from "./random-operators.js";
import type { ProjectCase } from "./random-project.js";
import { withOnly } from "./smallest-difference.js";

/** What was compared. A case is what `OperatorCase` says; each ran on every engine. */
export interface Tally {
  /** Operator → its cases. */
  readonly cases: Map<OperatorCase["operator"], number>;
  /** Cases whose answer is not NULL, 0 and [] in every row; of filters, those that drop rows and keep rows. */
  telling: number;
  /** Cases where the run has to stop. */
  stopping: number;
  projects: number;
  /** Projects that the kernel ran once more with so little memory that histories were asked by parts of the keys. */
  spilled: number;
  readonly faults: string[];
}

/** What histories of a few rows do not fit; the next one where a single key does not. */
const LITTLE_BYTES = [8_000, 16_000, 32_000, 64_000];
/** One project of so many is also run with its rolling aggregates in workers. */
const IN_WORKERS = 25;

export function addedUp(tallies: readonly Tally[]): Tally {
  const total: Tally = { cases: new Map(), telling: 0, stopping: 0, projects: 0, spilled: 0, faults: [] };
  for (const { cases, telling, stopping, projects, spilled, faults } of tallies) {
    for (const [operator, n] of cases) total.cases.set(operator, (total.cases.get(operator) ?? 0) + n);
    total.telling += telling;
    total.stopping += stopping;
    total.projects += projects;
    total.spilled += spilled;
    total.faults.push(...faults);
  }
  return total;
}

export function casesOf(tally: Tally): number {
  return [...tally.cases.values()].reduce((sum, n) => sum + n, 0);
}

export function described(name: string, tally: Tally): string {
  const of = [...tally.cases].map(([operator, n]) => `${n} ${operator}`).join(", ");
  return (
    `${name}: ${casesOf(tally)} cases (${of}) in ${tally.projects} projects, each on ${ENGINES.join(" and ")}, ${tally.spilled} with spilled histories; ` +
    `${tally.telling} with an answer to tell, ${tally.stopping} that stop the run, ${tally.faults.length} differences`
  );
}

/** Draws projects from `seeds` until there are that many cases, and compares each with the oracle on every engine. */
export async function compareCases(
  name: string,
  draw: (draw: Draw) => OperatorCases,
  seeds: Iterable<number>,
  atLeast: number,
): Promise<Tally> {
  const tally: Tally = { cases: new Map(), telling: 0, stopping: 0, projects: 0, spilled: 0, faults: [] };
  for (const seed of seeds) {
    if (casesOf(tally) >= atLeast) break;
    await compareProject(`${name}-${seed}`, drawn(seed, draw), tally);
  }
  return tally;
}

async function compareProject(name: string, drawnCases: OperatorCases, tally: Tally): Promise<void> {
  const { running, stopping, expected } = partedByStops(drawnCases);
  if (expected.size === 0) return;
  tally.projects++;
  for (const one of stopping) {
    count(tally, one.cases);
    tally.stopping += one.cases.length;
    for (const engine of enginesOf(one.one.project)) {
      const on = { ...one.one, project: withEngine(one.one.project, engine) };
      await tell(tally, `${name}-${engine}`, on, await differenceOf(on));
    }
  }
  if (running.cases.length === 0) return;
  count(tally, running.cases);
  tally.telling += running.cases.filter((one) => isTelling(one, running.one, expected)).length;
  await inProject(running.one, async (directory) => {
    for (const engine of enginesOf(running.one.project)) {
      const on = { ...running.one, project: withEngine(running.one.project, engine) };
      writeProjectFiles(directory, on.project);
      const outputRoot = join(directory, engine);
      const difference = await differenceOfRun(on, expected, () =>
        trainDirectory(directory, on.service, { outputRoot }),
      );
      await tell(tally, `${name}-${engine}`, on, difference);
    }
    const on = { ...running.one, project: withEngine(running.one.project, "kernel") };
    writeProjectFiles(directory, on.project);
    for (const kernelBytes of LITTLE_BYTES) {
      const outputRoot = join(directory, `spilled-${kernelBytes}`);
      const difference = await differenceOfRun(on, expected, () =>
        trainDirectory(directory, on.service, { outputRoot, kernelBytes }),
      );
      if (difference?.includes("engine/key-memory")) continue;
      tally.spilled++;
      await tell(tally, `${name}-spilled`, { ...on, kernelBytes }, difference);
      break;
    }
    // Processes take their time to start: some of the projects tell.
    if (tally.projects % IN_WORKERS !== 1 || !enginesOf(on.project).includes("polars")) return;
    await rollInWorkers(directory, on.service);
    const outputRoot = join(directory, "in-workers");
    const difference = await differenceOfRun(on, expected, () =>
      trainDirectory(directory, on.service, { outputRoot, duckdbConfig: { threads: "2" } }),
    );
    await tell(tally, `${name}-in-workers`, on, difference);
  });
}

async function tell(tally: Tally, name: string, one: ProjectCase, difference: string | undefined): Promise<void> {
  if (difference !== undefined) tally.faults.push(await keepCounterExample(name, one, difference));
}

function count(tally: Tally, cases: readonly OperatorCase[]): void {
  for (const { operator } of cases) tally.cases.set(operator, (tally.cases.get(operator) ?? 0) + 1);
}

type Expected = ReadonlyMap<string, TrainingDay | OracleStop>;

/** One case that stops the run would hide all others: it becomes a project of its own. */
function partedByStops({ one, cases }: OperatorCases): {
  readonly running: OperatorCases;
  readonly stopping: readonly OperatorCases[];
  readonly expected: Expected;
} {
  const expected = expectedOf(one);
  if (!stops(expected)) return { running: { one, cases }, stopping: [], expected };
  const alone = cases.map((each) => ({ one: withOnly(one, each.columns), cases: [each] }));
  const stopping = alone.filter((each) => stops(expectedOf(each.one)));
  const rest = cases.filter((each) => !stopping.some(({ cases: [stopped] }) => stopped === each));
  const running = withOnly(
    one,
    rest.flatMap(({ columns }) => columns),
  );
  const expectedRest = expectedOf(running);
  // What stops only together with others is a matter for whole projects.
  return { running: { one: running, cases: stops(expectedRest) ? [] : rest }, stopping, expected: expectedRest };
}

function stops(expected: Expected): boolean {
  return [...expected.values()].some((day) => day instanceof OracleStop);
}

function isTelling({ operator, columns }: OperatorCase, one: ProjectCase, expected: Expected): boolean {
  const days = [...expected.values()].flatMap((day) => (day instanceof OracleStop ? [] : [day]));
  if (operator === "filter") {
    const { session_filter: _, content_filter: __, ...unfiltered } = one.project.runtime;
    const all = expectedOf({ ...one, project: { ...one.project, runtime: unfiltered } });
    const rows = (of: Expected): number =>
      [...of.values()].reduce((sum, day) => sum + (day instanceof OracleStop ? 0 : day.rows.length), 0);
    return rows(expected) > 0 && rows(expected) < rows(all);
  }
  const empty = (value: Value | undefined): boolean =>
    value === undefined || value === null || value === 0n || (Array.isArray(value) && value.length === 0);
  return days.some((day) => {
    const picked = columns.map((name) => day.columns.findIndex((column) => column.name === name));
    return day.rows.some((row) => picked.some((i) => !empty(row[i])));
  });
}
