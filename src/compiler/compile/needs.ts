import { type Duration, durationMicros } from "../../columnar/instants.js";
import type { Window } from "../../definitions/aggregations.js";
import type { ColumnName } from "../../operators/operator.js";
import { ageColumn, lookupColumn, rollingColumn, udfColumn, viewColumn } from "../names.js";
import type {
  BoundRef,
  BoundTime,
  BoundView,
  ResolvedAge,
  ResolvedLookup,
  ResolvedService,
  ResolvedSpec,
  ResolvedUdf,
} from "../resolve/resolved-service.js";
import { type LiveRules, liveRules } from "./live-rules.js";

/** Columns and instants of one view, by canonical name. */
export class ViewNeeds {
  readonly view: BoundView;
  readonly columns = new Set<string>();
  readonly instants = new Map<string, BoundTime>();

  constructor(view: BoundView) {
    this.view = view;
  }

  /** Pipeline names of the columns, in the order of the view. */
  add(names: Iterable<ColumnName>): this {
    const prefix = `${this.view.name}.`;
    for (const name of names) if (name.startsWith(prefix)) this.columns.add(name.slice(prefix.length));
    return this;
  }

  time(time: BoundTime | undefined): this {
    if (time !== undefined) this.instants.set(time.column, time);
    return this;
  }
}

/** A spec with the windows that somebody needs. */
export interface NeededSpec {
  readonly spec: ResolvedSpec;
  readonly outputs: readonly { readonly name: string; readonly window: Window }[];
}

/** What the contract and the rules that matter need: nothing else is read or computed. */
export interface Needs {
  readonly rules: LiveRules;
  readonly spine: ViewNeeds;
  /** Of `feature_refs`: what joins bring to the rows and to the spine's history. */
  readonly rowJoins: ReadonlyMap<string, ViewNeeds>;
  readonly historyJoins: ReadonlyMap<string, ViewNeeds>;
  readonly history?: ViewNeeds;
  readonly spineSpecs: readonly NeededSpec[];
  /** Specs over other views, by view and time. */
  readonly viewSpecs: readonly {
    readonly view: BoundView;
    readonly time: BoundTime;
    readonly specs: readonly NeededSpec[];
  }[];
  readonly lookups: readonly ResolvedLookup[];
  readonly ages: readonly ResolvedAge[];
  readonly udfs: readonly ResolvedUdf[];
}

export function needsOf(service: ResolvedService): Needs {
  const rules = liveRules(service);
  const refs = new Map(service.refs.map((ref) => [ref.view.name, ref]));
  const spine = new ViewNeeds(service.spine).time(service.spine.time);
  const rowJoins = new Map<string, ViewNeeds>();
  const historyJoins = new Map<string, ViewNeeds>();
  const history = new ViewNeeds(service.spine).time(service.spine.time);

  const needsOfName = (name: ColumnName, own: ViewNeeds, joins: Map<string, ViewNeeds>): ViewNeeds | undefined => {
    const view = name.slice(0, Math.max(0, name.indexOf(".")));
    if (view === service.spine.name) return own;
    const ref = refs.get(view);
    return ref === undefined ? undefined : joinNeeds(ref, own, joins);
  };
  const onRow = (...names: readonly ColumnName[]) => {
    for (const name of names) needsOfName(name, spine, rowJoins)?.add([name]);
  };
  const onHistory = (...names: readonly ColumnName[]) => {
    for (const name of names) needsOfName(name, history, historyJoins)?.add([name]);
  };

  // Names of computed columns that are needed; `onRow` passes over them because they have no dot.
  const computed = new Set<ColumnName>();
  const wanted = [
    ...service.columns.flatMap(({ from }) => (from.type === "column" ? [from.column] : [])),
    ...rules.hidden.map(({ column }) => column),
    ...rules.curation.flatMap(({ where }) => where.columns),
    ...service.contentFilter.flatMap(({ columns }) => columns),
  ];
  for (const name of wanted) {
    computed.add(name);
    onRow(name);
  }
  if (service.columns.some(({ from }) => from.type === "qid") && service.session !== undefined) onRow(service.session);
  if (service.sessionFilter !== undefined)
    onRow(...[service.session, service.event].filter((name) => name !== undefined));
  const { coverage } = service;
  if (coverage !== undefined) {
    onRow(coverage.column);
    if (coverage.events !== undefined && service.event !== undefined) onRow(service.event);
  }

  const udfs = service.udfs.filter(({ name }) => computed.has(udfColumn(name)));
  for (const { name } of udfs.flatMap((udf) => udf.arguments)) {
    computed.add(name);
    onRow(name);
  }
  const ages = service.ages.filter(({ name }) => computed.has(ageColumn(name)));
  for (const age of ages) needsOfName(viewColumn(age.view, age.created.column), spine, rowJoins)?.time(age.created);

  const needed = service.specs.flatMap((spec): readonly NeededSpec[] => {
    const outputs = spec.outputs.filter(({ name }) => computed.has(rollingColumn(name)));
    return outputs.length === 0 ? [] : [{ spec, outputs }];
  });
  for (const { spec } of needed) {
    onRow(...spec.on.map(({ left }) => left));
    if (spec.excludeSelf !== undefined) onRow(spec.excludeSelf);
    if (spec.view !== undefined) continue;
    onHistory(...spec.on.map(({ right }) => right), ...(spec.where?.columns ?? []));
    if (spec.source !== undefined) onHistory(spec.source.name);
    if (spec.events !== undefined && service.event !== undefined) onHistory(service.event);
  }
  const spineSpecs = needed.filter(({ spec }) => spec.view === undefined);
  if (spineSpecs.length > 0 && coverage?.scope === "window") {
    onHistory(coverage.column);
    if (coverage.events !== undefined && service.event !== undefined) onHistory(service.event);
  }

  const lookups = service.lookups.filter(({ name }) => computed.has(lookupColumn(name)));
  for (const { on } of lookups) onRow(...on.map(({ left }) => left));

  return {
    rules,
    spine,
    rowJoins,
    historyJoins,
    ...(spineSpecs.length === 0 ? {} : { history }),
    spineSpecs,
    viewSpecs: byViewAndTime(needed),
    lookups,
    ages,
    udfs,
  };
}

/** The needs of a join of a view: and with it, of the left columns that it is joined on. */
function joinNeeds(ref: BoundRef, left: ViewNeeds, joins: Map<string, ViewNeeds>): ViewNeeds {
  const known = joins.get(ref.view.name);
  if (known !== undefined) return known;
  left.add(ref.on.map((pair) => pair.left));
  const needs = new ViewNeeds(ref.view);
  joins.set(ref.view.name, needs);
  return needs;
}

function byViewAndTime(specs: readonly NeededSpec[]): Needs["viewSpecs"] {
  const groups = new Map<string, { view: BoundView; time: BoundTime; specs: NeededSpec[] }>();
  for (const needed of specs) {
    const { view, time } = needed.spec;
    if (view === undefined) continue;
    const key = viewColumn(view.name, time.column);
    const group = groups.get(key) ?? { view, time, specs: [] };
    group.specs.push(needed);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The longest of the windows. */
export function longest(windows: Iterable<Window>): Window {
  let result: Window | undefined;
  for (const window of windows) {
    if (window === "all") return window;
    if (result === undefined || durationMicros(window) > durationMicros(result)) result = window;
  }
  return result ?? "all";
}

/** One after the other; `all` swallows. */
export function together(first: Window, second: Window): Window {
  if (first === "all" || second === "all") return "all";
  const seconds = (durationMicros(first) + durationMicros(second)) / 1_000_000n;
  return `${seconds}s` satisfies Duration;
}
