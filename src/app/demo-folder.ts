import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commandProblem } from "../errors/command.js";
import { DaedalusError } from "../errors/problem.js";
import { makeFolders } from "../runs/durable.js";
import { type DemoProject, writeDemoProject } from "./demo/demo-project.js";
import type { DemoSize } from "./demo/demo-size.js";
import { unwritable } from "./project-files.js";

/**
 * Says that `daeda demo` made the folder; written before anything else, so that a demo that was stopped can go on. The text
 * names the project: a demo of another one is another folder.
 */
const MARK = ".daedalus-demo";
const MARK_TEXT = "This folder was made by `daeda demo` from examples/artworks and may be deleted.\n";

/** Makes or completes the demo's project; `begin` is called when the folder may be taken. Throws DaedalusError `command/not-a-demo` (exit code 2) for a folder that holds anything else. */
export async function writeDemo(
  directory: string,
  size: DemoSize,
  begin: () => void = () => undefined,
): Promise<DemoProject> {
  await takeFolder(directory);
  begin();
  return writeDemoProject(directory, size);
}

async function takeFolder(directory: string): Promise<void> {
  try {
    await makeFolders(directory);
    if ((await readFile(join(directory, MARK), "utf8").catch(() => undefined)) === MARK_TEXT) return;
    if ((await readdir(directory)).length === 0) {
      await writeFile(join(directory, MARK), MARK_TEXT);
      return;
    }
  } catch (error) {
    throw unwritable(directory, error);
  }
  throw new DaedalusError([commandProblem("not-a-demo", { path: directory })], 2);
}
