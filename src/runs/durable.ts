import { chmod, mkdir, open, readdir, realpath, rename, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { newId } from "./identity.js";

/** Makes the file's content, or the folder's list of names, survive a power cut. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** All files below the folder, then the folders, the inner ones first. */
export async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  await Promise.all(entries.map((entry) => (entry.isDirectory() ? syncTree : sync)(join(folder, entry.name))));
  await sync(folder);
}

/**
 * The folder and those above it. Node's own recursive mkdir never returns where a file system refuses new entries with
 * ENOENT (`/proc`), and tells ENOENT where there is no room for them; here each folder is tried once. Throws the file
 * system's error.
 */
export async function makeFolders(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let path = folder; !(await isThere(path)); path = dirname(path)) missing.push(path);
  for (const path of missing.reverse())
    await mkdir(path).catch((error: unknown) => {
      // Another run may have made it at the same time.
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    });
}

async function isThere(path: string): Promise<boolean> {
  return (
    path === dirname(path) ||
    (await stat(path).then(
      () => true,
      () => false,
    ))
  );
}

/** How `writeDurably` calls what is not yet a file: only a process that died leaves one behind. */
export const TEMPORARY = /^\.[0-9a-f]+\.tmp$/;

/** Replaces the file at once: whoever looks sees the old text or the new one, also after a power cut. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const folder = dirname(path);
  await makeFolders(folder);
  const temporary = join(folder, `.${newId()}.tmp`);
  await writeNew(temporary, content);
  await rename(temporary, path);
  await sync(folder);
}

/**
 * A file that appears whole, and the folders above it; unlike `writeDurably` without waiting for the disk. What the path links to is
 * written, with the mode that it has; a device or a pipe takes the content itself. Throws the file system's error.
 */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  await makeFolders(dirname(path));
  const target = await realpath(path).catch(() => path);
  const there = await stat(target).catch(() => undefined);
  if (there !== undefined && !there.isFile()) {
    await writeFile(target, content);
    return;
  }
  const temporary = join(dirname(target), `.${newId()}.tmp`);
  try {
    await writeFile(temporary, content, { flag: "wx" });
    if (there !== undefined) await chmod(temporary, there.mode & 0o7777);
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

/** A file that was not there, with all of its content on disk; where that fails (a full disk), without it. */
export async function writeNew(path: string, content: string): Promise<void> {
  const handle = await open(path, "wx");
  try {
    await handle.writeFile(content);
    await handle.sync();
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await handle.close();
  }
}
