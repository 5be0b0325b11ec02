import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compile } from "#daedalus/compiler/compile/compile.js";
import { resolveService } from "#daedalus/compiler/resolve/resolve-service.js";
import type { ResolvedService } from "#daedalus/compiler/resolve/resolved-service.js";
import { readProject } from "#daedalus/definitions/read-project.js";
import { openPredicateAnalyzer } from "#daedalus/engines/sql/predicate-analyzer.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import type { Problem } from "#daedalus/errors/problem.js";
import type { Pipeline } from "#daedalus/operators/pipeline.js";
import { openSource } from "#daedalus/sources/open-source.js";

/** A small shop: impressions of items, with views of items and users. Files by path; tests change single lines. */
export const SHOP: Readonly<Record<string, string>> = {
  "daedalus.yaml": "name: shop\n",
  "feature_views/feed.yaml": `name: feed
entity: [user, item]
source: {path: feed.parquet, timestamp_field: ts, timestamp_unit: ms}
fields:
  - {name: user_id, dtype: BIGINT}
  - {name: item_id, dtype: BIGINT}
  - {name: ts, dtype: BIGINT}
  - {name: event, dtype: TEXT}
  - {name: session, dtype: TEXT}
  - {name: device, dtype: INTEGER}
  - {name: price, dtype: DOUBLE}
`,
  "feature_views/items.yaml": `name: items
entity: item
ttl: 90d
source: {path: items.parquet, timestamp_field: updated_at, timestamp_unit: ms, available_field: ingested_at}
field_mapping: {id: item_id}
fields:
  - {name: author_id, dtype: BIGINT}
  - {name: kind, dtype: TEXT}
  - {name: created_at, dtype: BIGINT}
  - {name: tags, dtype: "BIGINT[]"}
`,
  "feature_views/users.yaml": `name: users
entity: user
source: {path: users.parquet, timestamp_field: updated_at}
fields:
  - {name: score, dtype: DOUBLE}
  - {name: joined, dtype: DATE}
`,
  "feature_services/rank.yaml": `name: rank
version: "1"
spine: feed
columns:
  - {name: user_id, kind: key, dtype: BIGINT}
  - {name: item_id, kind: key, dtype: BIGINT}
  - {name: ts, kind: spine, dtype: TIMESTAMP}
  - {name: device, kind: spine, dtype: INTEGER, default: 0, nullable: false}
  - {name: author_id, kind: static, dtype: BIGINT}
  - {name: score, kind: static, dtype: FLOAT}
  - {name: age, kind: derived, dtype: DOUBLE}
  - {name: qid, kind: derived, dtype: BIGINT}
  - {name: likes_1d, kind: rolling, dtype: "BIGINT[]"}
  - {name: tags_7d, kind: rolling, dtype: "BIGINT[]"}
  - {name: published_30d, kind: rolling, dtype: BIGINT}
  - {name: recent, kind: lookup, dtype: "BIGINT[]"}
`,
  "config/training/aggregations.yaml": `aggregation_specs:
  - {name: likes, agg: list, source_column: author_id, events: [like], windows: [1d, 7d], partition_by: user_id, exclude_self: true}
  - {name: tags, agg: list, source_column: tags, windows: [7d], partition_by: user_id, flatten_distinct: true}
  - {name: published, agg: count, view: items, match: {author_id: user_id}, windows: [30d]}
`,
  "config/training/runtime.yaml": `feed_start: "202401"
feed_end: "202402"
feature_refs: [users, {view: items, as_of: event}]
spine: {event: event, session: session}
session_filter: {view_events: [view], drop_view_only: true}
lookups:
  - {name: recent, view: items, match: {author_id: user_id}, value: item_id, collect: true, window: 30d, timestamp: created_at, where: "kind <> 'x'"}
age_columns:
  - {name: age, created: created_at, unit: d}
curation:
  - {column: kind, value: new, where: "kind = 'old'"}
content_filter:
  - {drop_where: "kind = 'bad'"}
retriever_remap: {column: device, map: {1: 2}, otherwise: 0}
`,
};

const TABLES: Readonly<Record<string, string>> = {
  feed:
    "1::BIGINT user_id, 1::BIGINT item_id, 1::BIGINT ts, 'view' AS event, 's' AS session, 1::INTEGER device, 1.0::DOUBLE price, " +
    "'x' AS word, 1::INTEGER seconds, [1]::BIGINT[] numbers",
  items:
    "1::BIGINT id, 1::BIGINT author_id, 'x' AS kind, 1::BIGINT created_at, [1]::BIGINT[] tags, 1::BIGINT updated_at, 1::BIGINT ingested_at, " +
    "TIMESTAMP '2024-01-01' AS stamp, DATE '2024-01-01' AS day, 1::HUGEINT wide, INTERVAL 1 DAY AS span",
  users: "1::BIGINT user_id, 1.0::DOUBLE score, DATE '2024-01-01' AS joined, TIMESTAMP '2024-01-01' AS updated_at",
};

export interface Compiled {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly service?: ResolvedService;
  readonly pipeline?: Pipeline;
}

export type Edit = readonly [file: string, from: string | RegExp, to: string];

/** Compiles projects over one folder with data; `close` when done. */
export async function openWorkshop() {
  const root = mkdtempSync(join(tmpdir(), "daedalus-compiler-"));
  const session = await SqlSession.open({ threads: "1" });
  for (const [table, columns] of Object.entries(TABLES))
    await session.run(
      `COPY (SELECT ${columns.replaceAll(/(\S+) (\w+)(,|$)/g, "$1 AS $2$3").replaceAll("AS AS", "AS")}) TO '${root}/${table}.parquet' (FORMAT parquet)`,
    );
  writeFileSync(join(root, "users.csv"), "user_id,score,updated_at\n1,2,2024-01-01\n");

  const compileFiles = async (files: Readonly<Record<string, string>>, service = "rank"): Promise<Compiled> => {
    const directory = mkdtempSync(join(root, "project-"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    for (const data of [...Object.keys(TABLES).map((table) => `${table}.parquet`), "users.csv"])
      copyFileSync(join(root, data), join(directory, data));
    const { project, problems } = await readProject(directory, { environment: {} });
    const resolved = await resolveService(project, service, {
      sources: (view) => {
        const definition = project.views.get(view);
        if (definition === undefined) throw new Error(`no view ${view}`);
        return openSource({ directory, connections: project.base.connections }, definition, session);
      },
      udfs: async () => undefined,
      predicates: openPredicateAnalyzer(session),
    });
    const found = [...problems, ...resolved.problems];
    if (resolved.service === undefined || found.length > 0) return { problems: found, warnings: resolved.warnings };
    const compiled = compile(resolved.service, project.overrides.get(service), project);
    return {
      problems: compiled.problems,
      warnings: [...resolved.warnings, ...compiled.warnings],
      service: resolved.service,
      ...(compiled.pipeline === undefined ? {} : { pipeline: compiled.pipeline }),
    };
  };
  return {
    compileFiles,
    /** The shop with lines changed; a change that changes nothing is a mistake of the test. */
    compile: (...edits: readonly Edit[]) => compileFiles(edited(edits)),
    close: () => {
      session.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export type Workshop = Awaited<ReturnType<typeof openWorkshop>>;

export function edited(edits: readonly Edit[]): Readonly<Record<string, string>> {
  const files: Record<string, string> = { ...SHOP };
  for (const [file, from, to] of edits) {
    const before = files[file] ?? "";
    const after = before === "" ? to : before.replace(from, to);
    if (after === before) throw new Error(`the edit of ${file} changes nothing: ${from}`);
    files[file] = after;
  }
  return files;
}

export const SERVICE = "feature_services/rank.yaml";
export const RUNTIME = "config/training/runtime.yaml";
export const SPECS = "config/training/aggregations.yaml";
export const view = (name: string): string => `feature_views/${name}.yaml`;

/** Leaves a column out of the contract. */
export const without = (column: string): Edit => [SERVICE, new RegExp(`  - \\{name: ${column},.*\\n`), ""];
export const withColumn = (column: string): Edit => [SERVICE, /$/, `  - ${column}\n`];
