import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { stringify } from "yaml";

/** A folder with a run, gone when the work is done. */
export async function inRunFolder<Result>(
  run: unknown,
  work: (folder: string, file: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "daedalus-features-"));
  try {
    const file = join(folder, "features.yaml");
    writeFileSync(file, typeof run === "string" ? run : stringify(run));
    return await work(folder, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export type Row = Readonly<Record<string, unknown>>;

/** The answer of DuckDB, which is not ours. */
export async function ask(sql: string): Promise<readonly Row[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return (await connection.runAndReadAll(sql)).getRowObjectsJS();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Cells of a table; times are microseconds. */
export interface Bar {
  readonly symbol: string;
  readonly time: number;
  readonly cells: readonly (number | null)[];
}

/** Writes rows as a Parquet file of symbol, event_time, and columns of doubles. */
export async function writeBars(path: string, columns: readonly string[], rows: readonly Bar[]): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const lines = rows.map(({ symbol, time, cells }) =>
    [symbol, time, ...cells.map((cell) => (cell === null ? "" : Object.is(cell, -0) ? "-0" : String(cell)))].join(","),
  );
  const csv = `${path}.made.csv`;
  writeFileSync(csv, `${["symbol", "t", ...columns].join(",")}\n${lines.join("\n")}\n`);
  const types = Object.entries({
    symbol: "VARCHAR",
    t: "BIGINT",
    ...Object.fromEntries(columns.map((c) => [c, "DOUBLE"])),
  });
  const spelled = types.map(([name, type]) => `'${name}': '${type}'`).join(", ");
  await ask(
    `COPY (SELECT symbol, make_timestamp(t) AS event_time, ${columns.join(", ")}
     FROM read_csv('${csv}', header = true, columns = {${spelled}}, nullstr = '')) TO '${path}' (FORMAT parquet)`,
  );
  rmSync(csv);
}
