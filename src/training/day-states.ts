import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { FailedUnit } from "../runs/ledger.js";
import {
  DamagedDay,
  type DayManifest,
  type ManifestInputs,
  OUTPUT_FORMAT,
  readDay,
  readManifest,
} from "../storage/day-manifest.js";
import { definitionChanges, fingerprintOf, inputChanges, inputsKey } from "./inputs.js";

/**
 * `absent`; `skeleton`: embeddings still to do; `complete`; `outdated`: complete, but an input without a bound below the
 * day's end (`as_of: latest`, an embedding store) has changed; `stale`: the definition or an input of the day has changed; `failed`: the last
 * try failed or what is there is damaged.
 */
export const DAY_STATES = ["absent", "skeleton", "complete", "outdated", "stale", "failed"] as const;
export type DayState = (typeof DAY_STATES)[number];

export interface JudgedDay {
  readonly day: Day;
  readonly state: DayState;
  /** Sentences; empty for a complete day. */
  readonly why: readonly string[];
  /** What the last try met, of a failed day. */
  readonly problems: readonly Problem[];
  /** Tells the inputs of two moments apart. */
  readonly inputs: string;
  /** Of a day that can be relied on. */
  readonly manifest?: DayManifest;
}

/** The unit's name, which is the folder of the day below the output root. */
export function unitOf(day: Day): string {
  return `dt=${day}`;
}

/** Compares what is there with what the day would be made from now. */
export async function judgeDay(
  root: string,
  day: Day,
  inputs: ManifestInputs,
  failure: FailedUnit | undefined,
  renumbered: Readonly<Record<string, string>>,
): Promise<JudgedDay> {
  const looked = { day, inputs: inputsKey(inputs) };
  let manifest: DayManifest | undefined;
  try {
    manifest = await readDay(join(root, unitOf(day)));
  } catch (error) {
    if (!(error instanceof DamagedDay)) throw error;
    return { ...looked, state: "failed", why: [error.message], problems: [] };
  }
  if (manifest === undefined)
    return failure === undefined
      ? { ...looked, state: "absent", why: ["it has not been written"], problems: [] }
      : {
          ...looked,
          state: "failed",
          why: failure.problems.map((problem) => problem.says),
          problems: failure.problems,
        };
  const found = { ...looked, problems: failure?.problems ?? [], manifest };
  if (manifest.format !== OUTPUT_FORMAT || manifest.fingerprint !== fingerprintOf(inputs)) {
    const why = [
      ...definitionChanges(manifest.inputs, inputs),
      ...inputChanges(manifest.inputs.bounded, inputs.bounded),
    ];
    return { ...found, state: "stale", why: why.length > 0 ? why : ["its fingerprint differs"] };
  }
  if (renumbered[day] === manifest.run.id)
    return { ...found, state: "stale", why: ["its qid are those of an earlier numbering"] };
  // A store may be asked by a filter and fill in columns: its change is told once.
  const outdated = [
    ...new Set([
      ...inputChanges(manifest.inputs.unbounded, inputs.unbounded),
      ...(manifest.state === "complete" ? inputChanges(manifest.inputs.stores ?? [], inputs.stores ?? []) : []),
    ]),
  ];
  if (outdated.length > 0) return { ...found, state: "outdated", why: outdated };
  if (manifest.state === "skeleton")
    return { ...found, state: "skeleton", why: ["its embedding columns are not filled"] };
  return { ...found, state: "complete", why: [] };
}

/** The days that have a folder, ascending. */
export async function writtenDays(root: string): Promise<readonly Day[]> {
  const names = await readdir(root).catch(() => []);
  return names
    .filter((name) => /^dt=\d{4}-\d{2}-\d{2}$/.test(name))
    .map((name) => name.slice(3))
    .sort();
}

/** The file below `_daedalus` that says whose days these are. */
export const OUTPUT_FILE = "output.json";

/**
 * Refuses (DaedalusError, exit code 2) a folder that holds another service's days, or days that Daedalus did not write:
 * they would be replaced.
 */
export async function refuseForeignRoot(root: string, service: string): Promise<void> {
  const owner = await serviceOf(root);
  if (owner !== undefined && owner !== service)
    throw new DaedalusError([trainingProblem("other-service", { root, found: owner, wanted: service })], 2);
  if (owner !== undefined) return;
  for (const day of await writtenDays(root)) {
    const manifest = await readManifest(join(root, unitOf(day))).catch(() => undefined);
    if (manifest === undefined)
      throw new DaedalusError([trainingProblem("foreign-days", { root, example: unitOf(day) })], 2);
    if (manifest.service !== service)
      throw new DaedalusError(
        [trainingProblem("other-service", { root, found: manifest.service, wanted: service })],
        2,
      );
  }
}

async function serviceOf(root: string): Promise<string | undefined> {
  try {
    const output: unknown = JSON.parse(await readFile(join(root, "_daedalus", OUTPUT_FILE), "utf8"));
    if (typeof output === "object" && output !== null && "service" in output) return String(output.service);
  } catch {
    // Absent or damaged: the days' own manifests tell.
  }
  return undefined;
}
