import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { DaedalusError } from "../errors/problem.js";
import { sourceProblem } from "../errors/source.js";
import { type DataFile, reasonOf } from "./listing.js";
import { versionOf } from "./parquet-footer.js";

const headers = new Map<string, readonly string[]>();
const LONGEST_HEADER = 16 * 1024 * 1024;

/**
 * The column names of a CSV file's header line, "" for one without a name; none for a file without a byte. Reads no further
 * than the line.
 * Throws DaedalusError `source/no-header`, `source/duplicate-column`, `source/unreadable-file`.
 */
export async function csvHeader(file: DataFile): Promise<readonly string[]> {
  const version = versionOf(file);
  const known = headers.get(version);
  if (known) return known;
  const names = parseHeader(await firstRecord(file), file);
  headers.set(version, names);
  return names;
}

async function firstRecord(file: DataFile): Promise<string> {
  let bytes = Buffer.alloc(0);
  try {
    for await (const chunk of bytesOf(file)) {
      bytes = Buffer.concat([bytes, chunk]);
      const end = recordEnd(bytes);
      const reason = noText(bytes.subarray(0, end));
      if (reason !== undefined) throw new Error(reason);
      if (end !== undefined) return bytes.toString("utf8", 0, end);
      if (bytes.length > LONGEST_HEADER) throw new Error(`the header line is longer than ${LONGEST_HEADER} bytes`);
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  return bytes.toString("utf8");
}

/** Why bytes that should begin a text do not; undefined if they may. */
function noText(bytes: Buffer): string | undefined {
  const [first, second] = bytes;
  if (first === 0x1f && second === 0x8b) return "it is packed with gzip, so its name must end in .gz";
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return "it is text in UTF-16; it must be UTF-8";
  return bytes.includes(0) ? "it is no text: its header line has the byte NUL" : undefined;
}

const unpacked = new Set<string>();
const AT_A_TIME = 4;

/**
 * Unpacks packed files to their ends, once each: of one that ends too early DuckDB gives the rows that there are, and says
 * nothing. Throws DaedalusError `source/unreadable-file`.
 */
export async function checkPacked(files: readonly DataFile[]): Promise<void> {
  const unknown = files.filter((file) => isPacked(file) && file.size > 0 && !unpacked.has(versionOf(file)));
  const check = async (): Promise<void> => {
    for (let file = unknown.pop(); file !== undefined; file = unknown.pop()) {
      try {
        for await (const _ of bytesOf(file));
      } catch (error) {
        throw unreadable(file, error);
      }
      unpacked.add(versionOf(file));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, check));
}

function isPacked({ path }: DataFile): boolean {
  return path.toLowerCase().endsWith(".gz");
}

/** The file's bytes in pieces, unpacked. */
export async function* bytesOf(file: DataFile): AsyncGenerator<Buffer> {
  const raw = createReadStream(file.path, { highWaterMark: 256 * 1024 });
  if (!isPacked(file)) {
    yield* raw;
    return;
  }
  const unpacked = createGunzip();
  raw.on("error", (error) => unpacked.destroy(error));
  try {
    yield* raw.pipe(unpacked);
  } finally {
    raw.destroy();
  }
}

export function unreadable(file: DataFile, error: unknown): DaedalusError {
  return new DaedalusError([sourceProblem("unreadable-file", { reason: reasonOf(error) }, { file: file.shown })], 1, {
    cause: error,
  });
}

/** Where the first record ends: a line break outside quotes. */
function recordEnd(bytes: Buffer): number | undefined {
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const c = bytes[at];
    if (c === 0x22) quoted = !quoted;
    else if (!quoted && (c === 0x0a || c === 0x0d)) return at;
  }
  return undefined;
}

function parseHeader(record: string, file: DataFile): readonly string[] {
  const line = record.replace(/^\ufeff/, "");
  if (line === "" && file.size === 0) return [];
  const names: string[] = [];
  const field = /("(?:[^"]|"")*"|[^",]*)(,|$)/gy;
  for (;;) {
    const match = field.exec(line);
    if (!match) throw new DaedalusError([sourceProblem("no-header", {}, { file: file.shown, line: 1 })], 2);
    const written = match[1] ?? "";
    names.push(written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written);
    if (match[2] === "") break;
  }
  // pandas writes its row numbers under no name, and a comma at the end makes another such column.
  const twice = names.find((name, index) => name !== "" && names.indexOf(name) < index);
  if (twice !== undefined)
    throw new DaedalusError([sourceProblem("duplicate-column", { column: twice }, { file: file.shown, line: 1 })], 2);
  return names;
}
