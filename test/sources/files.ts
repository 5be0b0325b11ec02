import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DType } from "#daedalus/columnar/dtypes.js";
import type { FeatureView, ViewSource } from "#daedalus/definitions/feature-view.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { DaedalusError, type Problem } from "#daedalus/errors/problem.js";
import { openSource } from "#daedalus/sources/open-source.js";
import type { ScanRequest, Source, SourceTime } from "#daedalus/sources/source.js";

/** A project folder with real files, and a session to read them with. */
export class Project {
  readonly directory = mkdtempSync(join(tmpdir(), "daedalus-sources-"));
  private constructor(readonly session: SqlSession) {}

  static async open(): Promise<Project> {
    return new Project(await SqlSession.open());
  }

  close(): void {
    this.session.close();
    chmodSync(this.directory, 0o755);
    rmSync(this.directory, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  text(name: string, content: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  async parquet(name: string, sql: string, options = ""): Promise<void> {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    await this.session.run(`COPY (${sql}) TO '${this.path(name)}' (FORMAT parquet${options})`);
  }

  view(source: ViewSource, fields: Readonly<Record<string, DType>> = {}): FeatureView {
    return {
      name: "events",
      entity: ["user"],
      source,
      fieldMapping: {},
      fields: Object.entries(fields).map(([name, dtype]) => ({ name, dtype })),
    };
  }

  source(source: string | ViewSource, fields: Readonly<Record<string, DType>> = {}): Source {
    const where = typeof source === "string" ? { path: source } : source;
    return openSource({ directory: this.directory, connections: {} }, this.view(where, fields), this.session);
  }

  /** The values of one column read as a dtype, in the order of the files. */
  async read(path: string, column: string, dtype: DType): Promise<readonly unknown[]> {
    const { sql } = await this.source(path).scan(columns({ [column]: dtype }));
    const rows = await this.session.query(`SELECT * FROM (${sql})`);
    return rows.map((row) => row[column]);
  }

  /** As DuckDB writes the values: exact for every type. */
  async readText(path: string, column: string, dtype: DType): Promise<readonly unknown[]> {
    const { sql } = await this.source(path).scan(columns({ [column]: dtype }));
    const rows = await this.session.query(
      `SELECT CAST("${column}" AS VARCHAR) AS v, typeof("${column}") AS t FROM (${sql})`,
    );
    return rows.map((row) => row["v"]);
  }

  /** What is told after the query failed; fails if it does not fail. */
  async misfit(path: string, column: string, dtype: DType): Promise<Problem> {
    const source = this.source(path);
    return await failing(this.session, source, columns({ [column]: dtype }));
  }

  async ticks(source: Source, time: SourceTime): Promise<readonly unknown[]> {
    const { sql } = await source.scan({ columns: [], instants: [{ name: "t", ...time }] });
    return (await this.session.query(`SELECT t FROM (${sql})`)).map((row) => row["t"]);
  }
}

export function columns(asked: Readonly<Record<string, DType>>): ScanRequest {
  return {
    columns: Object.entries(asked).map(([name, dtype]) => ({ name, source: name, dtype })),
    instants: [],
  };
}

export async function failing(session: SqlSession, source: Source, request: ScanRequest): Promise<Problem> {
  const { sql } = await source.scan(request);
  let failed = false;
  try {
    await session.query(`SELECT * FROM (${sql})`);
  } catch {
    failed = true;
  }
  if (!failed) throw new Error(`the query did not fail: ${sql}`);
  const problem = await source.diagnose(request);
  if (!problem) throw new Error("the failure was not diagnosed");
  return problem;
}

export async function refusal(action: () => Promise<unknown> | unknown): Promise<Problem & { exitCode: number }> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof DaedalusError)) throw error;
    const [problem] = error.problems;
    if (problem) return { ...problem, exitCode: error.exitCode };
  }
  throw new Error("nothing was refused");
}

export const micros = (iso: string) => BigInt(Date.parse(iso)) * 1000n;
