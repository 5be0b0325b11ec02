import { readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { DaedalusError } from "../errors/problem.js";
import { runProblem } from "../errors/run.js";
import { makeFolders, sync, syncTree, TEMPORARY, writeDurably } from "./durable.js";
import { failPoint } from "./fail-point.js";

/** Every step of a commit at which a process may die, in order; the second half only where a unit is replaced. */
export const COMMIT_FAIL_POINTS = [
  "commit/begun",
  "commit/synced",
  "commit/visible",
  "swap/journaled",
  "swap/old-away",
  "swap/new-in-place",
  "swap/journal-removed",
  "commit/done",
] as const;

/** Names of folders below a root's `_daedalus`. */
export const STAGING = "staging";
const JOURNAL = "journal";
const TRASH = "trash";

interface SwapJournal {
  readonly unit: string;
  /** Paths relative to the root. */
  readonly staged: string;
  readonly trash: string;
}

/**
 * Makes a staged folder (or file) visible as `<root>/<unit>`. A new unit appears by one rename. To replace one, two renames
 * are needed; the journal that is written before them lets `recover` finish what a dead process began.
 */
export async function commit(root: string, unit: string, staged: string, run: string): Promise<void> {
  const target = join(root, unit);
  failPoint("commit/begun");
  const folder = (await stat(staged)).isDirectory();
  await (folder ? syncTree(staged) : sync(staged));
  await sync(dirname(staged));
  failPoint("commit/synced");
  await makeFolders(dirname(target));
  // A file is replaced by its rename alone.
  if (!folder || !(await exists(target))) {
    await rename(staged, target);
    await sync(dirname(target));
    failPoint("commit/visible");
  } else {
    const journal = join(root, "_daedalus", JOURNAL, `${encodeURIComponent(unit)}.json`);
    const trash = join(root, "_daedalus", TRASH, run, encodeURIComponent(unit));
    await makeFolders(dirname(trash));
    const entry: SwapJournal = { unit, staged: relative(root, staged), trash: relative(root, trash) };
    await writeDurably(journal, `${JSON.stringify(entry, null, 2)}\n`);
    failPoint("swap/journaled");
    await finishSwap(root, journal, entry);
  }
  failPoint("commit/done");
}

/**
 * Finishes every swap that a dead run began, and removes what else it left. Only for the owner of the root, before it
 * begins. A journal is written after the new unit is safely on disk, so finishing is always right.
 */
export async function recover(root: string): Promise<void> {
  const own = join(root, "_daedalus");
  for (const name of await namesIn(join(own, JOURNAL))) {
    const path = join(own, JOURNAL, name);
    // A journal comes into being by a rename: what has another name was never one.
    if (name.endsWith(".json")) await finishSwap(root, path, readJournal(path, await readFile(path, "utf8")));
    else await unlink(path);
  }
  await rm(join(own, STAGING), { recursive: true, force: true });
  await rm(join(own, TRASH), { recursive: true, force: true });
  // Of small files that were being replaced.
  for (const folder of [own, join(own, "failed")])
    for (const name of await namesIn(folder)) if (TEMPORARY.test(name)) await unlink(join(folder, name));
}

/** From whichever of its steps on. */
async function finishSwap(root: string, journal: string, { unit, staged, trash }: SwapJournal): Promise<void> {
  const target = join(root, unit);
  if (await exists(join(root, staged))) {
    if ((await exists(target)) && !(await exists(join(root, trash)))) {
      await makeFolders(dirname(join(root, trash)));
      await rename(target, join(root, trash));
    }
    failPoint("swap/old-away");
    await rename(join(root, staged), target);
    await sync(dirname(target));
  } else if (!(await exists(target)) && (await exists(join(root, trash)))) {
    // Someone removed the new unit by hand: the old one is better than none.
    await rename(join(root, trash), target);
    await sync(dirname(target));
  }
  failPoint("swap/new-in-place");
  await unlink(journal);
  await sync(dirname(journal));
  failPoint("swap/journal-removed");
  await rm(join(root, trash), { recursive: true, force: true });
}

function readJournal(path: string, text: string): SwapJournal {
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value === "object" &&
      value !== null &&
      "unit" in value &&
      "staged" in value &&
      "trash" in value &&
      typeof value.unit === "string" &&
      typeof value.staged === "string" &&
      typeof value.trash === "string"
    )
      return { unit: value.unit, staged: value.staged, trash: value.trash };
  } catch {
    // Told below.
  }
  throw new DaedalusError([runProblem("damaged-journal", { path })], 1);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
