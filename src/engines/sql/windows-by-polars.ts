import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeWindows } from "../polars/window-frames.js";
import type { PolarsPlan } from "./plan.js";
import type { SqlSession } from "./session.js";
import { makeSpillFolder, spillFolder } from "./spill-folder.js";
import { text } from "./text.js";

/** Dictionaries would take −0 and +0 for one value. */
const HANDED_OVER = "FORMAT parquet, DICTIONARY_SIZE_LIMIT 0";

/** Hands the rows and their history to Polars, and the `SELECT` of what it made to `take`; the files are gone then. */
export async function withWindows(
  { queries, history, work }: PolarsPlan,
  session: SqlSession,
  take: (made: string) => Promise<void>,
): Promise<void> {
  const folder = spillFolder(session.temporary ?? tmpdir());
  const files = { folder, queries: join(folder, "queries.parquet"), history: join(folder, "history.parquet") };
  try {
    makeSpillFolder(folder);
    for (const [sql, file] of [
      [queries, files.queries],
      [history, files.history],
    ] as const)
      await session.run(`COPY (${sql}) TO ${text(file)} (${HANDED_OVER})`);
    const made = await makeWindows(work, files);
    await take(`SELECT row AS kid, * EXCLUDE (row) FROM read_parquet([${made.map(text).join(", ")}])`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
