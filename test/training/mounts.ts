import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const mounted: string[] = [];
// Also after a test that failed.
afterEach(unmountAll);

/** Must come before the folders that hold the mounts are removed. */
export function unmountAll(): void {
  for (const folder of mounted.splice(0).reverse()) mountProgram("umount", ["--lazy", folder]);
}

/** A file system of its own, in memory, that holds so much: `size=64k`, `nr_inodes=20`. */
export function mountMemory(folder: string, options: string): void {
  mkdirSync(folder, { recursive: true });
  mountProgram("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  mounted.push(folder);
}

/** Changes what it may hold, or (`ro`, `rw`) whether it may be written. */
export function remount(folder: string, options: string): void {
  mountProgram("mount", ["-o", `remount,${options}`, folder]);
}

/** False where file systems cannot be mounted: that needs root, and some containers forbid it even to root. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "daedalus-mount-"));
  try {
    mountProgram("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
    mountProgram("umount", [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

function mountProgram(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
}
