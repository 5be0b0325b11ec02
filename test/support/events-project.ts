import type { ColumnModel, ProjectModel, RuntimeModel, SpecModel } from "../oracles/project-model.js";

/** A project of one view, `events.parquet` with the key `user_id` and the time `ts` in seconds, whose service `main` has the columns. */
export function eventsProject(given: {
  /** `name: dtype`, in their order. */
  readonly fields: Readonly<Record<string, string>>;
  /** `name: kind dtype`. */
  readonly columns: Readonly<Record<string, string>>;
  /** Partitioned by `user_id`. */
  readonly specs: readonly Omit<SpecModel, "partition_by">[];
  readonly runtime?: Partial<RuntimeModel>;
}): ProjectModel {
  return {
    name: "events",
    base: {},
    views: [
      {
        name: "events",
        entity: ["user"],
        source: { path: "events.parquet", timestamp_field: "ts", timestamp_unit: "s" },
        fields: Object.entries(given.fields).map(([name, dtype]) => ({ name, dtype })),
      },
    ],
    services: [
      {
        name: "main",
        version: "1",
        spine: "events",
        columns: Object.entries(given.columns).map(([name, words]): ColumnModel => {
          const [kind, dtype = ""] = words.split(" ");
          return { name, kind: kind as ColumnModel["kind"], dtype };
        }),
      },
    ],
    aggregations: { aggregation_specs: given.specs.map((spec) => ({ partition_by: "user_id", ...spec })) },
    runtime: {
      feed_start: "197001",
      feed_end: "197001",
      feature_refs: [],
      lookups: [],
      age_columns: [],
      ...given.runtime,
    },
  };
}
