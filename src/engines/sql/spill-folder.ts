import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { engineProblem } from "./problems.js";

const PREFIX = `.daedalus-spill-${hostname()}-`;
let instances = 0;

/**
 * The folder that one DuckDB instance spills into, or an audit copies sources into. DuckDB names its files alike in every
 * instance, so that two with one `temp_directory` (two day workers, two runs) would write over each other's rows. DuckDB makes
 * the folder when it spills, and removes it with the instance; what killed processes of this host left is removed here.
 */
export function spillFolder(directory: string | undefined): string {
  const parent = directory || "."; // where DuckDB spills by itself: the current folder
  removeLeftovers(parent);
  instances += 1;
  // One level, as DuckDB itself would. If it cannot be made, DuckDB says so when something spills.
  quietly(() => mkdirSync(parent));
  return join(parent, `${PREFIX}${process.pid}-${process.hrtime.bigint()}-${instances}`);
}

/** Makes a folder for what is spilled. Throws DaedalusError, exit code 1, where the place is none. */
export function makeSpillFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOSPC" || code === "EDQUOT") throw error;
    throw engineProblem("temporary-folder", { folder, detail: code === "" ? String(error) : code });
  }
}

function removeLeftovers(parent: string): void {
  quietly(() => {
    for (const name of readdirSync(parent)) {
      if (!name.startsWith(PREFIX)) continue;
      const pid = Number(name.slice(PREFIX.length).split("-")[0]);
      if (!isAlive(pid)) rmSync(join(parent, name), { recursive: true, force: true });
    }
  });
}

/** Whether there is a process of this number; one of another user is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // It is there already, or it cannot be written: then nothing can spill, which DuckDB tells.
  }
}
