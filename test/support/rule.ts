import { expect, test } from "vitest";
import { lookupDtype } from "../oracles/lookup.js";
import type {
  ColumnModel,
  LookupModel,
  ProjectModel,
  RuntimeModel,
  SourceTable,
  SpecModel,
  ViewModel,
} from "../oracles/project-model.js";
import { rollingDtype } from "../oracles/rolling.js";
import { scopeOf } from "../oracles/service-scope.js";
import { trainingDay } from "../oracles/training-day.js";
import { OracleStop, show, type Value } from "../oracles/values.js";
import type { Layout } from "./data-files.js";
import { literalTable, literalValue } from "./literal-table.js";
import { trainCase } from "./product.js";

/** A view of a rule: its table as text, and what is not usual about it. */
export interface RuleView {
  readonly table: string;
  /** `user` unless said otherwise. */
  readonly entity?: string | readonly string[];
  /** The time column; `at` if the table has one. */
  readonly time?: string;
  readonly unit?: "s" | "ms" | "us" | "ns";
  readonly available?: string;
  readonly ttl?: string;
  /** `name dtype` in the view's order; all columns but keys and time if absent. */
  readonly fields?: readonly string[];
  readonly mapping?: Readonly<Record<string, string>>;
  readonly layout?: Partial<Layout>;
}

/**
 * The smallest project in which a rule shows. The spine is `events` with the key `user_id` and the time `ts` in seconds;
 * every spec, lookup and age column is a column of the service, so that a rule says only what it is about.
 */
export interface Rule {
  readonly spine: string | RuleView;
  readonly views?: Readonly<Record<string, RuleView>>;
  /** `name kind dtype`, or a column in full. */
  readonly columns?: readonly (string | ColumnModel)[];
  readonly specs?: readonly (Omit<SpecModel, "windows"> & { readonly windows?: readonly string[] })[];
  readonly lookups?: readonly LookupModel[];
  readonly runtime?: RuntimeModel;
  readonly base?: ProjectModel["base"];
  readonly aggregations?: ProjectModel["aggregations"];
  /** 1970-01-01 unless said otherwise. */
  readonly day?: string;
  /** The days of the run, if the day is not the only one. */
  readonly days?: readonly string[];
}

/** Who can run rolling aggregates, lookups and point-in-time joins; all have to give the same table. */
export const ENGINES = ["kernel", "duckdb", "polars"] as const;

/** Polars runs nothing but rolling aggregates: without any, its run would be DuckDB's again. */
export function enginesOf({ aggregations }: ProjectModel): readonly (typeof ENGINES)[number][] {
  const rolls = (aggregations?.aggregation_specs ?? []).length > 0;
  return ENGINES.filter((engine) => rolls || engine !== "polars");
}

export function withEngine(project: ProjectModel, engine: (typeof ENGINES)[number]): ProjectModel {
  const { runtime } = project;
  // Point-in-time joins and lookups know two.
  const pit = engine === "polars" ? "duckdb" : engine;
  return { ...project, runtime: { ...runtime, compute: { ...runtime.compute, engine, pit_engine: pit } } };
}

/** The rule, and the rows that have to come out: the named columns, in file order. Oracle and product both have to agree. */
export function rule(name: string, definition: Rule, expected: string): void {
  test(name, async () => {
    const { project, tables, layouts } = projectOf(definition);
    const day = definition.day ?? "1970-01-01";
    const days = definition.days ?? [day];
    const oracle = trainingDay(project, tables, "main", day, days);
    const names = (expected.trim().split("\n")[0] ?? "").trim().split(/\s+/);
    const picked = names.map((column) => oracle.columns.findIndex((candidate) => candidate.name === column));
    const dtypes = picked.map((i) => oracle.columns[i]?.dtype ?? "TEXT");
    const wanted = expected
      .trim()
      .split("\n")
      .slice(1)
      .map((line) =>
        (line.trim().match(/\[[^\]]*\]|\S+/g) ?? []).map((cell, i) => show(literalValue(cell, dtypes[i] ?? "TEXT"))),
      );
    const only = (rows: readonly (readonly Value[])[]): string[][] =>
      rows.map((row) => picked.map((i) => show(row[i] ?? null)));
    expect(only(oracle.rows), "the oracle").toEqual(wanted);
    for (const engine of enginesOf(project)) {
      const trained = await trainCase(
        { project: withEngine(project, engine), tables, layouts, service: "main" },
        { days },
      );
      expect(only(trained.days.get(day)?.rows ?? []), `the product on ${engine}`).toEqual(wanted);
      expect(trained.days.get(day)?.columns, "the schema").toEqual(oracle.columns);
    }
  });
}

/** A rule that stops the run: the message has to match. */
export function stops(name: string, definition: Rule, message: RegExp): void {
  test(name, async () => {
    const { project, tables, layouts } = projectOf(definition);
    const day = definition.day ?? "1970-01-01";
    expect(() => trainingDay(project, tables, "main", day, definition.days ?? [day]), "the oracle").toThrow(OracleStop);
    for (const engine of enginesOf(project))
      await expect(
        trainCase(
          { project: withEngine(project, engine), tables, layouts, service: "main" },
          { days: definition.days ?? [day] },
        ),
        engine,
      ).rejects.toThrow(message);
  });
}

export function projectOf(definition: Rule): {
  readonly project: ProjectModel;
  readonly tables: Readonly<Record<string, SourceTable>>;
  readonly layouts: Readonly<Record<string, Layout>>;
} {
  const spine = typeof definition.spine === "string" ? { table: definition.spine } : definition.spine;
  const views: Readonly<Record<string, RuleView>> = { events: { time: "ts", ...spine }, ...definition.views };
  const tables = Object.fromEntries(
    Object.entries(views).map(([name, view]) => [
      name,
      { ...literalTable(view.table), format: view.layout?.format ?? "parquet" },
    ]),
  );
  const layouts = Object.fromEntries(
    Object.entries(views).map(([name, { layout }]) => [
      name,
      { path: `data/${name}.${layout?.format ?? "parquet"}`, format: "parquet", ...layout } as Layout,
    ]),
  );
  const specs = (definition.specs ?? []).map(
    (spec): SpecModel => ({
      windows: ["all"],
      ...(spec.view === undefined && spec.partition_by === undefined ? { partition_by: "user_id" } : {}),
      ...spec,
    }),
  );
  const event = tables["events"]?.columns.some((column) => column.name === "event");
  const session = tables["events"]?.columns.some((column) => column.name === "session");
  const day = definition.day ?? "1970-01-01";
  const months = [day, ...(definition.days ?? [])].map((one) => one.slice(0, 7).replace("-", "")).sort();
  const runtime: RuntimeModel = {
    feed_start: months[0] ?? "",
    feed_end: months.at(-1) ?? "",
    ...(event || session
      ? { spine: { ...(event ? { event: "event" } : {}), ...(session ? { session: "session" } : {}) } }
      : {}),
    ...(definition.lookups ? { lookups: definition.lookups } : {}),
    ...definition.runtime,
  };
  const keys = [spine.entity ?? "user"].flat().map((entity) => definition.base?.entities?.[entity] ?? `${entity}_id`);
  const bare: ProjectModel = {
    name: "rules",
    ...(definition.base ? { base: definition.base } : {}),
    views: Object.entries(views).map(([name, view]) =>
      viewOf(name, view, tables[name], layouts[name], definition.base),
    ),
    services: [{ name: "main", version: "1", spine: "events", columns: [] }],
    aggregations: { ...definition.aggregations, aggregation_specs: specs },
    runtime,
  };
  const scope = scopeOf(bare, tables, "main");
  const time = spine.mapping?.[spine.time ?? "ts"] ?? spine.time ?? "ts";
  const columns: ColumnModel[] = [
    ...keys.map((key): ColumnModel => ({ name: key, kind: "key", dtype: scope.spine.dtypes[key] ?? "BIGINT" })),
    { name: time, kind: "spine", dtype: scope.spine.dtypes[time] ?? "BIGINT" },
    ...(definition.columns ?? []).map(columnOf),
    ...specs.flatMap((spec) =>
      spec.windows.map(
        (window): ColumnModel => ({
          name: window === "all" ? spec.name : `${spec.name}_${window}`,
          kind: "rolling",
          dtype: rollingDtype(scope, spec),
        }),
      ),
    ),
    ...(definition.lookups ?? []).map(
      (lookup): ColumnModel => ({ name: lookup.name, kind: "lookup", dtype: lookupDtype(scope, lookup) }),
    ),
    ...(runtime.age_columns ?? []).map((age): ColumnModel => ({ name: age.name, kind: "derived", dtype: "DOUBLE" })),
  ];
  const declared = columns.filter((column, i) => columns.findLastIndex((other) => other.name === column.name) === i);
  return {
    project: { ...bare, services: [{ name: "main", version: "1", spine: "events", columns: declared }] },
    tables,
    layouts,
  };
}

function columnOf(column: string | ColumnModel): ColumnModel {
  if (typeof column !== "string") return column;
  const [name = "", kind = "", dtype = ""] = column.trim().split(/\s+/);
  return { name, kind: kind as ColumnModel["kind"], dtype };
}

function viewOf(
  name: string,
  view: RuleView,
  table: SourceTable | undefined,
  layout: Layout | undefined,
  base: ProjectModel["base"],
): ViewModel {
  const columns = table?.columns ?? [];
  const time = view.time ?? (columns.some((column) => column.name === "at") ? "at" : undefined);
  const type = columns.find((column) => column.name === (time ?? view.available))?.type;
  const entity = view.entity ?? "user";
  const keys = [entity].flat().map((one) => base?.entities?.[one] ?? `${one}_id`);
  const unlisted = [...keys, ...(name === "events" ? [] : [time])];
  return {
    name,
    entity,
    ...(view.ttl === undefined ? {} : { ttl: view.ttl }),
    source: {
      ...(layout?.format === "duckdb"
        ? { database_path: layout.path, table: layout.table ?? "t" }
        : { path: layout?.path ?? "" }),
      ...(time === undefined ? {} : { timestamp_field: time }),
      ...(type === "BIGINT" || type === "INTEGER" ? { timestamp_unit: view.unit ?? "s" } : {}),
      ...(view.available === undefined ? {} : { available_field: view.available }),
    },
    ...(view.mapping === undefined ? {} : { field_mapping: view.mapping }),
    fields: view.fields
      ? view.fields.map((field) => {
          const [column = "", dtype = ""] = field.split(" ");
          return { name: column, dtype };
        })
      : columns
          .filter((column) => !unlisted.includes(column.name))
          .map((column) => ({
            name: view.mapping?.[column.name] ?? column.name,
            dtype: /^TIMESTAMP(_NS|TZ)$/.test(column.type) ? "TIMESTAMP" : column.type,
          })),
  };
}
