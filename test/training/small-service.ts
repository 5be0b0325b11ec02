import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { FeatureView } from "#daedalus/definitions/feature-view.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import type { Pipeline } from "#daedalus/operators/pipeline.js";
import { openSource } from "#daedalus/sources/open-source.js";
import { encode } from "#daedalus/tasks/exact-json.js";
import type { TrainingInputs } from "#daedalus/training/inputs.js";
import { DIST, type Ended, start, temporaryFolder } from "../runs/processes.js";

const TOY = join(import.meta.dirname, "toy-train.mjs");
const sessions: SqlSession[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.close();
});

/** Events of 2024-01-01 … 05 but the 4th: one file a day; users; a pipeline with a latest join and qid, written by hand. */
export interface SmallService {
  readonly directory: string;
  readonly root: string;
  readonly session: SqlSession;
  inputs(change?: { pipeline?: Partial<Pipeline>; feed?: TrainingInputs["feed"]; root?: string }): TrainingInputs;
  /** A run in a process of its own. */
  train(options?: object, environment?: Record<string, string>, pipeline?: Partial<Pipeline>): Promise<Ended>;
  /** A run whose files cannot grow beyond so many KiB. */
  limited(kibibytes: number): Promise<Ended>;
  started(options?: object, environment?: Record<string, string>): ReturnType<typeof start>;
  /** Writes `data/events/<name>.parquet`: rows of (user_id, time as text, session). */
  events(name: string, rows: readonly (readonly [number, string, string | null])[]): Promise<void>;
}

export const DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"];

export async function smallService(): Promise<SmallService> {
  const directory = await temporaryFolder();
  const root = join(directory, "out");
  mkdirSync(join(directory, "data", "events"), { recursive: true });
  const session = await SqlSession.open({});
  sessions.push(session);
  const events: SmallService["events"] = async (name, rows) => {
    const values = rows.map(
      ([user, time, id]) =>
        `(${user}::BIGINT, epoch_ms(TIMESTAMP '${time}'), ${id === null ? "NULL" : `'${id}'`}::VARCHAR)`,
    );
    await session.run(
      `COPY (SELECT * FROM (VALUES ${values.join(", ")}) v(user_id, ts, session))
         TO '${join(directory, "data", "events", `${name}.parquet`)}' (FORMAT parquet)`,
    );
  };
  for (const day of DAYS) {
    const n = Number(day.slice(-2));
    await events(day, [
      [2, `${day} 12:00:00`, `s${n}`],
      [1, `${day} 11:00:00`, `z${n}`],
      [1, `${day} 11:00:00`, `a${n}`],
      [1, `${day} 11:00:00`, "every"],
      [3, `${day} 13:00:00`, null],
    ]);
  }
  writeFileSync(join(directory, "data", "users.csv"), "user_id,country\n1,10\n2,20\n");
  const project = { directory, connections: {} };
  const inputs: SmallService["inputs"] = (change = {}) => ({
    pipeline: { ...PIPELINE, ...change.pipeline },
    project,
    views: new Map(Object.entries(VIEWS)),
    sources: new Map(Object.entries(VIEWS).map(([name, view]) => [name, openSource(project, view, session)])),
    stores: new Map(),
    session,
    feed: change.feed ?? { start: "202401", end: "202401" },
    outputRoot: change.root ?? root,
  });
  const started: SmallService["started"] = (options = {}, environment = {}) => run(options, environment, {});
  function run(options: object, environment: Record<string, string>, pipeline: Partial<Pipeline>) {
    return start("node", [TOY, DIST, serviceFile(pipeline), JSON.stringify(options)], environment);
  }
  function serviceFile(pipeline: Partial<Pipeline>): string {
    const { pipeline: whole, feed } = inputs({ pipeline });
    const file = join(directory, `service-${readdirSync(directory).length}.json`);
    writeFileSync(file, encode({ pipeline: whole, project, views: VIEWS, feed, outputRoot: root }));
    return file;
  }
  const limited: SmallService["limited"] = (kibibytes) => {
    const command = `trap '' XFSZ; ulimit -f ${kibibytes}; exec node ${TOY} ${DIST} ${serviceFile({})}`;
    return start("bash", ["-c", command]).ended;
  };
  return {
    directory,
    root,
    session,
    inputs,
    train: (options = {}, environment = {}, pipeline = {}) => run(options, environment, pipeline).ended,
    limited,
    started,
    events,
  };
}

const VIEWS: Readonly<Record<string, FeatureView>> = {
  events: {
    name: "events",
    entity: ["user"],
    source: { path: "data/events", timestampField: "ts", timestampUnit: "ms" },
    fieldMapping: {},
    fields: [
      { name: "user_id", dtype: "BIGINT" },
      { name: "session", dtype: "TEXT" },
    ],
  },
  users: {
    name: "users",
    entity: ["user"],
    source: { path: "data/users.csv" },
    fieldMapping: {},
    fields: [
      { name: "user_id", dtype: "BIGINT" },
      { name: "country", dtype: "INTEGER" },
    ],
  },
};

export const PIPELINE: Pipeline = {
  service: "small",
  version: "1",
  spine: { view: "events", time: { column: "@events.ts", resolution: "us" }, session: "events.session" },
  output: [
    { name: "qid", dtype: "BIGINT" },
    { name: "user_id", dtype: "BIGINT" },
    { name: "country", dtype: "INTEGER" },
  ],
  embeddings: false,
  operators: [
    {
      kind: "scan",
      name: "scan_events",
      inputs: [],
      output: "events",
      engine: "sql",
      view: "events",
      columns: [
        { name: "events.user_id", source: "user_id", dtype: "BIGINT" },
        { name: "events.session", source: "session", dtype: "TEXT" },
      ],
      instants: [{ name: "@events.ts", source: "ts", unit: "ms" }],
      range: { kind: "target_day", instant: "@events.ts" },
    },
    {
      kind: "scan",
      name: "scan_users",
      inputs: [],
      output: "users",
      engine: "sql",
      view: "users",
      columns: [
        { name: "users.user_id", source: "user_id", dtype: "BIGINT" },
        { name: "users.country", source: "country", dtype: "INTEGER" },
      ],
      instants: [],
      range: { kind: "unbounded" },
    },
    {
      kind: "join",
      name: "join_users",
      inputs: ["events", "users"],
      output: "joined",
      engine: "sql",
      how: "left",
      on: [{ left: "events.user_id", right: "users.user_id" }],
      columns: [{ name: "users.country", dtype: "INTEGER" }],
    },
    {
      kind: "project",
      name: "project_output",
      inputs: ["joined"],
      output: "output",
      engine: "sql",
      steps: [
        { column: "qid", dtype: "BIGINT", value: { type: "qid", session: "events.session" } },
        { column: "user_id", dtype: "BIGINT", value: { type: "column", column: "events.user_id" } },
        { column: "country", dtype: "INTEGER", value: { type: "column", column: "users.country" } },
      ],
      select: ["qid", "user_id", "country"],
    },
    {
      kind: "sink",
      name: "sink",
      inputs: ["output"],
      output: "written",
      engine: "sql",
      orderBy: ["@events.ts", "user_id", "qid", "country"],
      partRows: 3n,
      format: "parquet",
      compression: "zstd",
    },
  ],
};
