import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jsonSchemas } from "../definitions/json-schemas.js";
import { commandProblem } from "../errors/command.js";
import { DaedalusError } from "../errors/problem.js";
import { makeFolders } from "../runs/durable.js";

/** JSON Schemas of the YAML files, by file name; generated from what validation uses. */
export function schemas(): ReadonlyMap<string, object> {
  return jsonSchemas();
}

/** Writes the schemas and gives their file names. Throws DaedalusError `command/cannot-write`, exit code 1. */
export async function writeSchemas(folder: string): Promise<readonly string[]> {
  try {
    await makeFolders(folder);
    for (const [name, schema] of jsonSchemas())
      await writeFile(join(folder, name), `${JSON.stringify(schema, null, 2)}\n`);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new DaedalusError([commandProblem("cannot-write", { path: folder, cause })], 1, { cause: error });
  }
  return [...jsonSchemas().keys()];
}
