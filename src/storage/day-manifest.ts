import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline as streamInto } from "node:stream/promises";
import type { DType } from "../columnar/dtypes.js";
import type { FileIdentity } from "../sources/source.js";

/** What lies in the manifest beside a day's parts. */
export const MANIFEST_FILE = "_manifest.json";
/** Version of what is written: part layout, parquet options, manifest. A change makes every day stale. */
export const OUTPUT_FORMAT = 1;

/** Statistics of one output column; the same shape as an engine gives them. */
export interface ManifestColumn {
  readonly name: string;
  readonly dtype: DType;
  readonly nulls: number;
  readonly min?: string;
  readonly max?: string;
  readonly distinct?: number;
  readonly lengths?: { readonly min: number; readonly max: number; readonly mean: number };
}

export interface ManifestPart {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** The rows of a view that a day could see: files, by the view and the time column that bounds them; or an embedding store. */
export interface ManifestInput {
  readonly view?: string;
  /** In the place of a view. */
  readonly store?: string;
  /** The source's column that bounds it to instants before the day's end; absent: all of the source. */
  readonly time?: string;
  readonly files: readonly FileIdentity[];
}

/** What a day was made from; the fingerprint is the hash of it. */
export interface ManifestInputs {
  /** SHA-256 of each part of the resolved definition, by its name (`rolling like_ids`, `source of view users`). */
  readonly definition: Readonly<Record<string, string>>;
  /** In the fingerprint: a change makes the day stale. */
  readonly bounded: readonly ManifestInput[];
  /** Not in it: a change makes the day outdated. */
  readonly unbounded: readonly ManifestInput[];
  /** What the embedding columns of a complete day were taken from; a change makes the day outdated. */
  readonly stores?: readonly ManifestInput[];
}

/** `_manifest.json`. The same bytes for the same inputs, apart from `run`. */
export interface DayManifest {
  readonly format: number;
  readonly service: string;
  readonly version: string;
  readonly day: string;
  readonly state: "skeleton" | "complete";
  readonly stages: readonly string[];
  readonly rows: number;
  readonly schema: readonly { readonly name: string; readonly dtype: DType }[];
  readonly parts: readonly ManifestPart[];
  readonly columns: readonly ManifestColumn[];
  /** Rows of the day before any filter. */
  readonly target_rows: number;
  /** Rows dropped, by filter. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly written: number;
  readonly fingerprint: string;
  readonly inputs: ManifestInputs;
  readonly versions: Readonly<Record<string, string>>;
  readonly run: ManifestRun;
}

/** What differs from run to run. */
export interface ManifestRun {
  readonly id: string;
  readonly host: string;
  readonly started: string;
  readonly seconds: number;
  /** Rows that were read for this day, by scan; what serves several days of a run is told with the first of them. */
  readonly scanned: Readonly<Record<string, number>>;
  /** Seconds by stage, likewise. */
  readonly stages: Readonly<Record<string, number>>;
  readonly threads?: string;
  /** Modification time of each part in nanoseconds: while it (and the size) stands, the checksum need not be taken again. */
  readonly modified: Readonly<Record<string, string>>;
}

/** Why a folder is not a day that can be relied on. */
export class DamagedDay extends Error {
  override readonly name = "DamagedDay";
}

/** Size and SHA-256 of the file. */
export async function checksum(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  await streamInto(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest("hex") };
}

/** When the parts in the folder were last written, for `run.modified`. */
export async function modificationTimes(
  folder: string,
  names: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const times: Record<string, string> = {};
  for (const name of names) times[name] = String((await stat(join(folder, name), { bigint: true })).mtimeNs);
  return times;
}

export async function writeManifest(folder: string, manifest: DayManifest): Promise<void> {
  await writeFile(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The manifest of a day's folder, after its parts have been compared with it (size always; the checksum where the file has
 * been written since). Undefined if there is no such folder; throws `DamagedDay` telling what is wrong with it.
 */
export async function readDay(folder: string): Promise<DayManifest | undefined> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new DamagedDay(`it cannot be listed (${error.code})`);
  });
  if (names === undefined) return undefined;
  const manifest = await readManifest(folder);
  const parts = new Set(manifest.parts.map((part) => part.name));
  const foreign = names.find((name) => !parts.has(name) && !/^[_.]/.test(name));
  if (foreign !== undefined) throw new DamagedDay(`${foreign} is not in its manifest`);
  for (const part of manifest.parts) await verifyPart(folder, part, manifest.run.modified[part.name]);
  return manifest;
}

/** The manifest alone. Throws `DamagedDay`. */
export async function readManifest(folder: string): Promise<DayManifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new DamagedDay(
      error.code === "ENOENT" ? "it has no manifest" : `its manifest cannot be read (${error.code})`,
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedDay("its manifest is damaged (no JSON)");
  }
  const missing = missingKey(value);
  if (missing !== undefined) throw new DamagedDay(`its manifest is damaged (${missing} is missing or of another type)`);
  return value as DayManifest;
}

async function verifyPart(folder: string, part: ManifestPart, modified: string | undefined): Promise<void> {
  const path = join(folder, part.name);
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) throw new DamagedDay(`${part.name} is missing`);
  if (found.size !== BigInt(part.bytes))
    throw new DamagedDay(`${part.name} has ${found.size} bytes, its manifest says ${part.bytes}`);
  if (String(found.mtimeNs) === modified) return;
  if ((await checksum(path)).sha256 !== part.sha256)
    throw new DamagedDay(`${part.name} has another checksum than its manifest says`);
}

const KEYS: Readonly<Record<Exclude<keyof DayManifest, "format">, string>> = {
  service: "string",
  version: "string",
  day: "string",
  state: "string",
  stages: "array",
  rows: "number",
  schema: "array",
  parts: "array",
  columns: "array",
  target_rows: "number",
  dropped: "object",
  written: "number",
  fingerprint: "string",
  inputs: "object",
  versions: "object",
  run: "object",
};

function missingKey(value: unknown): string | undefined {
  if (kindOf(value) !== "object") return "everything";
  const entries = new Map(Object.entries(value as object));
  for (const [key, kind] of Object.entries(KEYS)) if (kindOf(entries.get(key)) !== kind) return key;
  const inputs = new Map(Object.entries(entries.get("inputs") as object));
  for (const [key, kind] of [
    ["definition", "object"],
    ["bounded", "array"],
    ["unbounded", "array"],
  ] as const)
    if (kindOf(inputs.get(key)) !== kind) return `inputs.${key}`;
  if (kindOf(new Map(Object.entries(entries.get("run") as object)).get("modified")) !== "object") return "run.modified";
  for (const part of entries.get("parts") as readonly unknown[]) {
    const fields = new Map(Object.entries(kindOf(part) === "object" ? (part as object) : {}));
    const sound =
      typeof fields.get("name") === "string" &&
      typeof fields.get("bytes") === "number" &&
      typeof fields.get("sha256") === "string";
    if (!sound) return "parts[]";
  }
  return undefined;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}
