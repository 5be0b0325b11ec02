import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CompiledService, compileOpened } from "#daedalus/app/compile-service.js";
import { readDefinitions } from "#daedalus/app/project.js";
import { DaedalusError, type Problem } from "#daedalus/errors/problem.js";

/** Two days of clicks in a CSV file, and users. Files by path; tests change single lines. */
const TINY: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: tiny\n",
  "feature_views/feed.yaml": `name: feed
entity: user
source: {path: feed.csv, timestamp_field: ts, timestamp_unit: s}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: ts, dtype: BIGINT}
  - {name: event, dtype: TEXT}
  - {name: session, dtype: TEXT}
  - {name: price, dtype: DOUBLE}
`,
  "feature_views/users.yaml": `name: users
entity: user
source: {path: users.csv, timestamp_field: at}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: at, dtype: TIMESTAMP}
  - {name: score, dtype: DOUBLE}
  - {name: born, dtype: DATE}
`,
  "feature_services/rank.yaml": `name: rank
version: "1"
spine: feed
columns:
  - {name: user_id, kind: key, dtype: BIGINT}
  - {name: ts, kind: spine, dtype: BIGINT}
  - {name: event, kind: spine, dtype: TEXT}
  - {name: price, kind: spine, dtype: DOUBLE}
  - {name: score, kind: static, dtype: DOUBLE}
  - {name: qid, kind: derived, dtype: BIGINT}
  - {name: clicks_7d, kind: rolling, dtype: BIGINT}
`,
  "config/training/aggregations.yaml": `aggregation_specs:
  - {name: clicks, agg: count, windows: [7d], partition_by: user_id}
`,
  "config/training/runtime.yaml": `feed_start: "202401"
feed_end: "202401"
feature_refs: [users]
spine: {event: event, session: session}
`,
  "feed.csv": `user_id,ts,event,session,price
1,1704067200,view,a,1.5
1,1704070800,like,a,
2,1704153600,view,b,2.5
1,1704157200,like,b,3.5
`,
  "users.csv": "user_id,at,score,born\n1,2023-12-01T00:00:00,0.5,2000-01-01\n2,2023-12-02T00:00:00,0.25,\n",
};

export const FEED = "feature_views/feed.yaml";
export const USERS = "feature_views/users.yaml";
export const SERVICE = "feature_services/rank.yaml";
export const SPECS = "config/training/aggregations.yaml";
export const RUNTIME = "config/training/runtime.yaml";

export class TinyProject {
  readonly directory = mkdtempSync(join(tmpdir(), "daedalus-tiny-"));

  constructor() {
    for (const [path, text] of Object.entries(TINY)) this.write(path, text);
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(path: string, text: string | Uint8Array): this {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
    return this;
  }

  /** A change that changes nothing is a mistake of the test. */
  change(path: string, from: string | RegExp, to: string): this {
    const before = readFileSync(this.path(path), "utf8");
    const after = before.replace(from, () => to);
    if (after === before) throw new Error(`the edit of ${path} changes nothing: ${from}`);
    return this.write(path, after);
  }

  add(path: string, text: string): this {
    return this.write(path, `${readFileSync(this.path(path), "utf8")}${text}`);
  }

  remove(path: string): this {
    rmSync(this.path(path), { recursive: true });
    return this;
  }

  async compile(): Promise<CompiledService> {
    return compileOpened(await readDefinitions(this.directory), "rank");
  }

  /** What compiling refuses; nothing if it refuses nothing. */
  async problems(): Promise<readonly Problem[]> {
    return problemsOf(() => this.compile());
  }

  /** `code file:line:column`, as they are told. */
  async codes(): Promise<readonly string[]> {
    return (await this.problems()).map(({ code, file, line, column }) =>
      file === undefined ? code : [`${code} ${file}`, line, column].filter((part) => part !== undefined).join(":"),
    );
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The problems that a call throws, each with the exit code. */
export async function problemsOf(
  call: () => Promise<unknown>,
): Promise<readonly (Problem & { readonly exitCode: number })[]> {
  try {
    await call();
    return [];
  } catch (error) {
    if (error instanceof DaedalusError)
      return error.problems.map((problem) => ({ ...problem, exitCode: error.exitCode }));
    throw error;
  }
}
