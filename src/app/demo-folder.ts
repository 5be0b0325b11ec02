import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commandProblem } from "../errors/command.js";
import { DaedalusError } from "../errors/problem.js";
import { makeFolders } from "../runs/durable.js";
import { type DemoSize, type WrittenProject, writeDemoProject, writeStarterProject } from "./demo/demo-project.js";

/** Says that `daeda demo` made the folder; written before anything else, so that a demo that was stopped can go on. */
const MARK = ".daedalus-demo";

/** Makes or completes the demo's project. Throws DaedalusError `command/not-a-demo` (exit code 2) for a folder that holds anything else. */
export async function writeDemo(directory: string, size: DemoSize): Promise<WrittenProject> {
  await takeFolder(directory);
  return writeDemoProject(directory, size);
}

/** The project of `daeda init`. Throws DaedalusError `command/cannot-write`, exit code 1. */
export async function writeStarter(directory: string): Promise<WrittenProject> {
  try {
    return await writeStarterProject(directory);
  } catch (error) {
    throw unwritable(directory, error);
  }
}

async function takeFolder(directory: string): Promise<void> {
  try {
    await makeFolders(directory);
    if ((await readFile(join(directory, MARK), "utf8").catch(() => undefined)) !== undefined) return;
    if ((await readdir(directory)).length === 0) {
      await writeFile(join(directory, MARK), "This folder was made by `daeda demo` and may be deleted.\n");
      return;
    }
  } catch (error) {
    throw unwritable(directory, error);
  }
  throw new DaedalusError([commandProblem("not-a-demo", { path: directory })], 2);
}

function unwritable(path: string, error: unknown): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  return new DaedalusError([commandProblem("cannot-write", { path, cause: error.message })], 1, { cause: error });
}
