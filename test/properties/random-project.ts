import type {
  ColumnModel,
  ProjectModel,
  RuntimeModel,
  ServiceModel,
  SpecModel,
  Tables,
} from "../oracles/project-model.js";
import { type Dtype, isFloatType, isIntegerType, type Value } from "../oracles/values.js";
import type { Layout } from "../support/data-files.js";
import type { Draw } from "./draw.js";
import { randomPredicate } from "./random-predicate.js";
import {
  contractDtype,
  type Joinable,
  literalOf,
  type Named,
  outputColumns,
  randomLookup,
  randomSpec,
  references,
  specDtype,
} from "./random-service.js";
import { ENTITIES, instantsAround, type RandomView, randomView } from "./random-views.js";

/** A whole project with its data: what is written, trained and compared. */
export interface ProjectCase {
  readonly project: ProjectModel;
  readonly tables: Tables;
  readonly layouts: Readonly<Record<string, Layout>>;
  readonly service: string;
  /** The service has embedding columns, which stay typed NULLs. */
  readonly skeletonOnly?: boolean;
  /** Days that are worked on together. */
  readonly spanDays?: number;
  /** What the kernels may take, so that histories are spilled. */
  readonly kernelBytes?: number;
}

const DAY = 86_400_000_000_000n;
/** Epoch, a leap day, and times long before 1970. */
const BASES = [0n, 0n, 19_782n * DAY, 19_782n * DAY, 19_723n * DAY, -7_305n * DAY];

/** A column of the working table with the dtype that its operator yields. */
export interface Contract {
  readonly column: ColumnModel;
  readonly dtype: Dtype;
  readonly named?: Named;
  /** Curation, filters and remaps may name it: the contract does not convert it. */
  readonly free: boolean;
}

export function randomProject(draw: Draw): ProjectCase {
  const instants = instantsAround(draw, draw.pick(BASES));
  const entities = draw.some(ENTITIES, 1, 3);
  const keyPools: Record<string, readonly Exclude<Value, null>[]> = {
    uid: draw.chance(20) ? [1n] : [1n, 2n, 3n],
    item_id: [1n, 2n, 3n, 4n],
    place_id: ["p", "q", ""],
  };
  const spine = randomView(draw, { name: "events", entities, role: "spine", instants, keyPools });
  const others = draw.times(0, 3, (i) =>
    randomView(draw, {
      name: `view${i}`,
      entities: draw.chance(80) ? draw.some(entities, 1, 2) : draw.some(ENTITIES, 1, 2),
      role: "other",
      instants: [...instants, ...instants.map((instant) => instant - 3_600_000_000_000n)],
      keyPools,
    }),
  );
  const joinable = others.flatMap((view): Joinable[] => {
    if (!view.keys.every((key) => spine.columns.has(key)) || !draw.chance(80)) return [];
    return [{ view, asOf: view.clock !== undefined && draw.chance(55) ? "event" : "latest" }];
  });
  const named = references(draw, spine, joinable);
  const sources = new Map<string, Dtype>();
  const specs = draw
    .times(0, 4, (i): SpecModel | undefined => {
      const spec = randomSpec(draw, `roll${i}`, spine, named, others);
      if (spec?.source_column !== undefined) {
        const home = spec.view === undefined ? undefined : others.find((view) => view.view.name === spec.view);
        const dtype =
          home?.columns.get(spec.source_column) ?? named.find((one) => one.reference === spec.source_column)?.dtype;
        if (dtype) sources.set(spec.name, dtype);
      }
      return spec;
    })
    .filter((spec) => spec !== undefined);
  const lookups = draw
    .times(0, 3, (i) => randomLookup(draw, `look${i}`, spine, [...others, spine]))
    .filter((lookup) => lookup !== undefined);
  const ages = randomAges(draw, named);

  const contracts = randomContracts(draw, { spine, joinable, named, specs, sources, lookups, ages });
  const sessions = draw.chance(60);
  if (sessions && draw.chance(60))
    contracts.push({ column: { name: "qid", kind: "derived", dtype: "BIGINT" }, dtype: "BIGINT", free: false });
  const embedded = draw.chance(8);
  if (embedded) contracts.push(...randomEmbeddings(draw, spine));
  const service: ServiceModel = {
    name: "main",
    version: "1",
    ...(draw.chance(20) ? { owner: "someone", description: "a random service" } : {}),
    spine: "events",
    columns: draw.shuffled(contracts.map(({ column }) => column)),
  };
  const second: ServiceModel | undefined = draw.chance(20)
    ? {
        name: "other",
        version: "2",
        spine: "events",
        columns: [
          ...service.columns.filter(({ kind }) => kind === "key").slice(0, 1),
          { name: "only_other", kind: "spine", dtype: "TEXT", column: "event" },
        ],
      }
    : undefined;
  const runtime = randomRuntime(draw, {
    spine,
    joinable,
    contracts,
    sessions,
    lookups,
    ages,
    instants,
    service,
    second,
  });
  const coverage =
    embedded && runtime.embedding_coverage_filter === undefined ? { embedding_coverage_filter: false as const } : {};
  const constants = { longest: BigInt(draw.int(1, 4)), unused: "text" };
  const project: ProjectModel = {
    name: "random",
    ...(draw.chance(12)
      ? {
          paths: {
            feature_views: "views",
            feature_services: "services",
            base: "base.yaml",
            runtime: "runtime.yaml",
            aggregations: "aggregations.yaml",
            pipelines: "pipelines",
          },
        }
      : {}),
    base: {
      entities: { user: "uid", ...(draw.chance(50) ? { item: "item_id" } : {}) },
      constants,
      ...(draw.chance(10)
        ? { connections: { warehouse: { type: "postgres", host: "nowhere", database: "d", user: "u" } } }
        : {}),
    },
    views: [spine.view, ...others.map((one) => one.view)],
    services: second ? [service, second] : [service],
    ...(specs.length > 0 || embedded || draw.chance(50)
      ? { aggregations: { aggregation_specs: specs, ...(embedded ? embeddings(spine) : {}) } }
      : {}),
    runtime: { ...runtime, ...coverage },
  };
  const views = [spine, ...others];
  return {
    project,
    tables: Object.fromEntries(views.map((one) => [one.view.name, one.table])),
    layouts: Object.fromEntries(views.map((one) => [one.view.name, one.layout])),
    service: "main",
    ...(embedded ? { skeletonOnly: true } : {}),
    ...(draw.chance(50) ? { spanDays: draw.int(1, 3) } : {}),
  };
}

function embeddings(spine: RandomView): ProjectModel["aggregations"] {
  return {
    embedding_stores: {
      pictures: { uri: "data/pictures.lance", key: spine.keys[0] ?? "", vector: "embedding", dim: 4n },
    },
    enrichment_specs: [
      { name: "picture", store: "pictures", ids: "picture_id" },
      { name: "pictures", store: "pictures", ids: "picture_ids", pool: "mean" },
    ],
  };
}

function randomEmbeddings(draw: Draw, spine: RandomView): Contract[] {
  const [key = ""] = spine.keys;
  const dtype = spine.columns.get(key) ?? "TEXT";
  const list: Dtype = dtype === "TEXT" ? "TEXT[]" : dtype === "INTEGER" ? "INTEGER[]" : "BIGINT[]";
  const fixed = (column: ColumnModel): Contract => ({ column, dtype, free: false });
  return [
    fixed({ name: "picture_id", kind: "spine", dtype, column: key }),
    fixed({ name: "picture_ids", kind: "rolling", dtype: list, default: [] }),
    fixed({ name: "picture", kind: "embedding", dtype: "FLOAT[]" }),
    fixed({ name: "pictures", kind: "embedding", dtype: "FLOAT[]", ...(draw.chance(50) ? { default: [0.5] } : {}) }),
  ];
}

export type Age = { readonly name: string; readonly created: string; readonly unit: "s" | "m" | "h" | "d" | "w" };

export function randomAges(draw: Draw, named: readonly Named[]): readonly Age[] {
  const created = named.filter(
    ({ dtype, view, column }) =>
      dtype === "DATE" || (view.times.includes(column) && view.clock?.type !== "TIMESTAMP_NS"),
  );
  if (created.length === 0) return [];
  return draw.times(0, 2, (i) => ({
    name: `age${i}`,
    created: draw.pick(created).reference,
    unit: draw.pick(["s", "m", "h", "d", "w"] as const),
  }));
}

interface Parts {
  readonly spine: RandomView;
  readonly joinable: readonly Joinable[];
  readonly named: readonly Named[];
  readonly specs: readonly SpecModel[];
  readonly sources: ReadonlyMap<string, Dtype>;
  readonly lookups: readonly { readonly lookup: { readonly name: string }; readonly dtype: Dtype }[];
  readonly ages: readonly Age[];
}

function randomContracts(draw: Draw, parts: Parts): Contract[] {
  const { spine, named, specs, sources, lookups, ages } = parts;
  const contracts: Contract[] = [];
  const add = (column: Omit<ColumnModel, "dtype">, dtype: Dtype, named?: Named): void => {
    const final = contractDtype(draw, dtype);
    const spelled = draw.chance(8) ? final.toLowerCase() : final;
    const filled = !draw.chance(18)
      ? {}
      : draw.chance(70)
        ? { nullable: false, default: literalOf(draw, final) }
        : { default: literalOf(draw, final) };
    contracts.push({
      column: { ...column, dtype: spelled, ...filled },
      dtype,
      ...(named === undefined ? {} : { named }),
      free: final === dtype && column.kind !== "key",
    });
  };
  for (const key of draw.some(spine.keys, 1, 3)) {
    add({ name: key, kind: "key" }, spine.columns.get(key) ?? "TEXT");
  }
  const time = spine.times[0] ?? "";
  for (const one of draw.some(named, 3, 9)) {
    const kind = one.view === spine ? ("spine" as const) : ("static" as const);
    if (one.view === spine && one.view.keys.includes(one.column)) continue;
    if (kind === "spine" && one.column === time && isIntegerType(one.dtype) && draw.chance(40)) {
      contracts.push({
        column: { name: "moment", kind, dtype: "TIMESTAMP", column: time },
        dtype: "TIMESTAMP",
        free: false,
      });
      continue;
    }
    const plain = one.reference === one.column && one.column !== "shared" && draw.chance(70);
    if (plain) add({ name: one.column, kind }, one.dtype, one);
    else add({ name: `out_${contracts.length}`, kind, column: one.reference }, one.dtype, one);
  }
  for (const spec of specs)
    for (const window of spec.windows)
      if (draw.chance(75))
        add(
          { name: window === "all" ? spec.name : `${spec.name}_${window}`, kind: "rolling" },
          specDtype(spec, sources.get(spec.name)),
        );
  for (const { lookup, dtype } of lookups) if (draw.chance(85)) add({ name: lookup.name, kind: "lookup" }, dtype);
  for (const age of ages) if (draw.chance(80)) add({ name: age.name, kind: "derived" }, "DOUBLE");
  if (draw.chance(15)) {
    const dtype = draw.pick(["BIGINT", "TEXT", "DOUBLE[]", "BOOLEAN", "FLOAT"] as const);
    const kind = draw.pick(["static", "rolling", "lookup", "spine", "derived"] as const);
    contracts.push({ column: { name: "nowhere", kind, dtype, default: literalOf(draw, dtype) }, dtype, free: false });
  }
  return contracts;
}

interface RuntimeParts {
  readonly spine: RandomView;
  readonly joinable: readonly Joinable[];
  readonly contracts: readonly Contract[];
  readonly sessions: boolean;
  readonly lookups: readonly { readonly lookup: NonNullable<RuntimeModel["lookups"]>[number] }[];
  readonly ages: readonly Age[];
  readonly instants: readonly bigint[];
  readonly service: ServiceModel;
  readonly second: ServiceModel | undefined;
}

function randomRuntime(draw: Draw, parts: RuntimeParts): RuntimeModel {
  const { joinable, contracts, sessions, lookups, ages, instants, service, second } = parts;
  const sorted = [...instants].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const month = (instant: bigint): string =>
    new Date(Number(instant / 1_000_000n)).toISOString().slice(0, 7).replace("-", "");
  const least = sorted[0] ?? 0n;
  const most = sorted.at(-1) ?? 0n;
  const free = contracts.filter(
    (contract) => contract.free && contract.named !== undefined && contract.column.default === undefined,
  );
  // A working column is named by its contract name.
  const working = free.flatMap((contract): Named[] =>
    contract.named === undefined ? [] : [{ ...contract.named, reference: contract.column.name }],
  );
  const curated = free.filter(({ named }) => named !== undefined && !named.view.times.includes(named.column));
  const curation =
    curated.length === 0
      ? []
      : draw.times(0, 2, () => {
          const { column, dtype } = draw.pick(curated);
          return {
            column: column.name,
            value: draw.chance(12) ? null : literalOf(draw, dtype),
            where: randomPredicate(draw, working),
          };
        });
  const remapped = free.filter(
    ({ dtype }) => isIntegerType(dtype) || dtype === "TEXT" || dtype === "BOOLEAN" || isFloatType(dtype),
  );
  const remap = remapped.length > 0 && draw.chance(30) ? draw.pick(remapped) : undefined;
  const chunk = draw.chance(60) ? { entity_spine_chunk_rows: draw.pick([1, 2, 3, 7, 1000]) } : {};
  const runtime: RuntimeModel = {
    feed_start: month(draw.chance(85) ? least - 2n * DAY : most - 2n * DAY),
    feed_end: month(most + 2n * DAY),
    ...chunk,
    ...(draw.chance(10) ? { day_workers: 1 } : {}),
    ...(draw.chance(10) ? { output_root: "unused/${service}" } : {}),
    ...(draw.chance(30)
      ? {
          compute: {
            ...(draw.chance(60) ? { engine: draw.pick(["kernel", "duckdb", "polars"]) } : {}),
            ...(draw.chance(60) ? { pit_engine: draw.pick(["kernel", "duckdb"]) } : {}),
            duckdb_config: { threads: 1n, memory_limit: "1GB" },
          },
        }
      : {}),
    ...(joinable.length > 0 || draw.chance(20)
      ? {
          feature_refs: joinable.map(({ view, asOf }) =>
            asOf === "event" || draw.chance(20) ? { view: view.view.name, as_of: asOf } : view.view.name,
          ),
        }
      : {}),
    spine: { event: "event", ...(sessions ? { session: "session" } : {}) },
    ...(draw.chance(10) ? { embedding_coverage_filter: draw.chance(50) ? false : { enabled: false } } : {}),
    ...(sessions && draw.chance(55) ? { session_filter: randomSessionFilter(draw) } : {}),
    ...(lookups.length > 0 ? { lookups: lookups.map(({ lookup }) => lookup) } : {}),
    ...(ages.length > 0 ? { age_columns: ages } : {}),
    ...(curation.length > 0 ? { curation } : {}),
    ...(working.length > 0 && draw.chance(40)
      ? { content_filter: draw.times(1, 2, () => ({ drop_where: randomPredicate(draw, working) })) }
      : {}),
    ...(remap === undefined ? {} : { retriever_remap: randomRemap(draw, remap) }),
    ...(draw.chance(35) ? { output_columns: outputColumns(draw, service, second) } : {}),
  };
  if (!draw.chance(12)) return runtime;
  return {
    ...runtime,
    services: { main: draw.chance(50) ? { entity_spine_chunk_rows: 2 } : { curation: null, content_filter: null } },
  };
}

export function randomSessionFilter(draw: Draw): NonNullable<RuntimeModel["session_filter"]> {
  const single = draw.chance(60);
  return {
    view_events: draw.some(["view", "click"], 1, 2),
    ...(single || draw.chance(40) ? { like_events: draw.some(["like", "a'b"], 1, 2) } : {}),
    ...(single
      ? { drop_single_like: true, ...(draw.chance(50) ? { drop_view_only: draw.chance(60) } : {}) }
      : { drop_view_only: true }),
  };
}

export function randomRemap(
  draw: Draw,
  { column, dtype, named }: Contract,
): NonNullable<RuntimeModel["retriever_remap"]> {
  const pool = (named?.view.pools.get(named.column) ?? []).filter(
    (value) => !Number.isNaN(value) && value !== Number.POSITIVE_INFINITY && value !== Number.NEGATIVE_INFINITY,
  );
  const from =
    dtype === "BOOLEAN"
      ? [true]
      : draw.some(
          pool.filter((value) => !Object.is(value, -0)),
          1,
          3,
        );
  return {
    column: column.name,
    map: from.map((value) => [value, literalOf(draw, dtype)] as const),
    ...(draw.chance(50) ? { otherwise: literalOf(draw, dtype) } : {}),
  };
}
