import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SqlSession } from "../../engines/sql/session.js";
import { text } from "../../engines/sql/text.js";
import { makeFolders } from "../../runs/durable.js";
import { type DemoSize, demoDays, populationMacros, populationOf } from "./demo-size.js";
import { drawMacros } from "./draws.js";
import { feedOfDay } from "./feed.js";
import { viewTables } from "./views.js";

/** Part of the mark below: raised when the generator changes, so that data of an older version are made anew. */
const GENERATOR_VERSION = 2;

/**
 * Writes `data/**` of examples/artworks: one Parquet file for each day of the feed and for each other table, in memory that does
 * not grow with the size. Each file appears whole. Files that an earlier call with the same size and seed left are kept
 * untouched, so that days trained from them stay up to date and a call that was stopped goes on.
 */
export async function writeDemoData(directory: string, size: DemoSize): Promise<void> {
  const data = join(directory, "data");
  const population = populationOf(size);
  const tables: readonly (readonly [file: string, sql: string])[] = [
    ...demoDays(size.days).map((date, day): [string, string] => [
      `feed/dt=${date}/part-0.parquet`,
      feedOfDay(size, population, day),
    ]),
    ...viewTables(population),
  ];
  await forgetOtherSizes(data, size, tables);
  const missing: (readonly [path: string, sql: string])[] = [];
  for (const [file, sql] of tables) if (!existsSync(join(data, file))) missing.push([join(data, file), sql]);
  if (missing.length === 0) return;
  const spill = join(data, "_spill");
  const session = await SqlSession.open({ threads: "2", memory_limit: "1GB", temp_directory: spill });
  try {
    await session.run([drawMacros(size.seed), populationMacros(population)].join(";"));
    for (const [path, sql] of missing) await write(session, path, sql);
  } finally {
    session.close();
    await rm(spill, { recursive: true, force: true });
  }
}

/** A mark says what the data are; what was made for another size, seed or version goes before the mark is changed. */
async function forgetOtherSizes(
  data: string,
  size: DemoSize,
  tables: readonly (readonly [file: string, sql: string])[],
) {
  const mark = join(data, "_generated.json");
  const wanted = `${JSON.stringify({ ...size, version: GENERATOR_VERSION })}\n`;
  if ((await readFile(mark, "utf8").catch(() => undefined)) === wanted) return;
  await makeFolders(data);
  for (const name of new Set(tables.map(([file]) => file.split("/")[0] ?? file)))
    await rm(join(data, name), { recursive: true, force: true });
  await writeFile(`${mark}.tmp`, wanted);
  await rename(`${mark}.tmp`, mark);
}

async function write(session: SqlSession, path: string, sql: string): Promise<void> {
  await makeFolders(dirname(path));
  await session.run(`COPY (${sql}) TO ${text(`${path}.tmp`)} (FORMAT parquet, COMPRESSION zstd)`);
  await rename(`${path}.tmp`, path);
}
