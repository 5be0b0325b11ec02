import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { type ReadProject, type ReadProjectOptions, readProject } from "#daedalus/definitions/read-project.js";

/** A small project without a mistake: what the wrong ones are made of. */
export const RIGHT: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: shop\n",
  "config/base.yaml": `entities: {user: user_id, item: item_id}
constants: {longest: 32}
connections:
  lake: {type: s3, region: eu}
  db: {type: postgres, host: h, database: d, user: u, password: "\${PG_PASSWORD}"}
`,
  "feature_views/feed.yaml": `name: feed
entity: [user, item]
source: {path: data/feed, timestamp_field: at, timestamp_unit: ms}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: event, dtype: TEXT}
`,
  "feature_views/items.yaml": `name: items
entity: item
ttl: 90d
source: {path: data/items, timestamp_field: at, timestamp_unit: ms, available_field: known_at}
field_mapping: {id: item_id}
fields:
  - {name: price, dtype: DOUBLE}
  - {name: tags, dtype: "TEXT[]"}
`,
  "feature_services/ranking.yaml": `name: ranking
version: "1"
spine: feed
columns:
  - {name: user_id, kind: key, dtype: BIGINT}
  - {name: price, kind: static, dtype: DOUBLE, default: 0.5, nullable: false}
  - {name: bought_7d, kind: rolling, dtype: "BIGINT[]"}
`,
  "config/training/aggregations.yaml": `aggregation_specs:
  - {name: bought, agg: list, source_column: item_id, events: [buy], windows: [7d], partition_by: user_id, max_length: 5}
embedding_stores:
  item: {uri: data/e.lance, key: item_id, vector: v, dim: 4}
enrichment_specs:
  - {name: picture, store: item, ids: item_id}
`,
  "config/training/runtime.yaml": `feed_start: "202601"
feed_end: "202603"
feature_refs: [items]
spine: {event: event, session: session}
lookups:
  - {name: last_price, view: items, value: price}
`,
};

/** Writes the files (a text of undefined: no such file), reads them as a project, and removes them. */
export async function reading(
  files: Readonly<Record<string, string | Uint8Array | undefined>>,
  options: ReadProjectOptions = {},
): Promise<ReadProject> {
  const directory = await mkdtemp(join(tmpdir(), "daedalus-definitions-"));
  try {
    for (const [file, text] of Object.entries(files)) {
      if (text === undefined) continue;
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await writeFile(join(directory, file), text);
    }
    return await readProject(directory, { environment: {}, ...options });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The right project with some files changed: `[what stands there, what stands there instead]`. */
export function changed(changes: Readonly<Record<string, Change>>): Record<string, string | undefined> {
  const files: Record<string, string | undefined> = { ...RIGHT };
  for (const [file, change] of Object.entries(changes)) {
    if (change === undefined || typeof change === "string") {
      files[file] = change;
      continue;
    }
    const [from, to] = change;
    const text = RIGHT[file] ?? "";
    if (text.split(from).length !== 2) throw new Error(`"${from}" does not stand once in ${file}`);
    files[file] = text.replace(from, () => to);
  }
  return files;
}

export type Change = string | undefined | readonly [from: string, to: string];

/** One wrong project: `«…»` surrounds what the problem marks (an empty pair: only where it starts). */
export interface WrongRow {
  readonly says: string;
  readonly change: readonly [from: string, to: string] | string;
  readonly code: string;
  readonly suggestion?: string;
  /** Changes of other files that make the mistake possible. */
  readonly with?: Readonly<Record<string, Change>>;
  readonly environment?: Record<string, string>;
}

/** Each row's project has exactly one problem: at the mark, of this code, with this suggestion. */
export function refuses(file: string, rows: readonly WrongRow[]): void {
  test.each(rows)("$says: $code", async (row) => {
    const files = changed({ ...row.with, [file]: row.change });
    const marked = files[file] ?? "";
    const start = marked.indexOf("«");
    const before = marked.slice(0, start).split("\n");
    const length = marked.indexOf("»") - start - 1;
    files[file] = marked.replace("«", "").replace("»", "");
    const { problems } = await reading(files, { environment: row.environment ?? {} });
    expect(start, "the row has a mark").toBeGreaterThanOrEqual(0);
    expect(problems.map(({ code, says }) => `${code}: ${says}`)).toEqual([
      expect.stringMatching(`^definition/${row.code}: `),
    ]);
    const [problem] = problems;
    expect({ file: problem?.file, line: problem?.line, column: problem?.column }).toEqual({
      file,
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
    });
    expect(problem?.suggestion).toBe(row.suggestion);
    expect(problem?.help ?? problem?.suggestion, "it says what to do").toBeTruthy();
    const text = files[file]?.split("\n")[before.length - 1];
    expect(problem?.excerpt?.text.length).toBe(text?.length);
    if (length > 0) expect(problem?.excerpt?.length).toBe(length);
  });
}
