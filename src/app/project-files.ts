import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { jsonSchemas } from "../definitions/json-schemas.js";
import { commandProblem } from "../errors/command.js";
import { DaedalusError } from "../errors/problem.js";
import { writeWhole } from "../runs/durable.js";

/**
 * Copies the named files and folders of a project, and writes the JSON Schemas of this version beside them. Files that exist
 * stay as they are: they may be edited. Returns what was written, relative to the folder.
 */
export async function copyProject(from: string, to: string, parts: readonly string[]): Promise<readonly string[]> {
  const written: string[] = [];
  for (const file of await filesOf(from, parts)) {
    if (existsSync(join(to, file))) continue;
    // Half a file, left by a process that was stopped, would count as one that the user has.
    await writeWhole(join(to, file), await readFile(join(from, file)));
    written.push(file);
  }
  // Generated files follow the program's version.
  for (const [file, schema] of jsonSchemas())
    await writeWhole(join(to, "schemas", file), `${JSON.stringify(schema, null, 2)}\n`);
  return written;
}

async function filesOf(folder: string, parts: readonly string[]): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .filter((file) => parts.some((part) => file === part || file.startsWith(join(part, "/"))))
    .sort();
}

/** A file system's refusal as a problem that names the folder; any other error as it is. */
export function unwritable(path: string, error: unknown): unknown {
  // Of the system; libraries give their errors codes of their own.
  if (!(error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code)))) return error;
  return new DaedalusError([commandProblem("cannot-write", { path, cause: error.message })], 1, { cause: error });
}
