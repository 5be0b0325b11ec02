import { fileURLToPath } from "node:url";
import { copyProject, unwritable } from "./project-files.js";

/** The service of the project that `daeda init` writes. */
export const STARTER_SERVICE = "ranking";

const template = fileURLToPath(new URL("../../templates/project/", import.meta.url));

const PARTS = ["README.md", "daedalus.yaml", "config", "feature_views", "feature_services", "data"];

/**
 * The project of `daeda init`: templates/project with its sample of data. Files that exist stay as they are. Returns what was
 * written, relative to the folder. Throws DaedalusError `command/cannot-write`, exit code 1.
 */
export async function writeStarter(directory: string): Promise<readonly string[]> {
  try {
    return await copyProject(template, directory, PARTS);
  } catch (error) {
    throw unwritable(directory, error);
  }
}
