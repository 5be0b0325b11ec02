import { readdir, readFile, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import type { Place } from "../errors/catalogue.js";
import { definitionProblem } from "../errors/definition.js";
import { byPlace, type Problem } from "../errors/problem.js";
import type { Location } from "./location.js";
import { placeAt } from "./place.js";
import { type ParsedFile, parseFile, type Reading, type ReadingContext } from "./reading.js";
import { readAt, type Schema } from "./schema.js";
import { maskSecrets } from "./secrets.js";

/** The YAML files of a project as they are read: their texts, and the problems found in them. */
export interface YamlFiles {
  /** Reads one file; `undefined` if it does not exist (nothing is reported then). */
  read<Value extends object>(path: string, schema: Schema<Value>, context: ReadingContext): Promise<FileRead<Value>>;
  /** The `.yaml` files of a folder, sorted by name; undefined if there is no such folder. */
  list(folder: string): Promise<readonly string[] | undefined>;
  /** A problem that concerns several files, or none. */
  report(problem: Problem, location: Location | undefined): void;
  /** All problems by place, with excerpts. */
  problems(): readonly Problem[];
  /** The text of a file, inline secrets starred. */
  textOf(file: string): string | undefined;
  /** How messages and locations call a file. */
  nameOf(path: string): string;
  withExcerpt(problem: Problem, location: Location | undefined): Problem;
}

export type FileRead<Value> =
  | { readonly state: "absent" }
  /** It could not be read or parsed: everything in it is unknown. `name` is a best guess at its own name. */
  | { readonly state: "broken"; readonly name: string | undefined }
  | { readonly state: "read"; readonly value: Value | undefined; readonly reading: Reading };

export function yamlFiles(directory: string): YamlFiles {
  const texts = new Map<string, string>();
  const readings = new Map<string, Reading>();
  const others: { readonly problem: Problem; readonly location: Location | undefined }[] = [];
  const masked = new Map<string, string>();

  const nameOf = (path: string): string => {
    const name = relative(directory, path);
    return name.startsWith("..") || isAbsolute(name) ? path : name.split(sep).join("/");
  };
  const textOf = (file: string): string | undefined => {
    const text = texts.get(file);
    if (text === undefined) return undefined;
    const known = masked.get(file);
    const shown = known ?? maskSecrets(text, readings.get(file)?.secrets ?? []);
    masked.set(file, shown);
    return shown;
  };
  const withExcerpt = (problem: Problem, location: Location | undefined): Problem => {
    const place: Place = location === undefined ? {} : placeAt(location, textOf(location.file));
    return Object.freeze({ ...problem, ...place });
  };
  const locationOf = (problem: Problem, reading: Reading): Location => ({
    file: reading.file,
    line: problem.line ?? 1,
    column: problem.column ?? 1,
    length: reading.marks.get(problem) ?? 1,
  });

  return {
    nameOf,
    textOf,
    withExcerpt,
    report: (problem, location) => void others.push({ problem, location }),
    async read(path, schema, context) {
      const file = nameOf(path);
      let text: string;
      try {
        // A pipe would be waited for without end.
        const kind = await stat(path);
        if (!kind.isFile() && !kind.isDirectory()) throw new Error("it is no file");
        text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
      } catch (error) {
        if (isAbsent(error)) return { state: "absent" };
        const reason = error instanceof TypeError ? "it is not UTF-8 text" : messageOf(error);
        others.push({
          problem: { ...definitionProblem("unreadable-file", { path: file, reason }), file },
          location: undefined,
        });
        return { state: "broken", name: undefined };
      }
      const parsed: ParsedFile = parseFile(file, text, context);
      const { reading, contents, name } = parsed;
      texts.set(file, text);
      readings.set(file, reading);
      masked.delete(file);
      if (contents === undefined) return { state: "broken", name };
      return { state: "read", value: readAt(schema, contents, "the file", reading), reading };
    },
    async list(folder) {
      try {
        const entries = await readdir(folder, { withFileTypes: true });
        const names = entries
          .filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."))
          .map(({ name }) => name);
        for (const name of names.filter((one) => one.endsWith(".yml"))) {
          const file = nameOf(join(folder, name));
          others.push({ problem: { ...definitionProblem("wrong-ending", { path: file }), file }, location: undefined });
        }
        return names.filter((name) => name.endsWith(".yaml")).sort();
      } catch (error) {
        if (!isAbsent(error)) {
          const path = nameOf(folder);
          others.push({
            problem: definitionProblem("unreadable-file", { path, reason: messageOf(error) }),
            location: undefined,
          });
        }
        return undefined;
      }
    },
    problems() {
      const inFiles = [...readings.values()].flatMap((reading) =>
        reading.problems.map((problem) => ({ problem, location: locationOf(problem, reading) })),
      );
      return [...inFiles, ...others].map(({ problem, location }) => withExcerpt(problem, location)).sort(byPlace);
    },
  };
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
