import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "../engines/sql/spill-folder.js";

/** Begins the names of what is only there while a run of this host works; then comes the number of its process. */
const PREFIX = `.daedalus-features-${hostname()}-`;

/** A path in the folder that nothing has; what is made there and left by a process that was killed, a later run removes. */
export function passingPath(folder: string, kind: string): string {
  return join(folder, `${PREFIX}${process.pid}-${randomBytes(4).toString("hex")}.${kind}`);
}

/** Removes what runs of this host that were killed have left in the folder. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX) || isAlive(Number(name.slice(PREFIX.length).split("-")[0]))) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}
