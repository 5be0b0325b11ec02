import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { jsonSchemas } from "../../definitions/json-schemas.js";
import { makeFolders } from "../../runs/durable.js";
import { type DemoSize, demoDays, writeDemoData } from "./demo-data.js";

export type { DemoSize } from "./demo-data.js";

/** The service of the project that `init` and `demo` write. */
export const DEMO_SERVICE = "ranking";

export interface WrittenProject {
  readonly service: string;
  /** The feed's first and last day. */
  readonly days: readonly [first: string, last: string];
  /** Definition files that this call wrote, relative to the folder; those that were there are left as they are. */
  readonly written: readonly string[];
}

/** What `daeda init` starts from: a few thousand rows of a week. */
export const STARTER_SIZE: DemoSize = { days: 7, events: 5_000, seed: 1 };

/**
 * Writes a project with comments that explain each key, and data of a chosen size. Deterministic: equal sizes and seeds
 * give equal bytes. Existing definition files stay (they may be edited); existing data stay if they are the same.
 */
export async function writeDemoProject(directory: string, size: DemoSize): Promise<WrittenProject> {
  return writeProject(directory, "daedalus_demo", size);
}

/** The same project with a small sample of data, for a user who replaces it by their own. */
export async function writeStarterProject(directory: string): Promise<WrittenProject> {
  return writeProject(directory, "starter", STARTER_SIZE);
}

const templates = fileURLToPath(new URL("../../../templates/project/", import.meta.url));

async function writeProject(directory: string, name: string, size: DemoSize): Promise<WrittenProject> {
  if (
    !(Number.isSafeInteger(size.days) && size.days > 0 && Number.isSafeInteger(size.events) && size.events >= size.days)
  )
    throw new RangeError(
      `a demo needs at least one day and one event a day, not ${size.events} events of ${size.days} days`,
    );
  const days = demoDays(size.days);
  const [first = "", last = ""] = [days[0], days.at(-1)];
  const values: Readonly<Record<string, string>> = {
    name,
    feed_start: month(first),
    feed_end: month(last),
    days: String(size.days),
    events: String(size.events),
    seed: String(size.seed),
  };
  const written: string[] = [];
  for (const file of await filesOf(templates)) {
    const content = (await readFile(join(templates, file), "utf8")).replaceAll(
      /\{\{(\w+)\}\}/g,
      (placeholder, key: string) => values[key] ?? placeholder,
    );
    if (await writeNew(join(directory, file), content)) written.push(file);
  }
  for (const [file, schema] of jsonSchemas())
    await writeReplacing(join(directory, "schemas", file), `${JSON.stringify(schema, null, 2)}\n`);
  await writeDemoData(directory, size);
  return { service: DEMO_SERVICE, days: [first, last], written };
}

function month(day: string): string {
  return day.slice(0, 7).replace("-", "");
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
    .sort();
}

async function writeNew(path: string, content: string): Promise<boolean> {
  await makeFolders(dirname(path));
  try {
    await writeFile(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Generated files follow the program's version. */
async function writeReplacing(path: string, content: string): Promise<void> {
  await makeFolders(dirname(path));
  await writeFile(path, content);
}
