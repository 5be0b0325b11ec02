import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Analysis } from "../compiler/explain/analysis.js";
import { DaedalusError } from "../errors/problem.js";
import { problemsOf } from "../runs/failure.js";
import { OwnedRoot } from "../runs/owned-root.js";
import type { DaySession } from "./day.js";
import { unitOf } from "./day-states.js";
import { selectDays } from "./days.js";
import type { TrainingInputs } from "./inputs.js";
import { damageOfMap, needsQid, QID_MAP_FILE, QidMap } from "./qid-map.js";

export interface AnalyzeOptions extends TrainingInputs {
  readonly targetDate: string;
  /** The folder that gets a temporary one; the system's if absent. */
  readonly temporary?: string;
  readonly openDay: () => Promise<DaySession>;
  readonly signal?: AbortSignal;
}

/**
 * Runs one day into a temporary folder that is removed, and tells of each operator what it did; nothing becomes visible.
 * Embedding columns are typed NULLs. Throws as `train` does; where it was stopped, the reason of its signal.
 */
export async function analyze(options: AnalyzeOptions): Promise<Analysis> {
  const { pipeline, targetDate, temporary = tmpdir(), signal } = options;
  const [day = targetDate] = (await selectDays(options, { targetDate })).keys();
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(temporary, "daedalus-analyze-"));
    const root = await OwnedRoot.open(folder, "analyze");
    const session = await options.openDay();
    const interrupt = () => {
      session.interrupt();
      options.session.interrupt();
    };
    signal?.addEventListener("abort", interrupt);
    try {
      signal?.throwIfAborted();
      const qidMap = needsQid(pipeline) ? await numberedSessions(options, root, day) : undefined;
      return await session.analyze({
        pipeline,
        day,
        staging: await root.stage(unitOf(day)),
        profile: root.scratch("profile.json"),
        ...(qidMap === undefined ? {} : { qidMap }),
      });
    } finally {
      signal?.removeEventListener("abort", interrupt);
      session.close();
      await root.release();
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw error instanceof DaedalusError
      ? error
      : new DaedalusError(problemsOf(error, folder ?? temporary), 1, { cause: error });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** The sessions' numbers as a run would give them: the committed ones, and new ones for the day's other sessions. */
async function numberedSessions(inputs: TrainingInputs, root: OwnedRoot, day: string): Promise<string> {
  const map = new QidMap(root, inputs);
  await copyFile(join(inputs.outputRoot, QID_MAP_FILE), map.path).catch(() => undefined); // none is committed yet
  // A damaged map is train's business; which numbers the sessions have changes no figure.
  if ((await damageOfMap(inputs, root.directory, 0)) !== undefined) await rm(map.path);
  await map.grow([day]);
  return map.path;
}
