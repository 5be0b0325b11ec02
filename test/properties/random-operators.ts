import type { ColumnModel, ProjectModel, RuntimeModel } from "../oracles/project-model.js";
import { type Dtype, isFloatType, isIntegerType, isListType, type Value } from "../oracles/values.js";
import type { Draw } from "./draw.js";
import { randomPredicate } from "./random-predicate.js";
import { type ProjectCase, randomAges, randomRemap, randomSessionFilter } from "./random-project.js";
import {
  contractDtype,
  type Joinable,
  literalOf,
  type Named,
  randomLookup,
  randomSpec,
  references,
  specDtype,
} from "./random-service.js";
import { ENTITIES, instantsAround, type RandomView, randomView } from "./random-views.js";

// Projects that hold one operator many times: one training run then answers tens of cases.

/**
 * What a case is. Each on random data of its own project: tens of rows, heavy ties, NULLs, window edges hit exactly.
 *
 * - `rolling_aggregate`: one window of one spec: one column, all of its rows
 * - `lookup`: one lookup: one column, all of its rows
 * - `point_in_time_join`, `join`: one view joined `as_of: event`, `as_of: latest`, whatever the number of its columns
 * - `project`: one column that is an age, converted, filled by a default, curated or remapped
 * - `filter`: one content filter or session filter, or both: which rows stay
 */
export interface OperatorCase {
  readonly operator: "rolling_aggregate" | "lookup" | "point_in_time_join" | "join" | "project" | "filter";
  /** Where its answer stands; a filter's is which rows are there. */
  readonly columns: readonly string[];
}

export interface OperatorCases {
  readonly one: ProjectCase;
  readonly cases: readonly OperatorCase[];
}

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;
/** First days of months: what lies before is history, and no day of the run. 1970-01, 2024-01, 2024-03, 1950-01. */
const BASES = [0n, 0n, 19_723n * DAY, 19_783n * DAY, -7_305n * DAY];

interface Ground {
  readonly spine: RandomView;
  readonly others: readonly RandomView[];
  readonly joinable: readonly Joinable[];
  readonly named: readonly Named[];
  readonly runtime: RuntimeModel;
}

function ground(draw: Draw, others: readonly [number, number], joined = 60): Ground {
  const base = draw.pick(BASES);
  const noon = base + DAY / 2n;
  const before = draw.some([SECOND, 1_800n * SECOND, 3_600n * SECOND, 3_599n * SECOND], 1, 3).map((age) => noon - age);
  const instants = [...new Set([base, noon, noon, ...before, ...instantsAround(draw, base)])];
  const entities = draw.some(ENTITIES, 1, 3);
  const keyPools: Record<string, readonly Exclude<Value, null>[]> = {
    uid: draw.chance(20) ? [1n] : [1n, 2n, 3n],
    item_id: [1n, 2n, 3n],
    place_id: ["p", "q", ""],
  };
  const spine = randomView(draw, {
    name: "events",
    entities,
    role: "spine",
    instants,
    keyPools,
    rows: [24, 56],
    fields: [6, 10],
  });
  const views = draw.times(...others, (i) =>
    randomView(draw, {
      name: `view${i}`,
      entities: draw.some(entities, 1, 2),
      role: "other",
      instants: [...instants, ...instants.map((instant) => instant - DAY / 24n)],
      keyPools,
      rows: [8, 40],
    }),
  );
  const joinable = views.flatMap((view): Joinable[] =>
    draw.chance(joined) ? [{ view, asOf: view.clock !== undefined && draw.chance(60) ? "event" : "latest" }] : [],
  );
  const month = (instant: bigint): string =>
    new Date(Number(instant / 1_000_000n)).toISOString().slice(0, 7).replace("-", "");
  return {
    spine,
    others: views,
    joinable,
    named: references(draw, spine, joinable),
    runtime: {
      feed_start: month(base),
      feed_end: month(base),
      spine: { event: "event", session: "session" },
      ...(joinable.length === 0
        ? {}
        : { feature_refs: joinable.map(({ view, asOf }) => ({ view: view.view.name, as_of: asOf })) }),
    },
  };
}

function caseOf(
  { spine, others, runtime }: Ground,
  columns: readonly ColumnModel[],
  more: { readonly runtime?: RuntimeModel; readonly aggregations?: ProjectModel["aggregations"] } = {},
): ProjectCase {
  const views = [spine, ...others];
  const keys = spine.keys.map((key): ColumnModel => ({ name: key, kind: "key", dtype: dtypeIn(spine, key) }));
  return {
    project: {
      name: "operators",
      base: { entities: { user: "uid", item: "item_id" }, constants: { longest: 2n } },
      views: views.map((one) => one.view),
      services: [{ name: "main", version: "1", spine: "events", columns: [...keys, ...columns] }],
      ...(more.aggregations === undefined ? {} : { aggregations: more.aggregations }),
      runtime: { ...runtime, ...more.runtime },
    },
    tables: Object.fromEntries(views.map((one) => [one.view.name, one.table])),
    layouts: Object.fromEntries(views.map((one) => [one.view.name, one.layout])),
    service: "main",
  };
}

function dtypeIn(view: RandomView, column: string): Dtype {
  const dtype = view.columns.get(column);
  if (dtype === undefined) throw new Error(`${view.view.name} has no column ${column}`);
  return dtype;
}

/** Of what differs only by its name, the first. */
function unlike<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  const seen = new Set<string>();
  return items.filter(({ name: _, ...item }) => {
    const text = JSON.stringify(item, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
    const fresh = !seen.has(text);
    seen.add(text);
    return fresh;
  });
}

export function rollingCases(draw: Draw): OperatorCases {
  const on = ground(draw, [1, 3]);
  const specs = unlike(
    Array.from({ length: 30 }, (_, i) => randomSpec(draw, `roll${i}`, on.spine, on.named, on.others)).filter(
      (spec) => spec !== undefined,
    ),
  );
  const columns = specs.flatMap((spec) => {
    const home = on.others.find((view) => view.view.name === spec.view);
    const source =
      spec.source_column === undefined
        ? undefined
        : (home?.columns.get(spec.source_column) ??
          on.named.find((one) => one.reference === spec.source_column)?.dtype);
    return spec.windows.map(
      (window): ColumnModel => ({
        name: window === "all" ? spec.name : `${spec.name}_${window}`,
        kind: "rolling",
        dtype: specDtype(spec, source),
      }),
    );
  });
  return {
    one: caseOf(on, columns, { aggregations: { aggregation_specs: specs } }),
    cases: columns.map(({ name }) => ({ operator: "rolling_aggregate", columns: [name] })),
  };
}

export function lookupCases(draw: Draw): OperatorCases {
  const on = ground(draw, [3, 5], 0);
  const drawn = Array.from({ length: 30 }, (_, i) =>
    randomLookup(draw, `look${i}`, on.spine, [...on.others, on.spine]),
  ).filter((lookup) => lookup !== undefined);
  const lookups = unlike(drawn.map(({ lookup }) => lookup));
  const columns = drawn
    .filter(({ lookup }) => lookups.includes(lookup))
    .map(({ lookup, dtype }): ColumnModel => ({ name: lookup.name, kind: "lookup", dtype }));
  return {
    one: caseOf(on, columns, { runtime: { lookups } }),
    cases: columns.map(({ name }) => ({ operator: "lookup", columns: [name] })),
  };
}

export function joinCases(draw: Draw): OperatorCases {
  const on = ground(draw, [12, 16], 100);
  const cases: OperatorCase[] = [];
  const columns: ColumnModel[] = [];
  for (const { view, asOf } of on.joinable) {
    const joined = on.named
      .filter((one) => one.view === view)
      .map(({ column, dtype }, i): ColumnModel => {
        const name = `${view.view.name}_out${i}`;
        return { name, kind: "static", dtype, column: `${view.view.name}.${column}` };
      });
    columns.push(...joined);
    cases.push({
      operator: asOf === "event" ? "point_in_time_join" : "join",
      columns: joined.map(({ name }) => name),
    });
  }
  return { one: caseOf(on, columns), cases };
}

/** A column of the contract that shows a column of the spine or of a joined view. */
function shown(name: string, { view, reference, dtype }: Named, spine: RandomView): ColumnModel {
  return { name, kind: view === spine ? "spine" : "static", dtype, column: reference };
}

/** The column as rules name it. */
function asWorking(name: string, named: Named): Named {
  return { ...named, reference: name };
}

export function projectCases(draw: Draw): OperatorCases {
  const on = ground(draw, [1, 3], 100);
  const ages = draw.times(3, 6, () => randomAges(draw, on.named)).flat();
  const aged = unlike(ages.map((age, i) => ({ ...age, name: `age${i}` })));
  const converted = Array.from({ length: 10 }, (_, i): ColumnModel => {
    const column = shown(`to${i}`, draw.pick(on.named), on.spine);
    return { ...column, dtype: contractDtype(draw, column.dtype as Dtype) };
  }).filter((column) => column.dtype !== on.named.find((one) => one.reference === column.column)?.dtype);
  const filled = Array.from({ length: 8 }, (_, i): ColumnModel => {
    const named = draw.pick(on.named);
    return {
      ...shown(`fill${i}`, named, on.spine),
      nullable: false,
      default: literalOf(draw, named.dtype),
    };
  });
  const working = Array.from({ length: 12 }, (_, i) => asWorking(`keep${i}`, draw.pick(on.named)));
  const original = (one: Named): Named => ({ ...one, reference: `${one.view.view.name}.${one.column}` });
  const kept = working.map((one) => shown(one.reference, original(one), on.spine));
  const curable = working.filter((one) => !one.view.times.includes(one.column));
  const curation = curable.map((one) => ({
    column: one.reference,
    value: draw.chance(12) ? null : literalOf(draw, one.dtype),
    where: randomPredicate(draw, working),
  }));
  const remapped = working.filter(
    ({ dtype }) => isIntegerType(dtype) || isFloatType(dtype) || dtype === "TEXT" || dtype === "BOOLEAN",
  );
  const remap = remapped.length === 0 ? undefined : draw.pick(remapped);
  const columns = [
    ...aged.map(({ name }): ColumnModel => ({ name, kind: "derived", dtype: "DOUBLE" })),
    ...unlike(converted),
    ...unlike(filled),
    ...kept,
  ];
  const changed = new Set([...curation.map(({ column }) => column), ...(remap ? [remap.reference] : [])]);
  return {
    one: caseOf(on, columns, {
      runtime: {
        ...(aged.length === 0 ? {} : { age_columns: aged }),
        curation,
        ...(remap === undefined
          ? {}
          : {
              retriever_remap: randomRemap(draw, {
                column: { name: remap.reference, kind: "spine", dtype: remap.dtype },
                dtype: remap.dtype,
                named: remap,
                free: true,
              }),
            }),
      },
    }),
    cases: columns
      .filter(({ name }) => !name.startsWith("keep") || changed.has(name))
      .map(({ name }) => ({ operator: "project", columns: [name] })),
  };
}

export function filterCases(draw: Draw): OperatorCases {
  const on = ground(draw, [0, 1], 100);
  const specs = [randomSpec(draw, "roll", on.spine, on.named, [])].filter((spec) => spec !== undefined);
  const working = draw.some(on.named, 2, 5).map((one, i) => ({ one, name: `keep${i}` }));
  const columns = [
    ...working.map(({ one, name }) => shown(name, one, on.spine)),
    ...specs.flatMap((spec) => {
      const source = on.named.find((one) => one.reference === spec.source_column);
      const [window = "all"] = spec.windows;
      const name = window === "all" ? spec.name : `${spec.name}_${window}`;
      return [{ name, kind: "rolling" as const, dtype: specDtype(spec, source?.dtype) }];
    }),
  ];
  // A rule may look at what an engine has made.
  const made = columns
    .filter(({ kind, dtype }) => kind === "rolling" && !isListType(dtype as Dtype))
    .map(({ name, dtype }): Named => {
      const pools = new Map([[name, dtype === "BIGINT" ? [0n, 1n, 2n] : ["a"]]]);
      return { reference: name, dtype: dtype as Dtype, view: { ...on.spine, pools }, column: name };
    });
  const rules = [...working.map(({ one, name }) => asWorking(name, one)), ...made, ...made];
  const session = draw.chance(40);
  return {
    one: caseOf(on, columns, {
      aggregations: { aggregation_specs: specs },
      runtime: {
        ...(session ? { session_filter: randomSessionFilter(draw) } : {}),
        ...(!session || draw.chance(30)
          ? { content_filter: draw.times(1, 2, () => ({ drop_where: randomPredicate(draw, rules) })) }
          : {}),
      },
    }),
    cases: [{ operator: "filter", columns: columns.map(({ name }) => name) }],
  };
}
