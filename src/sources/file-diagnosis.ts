import { JsonFields, JsonSyntaxError, type JsonValueText } from "../engines/sql/json-text.js";
import type { SqlSession } from "../engines/sql/session.js";
import type { Place } from "../errors/catalogue.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { sourceProblem } from "../errors/source.js";
import { relationsOf } from "./file-relations.js";
import { type DataFile, reasonOf, refreshed } from "./listing.js";
import { footerOf } from "./parquet-footer.js";
import type { Misfit } from "./raw-relation.js";
import { bytesOf, csvHeader } from "./text-files.js";

/** Why the file cannot be read, whatever its values are; undefined if it can. Reads all of it. */
export async function misreadFile(
  session: SqlSession,
  file: DataFile,
  sources: readonly string[],
  directory: string,
): Promise<Problem | undefined> {
  if (!refreshed(file)) return sourceProblem("file-vanished", {}, { file: file.shown });
  try {
    if (file.format === "parquet") await footerOf(session, file);
    if (file.format === "csv") await csvHeader(file);
    if (file.format === "ndjson") {
      const problem = await invalidJson(file);
      if (problem) return problem;
    }
  } catch (error) {
    if (error instanceof DaedalusError) return error.problems[0];
    return unreadableProblem(file, error);
  }
  for (const relation of await relationsOf(session, [file], sources, { alone: true, directory })) {
    const held = sources.filter((source) => relation.typeOf(source) !== undefined);
    const hashes = held.map((_, index) => `max(hash(c${index}))`).join(", ") || "count(*)";
    try {
      await session.query(`SELECT ${hashes} FROM (${relation.select(held, false)})`);
    } catch (error) {
      return file.format === "csv" ? invalidCsv(file, error) : unreadableProblem(file, error);
    }
  }
  return undefined;
}

function unreadableProblem(file: DataFile, error: unknown): Problem {
  return sourceProblem("unreadable-file", { reason: reasonOf(error) }, { file: file.shown });
}

function invalidCsv(file: DataFile, error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  if (line === undefined) return unreadableProblem(file, error);
  const facts = message
    .split("\n")
    .filter((part) => /^(Expected|Value with|Invalid unicode|Maximum line size)/.test(part));
  return sourceProblem(
    "invalid-csv",
    { reason: facts[0] ?? reasonOf(error) },
    { file: file.shown, line: Number(line) },
  );
}

async function invalidJson(file: DataFile): Promise<Problem | undefined> {
  const fields = new JsonFields([]);
  const nothing: JsonValueText[] = [];
  for await (const { line, bytes } of linesOf(file)) {
    try {
      fields.read(bytes, nothing, 0);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      return sourceProblem(
        "invalid-json",
        { reason: error.reason },
        { file: file.shown, line, column: error.offset + 1 },
      );
    }
  }
  return undefined;
}

/** The lines of an NDJSON file that hold something, numbered from 1 as an editor does. */
async function* linesOf(file: DataFile): AsyncGenerator<{ readonly line: number; readonly bytes: Uint8Array }> {
  let rest = Buffer.alloc(0);
  let line = 0;
  for await (const chunk of bytesOf(file)) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a)) {
      line++;
      if (!isBlank(bytes.subarray(0, end))) yield { line, bytes: bytes.subarray(0, end) };
      bytes = bytes.subarray(end + 1);
    }
    rest = Buffer.from(bytes);
  }
  if (!isBlank(rest)) yield { line: line + 1, bytes: rest };
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((c) => c === 0x20 || c === 0x09 || c === 0x0d);
}

/** Where a row (from 0) stands, as a reader finds it: the line of an NDJSON file, else the number of the row from 1. */
export async function rowPlace(
  file: DataFile,
  row: bigint,
): Promise<{ readonly where: string; readonly place: Place }> {
  if (file.format === "ndjson") {
    let at = 0n;
    for await (const { line } of linesOf(file)) {
      if (at === row) return { where: `line ${line}`, place: { file: file.shown, line } };
      at++;
    }
  }
  const where = file.format === "csv" ? `record ${row + 1n} (the header not counted)` : `row ${row + 1n}`;
  return { where, place: { file: file.shown } };
}

export async function misfitProblem(misfit: Misfit, files: readonly DataFile[]): Promise<Problem> {
  const file = files.find(({ shown }) => shown === misfit.file);
  const { where, place } = file
    ? await rowPlace(file, misfit.row)
    : { where: `row ${misfit.row + 1n}`, place: { file: misfit.file } };
  const { column, dtype, value } = misfit;
  return sourceProblem("value-does-not-fit", { column, dtype, value, where }, place);
}
