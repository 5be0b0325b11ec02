import { type BigIntStats, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { DaedalusError } from "../errors/problem.js";
import { sourceProblem } from "../errors/source.js";

export type FileFormat = "parquet" | "csv" | "ndjson";

/** A file of a source, as it was when it was looked at. */
export interface DataFile {
  /** Absolute. */
  readonly path: string;
  /** For identities and messages: relative to the project where it lies inside it. */
  readonly shown: string;
  readonly format: FileFormat;
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly modified: bigint;
  /** Columns from `key=value` folders; null for Hive's own name of NULL. */
  readonly partitions: ReadonlyMap<string, string | null>;
}

export interface Listing {
  /** Sorted by path. */
  readonly files: readonly DataFile[];
  readonly ignoredFiles: number;
}

const HIVE_NULL = "__HIVE_DEFAULT_PARTITION__";

/** The format that a file's ending names; undefined if it names none. */
export function formatOf(name: string): FileFormat | undefined {
  const lower = name.toLowerCase();
  if (lower.endsWith(".parquet")) return "parquet";
  if (/\.csv(\.gz)?$/.test(lower)) return "csv";
  return /\.(ndjson|jsonl)(\.gz)?$/.test(lower) ? "ndjson" : undefined;
}

/**
 * The files of `path` (a file, a folder read recursively, or a glob; relative to the project's directory). Names that begin
 * with `_` or `.` and other endings are counted and not read; symbolic links are followed, a loop of them once; one that leads
 * nowhere is refused.
 * Throws DaedalusError `source/no-such-file`, `source/no-data-files`, `source/unknown-format`.
 */
export function listFiles(directory: string, path: string): Listing {
  const root = resolve(directory, path);
  const found = new Finding(directory, path);
  const stats = look(root);
  if (stats?.isDirectory()) found.folder(root);
  else if (stats) {
    if (formatOf(root) === undefined) throw refuse(sourceProblem("unknown-format", { file: path }));
    // A pipe or device would be waited for without end.
    if (!stats.isFile()) throw refuse(sourceProblem("unreadable-file", { reason: "it is no file" }, { file: path }));
    found.file(root, stats);
  } else if (/[*?[]/.test(path)) found.glob(root);
  else throw refuse(sourceProblem("no-such-file", { address: path }));
  const files = found.files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  if (files.length === 0) throw refuse(sourceProblem("no-data-files", { address: path, ignored: found.ignored }));
  return { files, ignoredFiles: found.ignored };
}

/** The same file as it is now; undefined if it is gone. */
export function refreshed(file: DataFile): DataFile | undefined {
  const stats = look(file.path);
  return stats?.isFile() ? { ...file, size: Number(stats.size), modified: stats.mtimeNs } : undefined;
}

function refuse(problem: ReturnType<typeof sourceProblem>): DaedalusError {
  return new DaedalusError([problem], 2);
}

function look(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw new DaedalusError([sourceProblem("unreadable-file", { reason: reasonOf(error) }, { file: path })], 1, {
      cause: error,
    });
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? error.message) : String(error);
}

class Finding {
  readonly files: DataFile[] = [];
  readonly #seen = new Set<string>();
  /** Folders above the written path are not the source's own: their `=` names no column. */
  readonly #partitionsFrom: string;
  ignored = 0;

  constructor(
    readonly directory: string,
    path: string,
  ) {
    this.#partitionsFrom = isAbsolute(path) ? sep : resolve(directory, path.match(/^(\.\.?\/)*/)?.[0] ?? "");
  }

  folder(folder: string, read = true): void {
    const real = realpathSync(folder);
    if (this.#seen.has(real)) return;
    this.#seen.add(real);
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const stats = look(path);
      const readable = read && !isHidden(name);
      if (stats === undefined && readable) this.#refuseBrokenLink(path);
      if (stats?.isDirectory()) this.folder(path, readable);
      else if (stats?.isFile() || stats === undefined) {
        if (readable && formatOf(name) !== undefined && stats) this.file(path, stats);
        else this.ignored++;
      }
    }
    this.#seen.delete(real);
  }

  file(path: string, stats: BigIntStats): void {
    const format = formatOf(path);
    if (format === undefined) {
      this.ignored++;
      return;
    }
    this.files.push({
      path,
      shown: this.#shown(path),
      format,
      size: Number(stats.size),
      modified: stats.mtimeNs,
      partitions: partitionsOf(relative(this.#partitionsFrom, path)),
    });
  }

  #shown(path: string): string {
    const inside = relative(this.directory, path);
    return inside.startsWith("..") || isAbsolute(inside) ? path : inside.split(sep).join("/");
  }

  /** `*`, `?`, `[…]` within a name, `**` for any number of folders. A folder that matches is read recursively. */
  glob(pattern: string): void {
    const parts = pattern.split(sep);
    const first = parts.findIndex((part) => /[*?[]/.test(part));
    const matched = new Set<string>();
    walk(parts.slice(0, first).join(sep) || sep, parts.slice(first), matched);
    for (const path of [...matched].sort()) {
      const stats = look(path);
      const name = path.slice(path.lastIndexOf(sep) + 1);
      if (stats?.isDirectory()) {
        if (![...matched].some((other) => other.startsWith(path + sep))) this.folder(path, !isHidden(name));
      } else if (stats && !isHidden(name)) this.file(path, stats);
      else {
        if (!isHidden(name)) this.#refuseBrokenLink(path);
        this.ignored++;
      }
    }
  }

  /** Nothing stands at the path: a file that has just gone is no file, but behind a link there were to be rows. */
  #refuseBrokenLink(path: string): void {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
    const reason = `it is a symbolic link to ${readlinkSync(path)}, which is not there`;
    throw refuse(sourceProblem("unreadable-file", { reason }, { file: this.#shown(path) }));
  }
}

/** Whether `listFiles` would find a file (absolute) of a name that it reads, if there were one. */
export function wouldRead(directory: string, path: string, file: string): boolean {
  const root = resolve(directory, path);
  const parts = realOf(file).split(sep);
  if (look(root)?.isDirectory()) return isReadBy(realOf(root).split(sep), parts, false);
  return /[*?[]/.test(path) && isReadBy(root.split(sep), file.split(sep), true);
}

/** Where it is, or would be; whether anything can be made there is not asked. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realOf(parent), basename(path));
  }
}

/** What is below a folder that the pattern names is read with it. */
function isReadBy([part, ...rest]: readonly string[], names: readonly string[], isPattern: boolean): boolean {
  const [name, ...below] = names;
  if (part === undefined) return names.length > 0 && !names.some(isHidden);
  if (isPattern && part === "**" && isReadBy(rest, names, true)) return true;
  if (name === undefined) return false;
  if (isPattern && part === "**") return !isHidden(name) && isReadBy([part, ...rest], below, true);
  const isMatched = isPattern && /[*?[]/.test(part) ? patternOf(part).test(name) : part === name;
  if (!isMatched || (isPattern && rest.length === 0 && isHidden(name))) return false;
  return below.length === 0 ? rest.length === 0 : isReadBy(rest, below, isPattern);
}

function walk(folder: string, parts: readonly string[], matched: Set<string>): void {
  const [part, ...rest] = parts;
  if (part === undefined) {
    matched.add(folder);
    return;
  }
  if (part === "**") {
    walk(folder, rest, matched);
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      if (isHidden(name)) continue;
      if (look(path)?.isDirectory()) walk(path, parts, matched);
    }
    return;
  }
  if (!/[*?[]/.test(part)) {
    const path = join(folder, part);
    if (look(path)) walk(path, rest, matched);
    return;
  }
  const matches = patternOf(part);
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    if (matches.test(name) && (rest.length === 0 || look(path)?.isDirectory())) walk(path, rest, matched);
  }
}

function namesIn(folder: string): string[] {
  try {
    return look(folder)?.isDirectory() ? readdirSync(folder).sort() : [];
  } catch (error) {
    throw new DaedalusError([sourceProblem("unreadable-file", { reason: reasonOf(error) }, { file: folder })], 1, {
      cause: error,
    });
  }
}

function patternOf(part: string): RegExp {
  const source = part.replace(/\[!?[^\]]+\]|[\s\S]/g, (token) => {
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (token.length > 1) return token.replace("[!", "[^").replace(/\\/g, "\\\\");
    return token.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "su");
}

function isHidden(name: string): boolean {
  return name.startsWith("_") || name.startsWith(".");
}

function partitionsOf(path: string): ReadonlyMap<string, string | null> {
  const partitions = new Map<string, string | null>();
  for (const folder of path.split(sep).slice(0, -1)) {
    const at = folder.indexOf("=");
    if (at <= 0) continue;
    const value = folder.slice(at + 1);
    partitions.set(unescaped(folder.slice(0, at)), value === HIVE_NULL ? null : unescaped(value));
  }
  return partitions;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
