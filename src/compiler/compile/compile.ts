import type { PipelineOverrides } from "../../definitions/pipeline-overrides.js";
import type { Project } from "../../definitions/project.js";
import type { Problem } from "../../errors/problem.js";
import { type Filter, filter } from "../../operators/filter.js";
import { deepFreeze } from "../../operators/operator-kind.js";
import type { AnyOperator, Pipeline } from "../../operators/pipeline.js";
import type { RollingAggregate } from "../../operators/rolling-aggregate.js";
import { instantColumn, instantOf } from "../names.js";
import type { ResolvedService } from "../resolve/resolved-service.js";
import { assemblyOperators } from "./assembly.js";
import { lookupOperators, refJoin, refScan } from "./joins.js";
import { longest, type Needs, needsOf, ViewNeeds } from "./needs.js";
import { applyOverrides } from "./overrides.js";
import { rollingOperators } from "./rolling.js";
import { historyOf, scanOf } from "./scans.js";

export interface Compilation {
  /** Absent if an override is refused. */
  readonly pipeline?: Pipeline;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * The DAG of a resolved service, with the author's overrides. Pure, and linear in the number of columns. `project` tells
 * where the overrides stand; it is only asked for places.
 */
export function compile(
  service: ResolvedService,
  overrides?: PipelineOverrides,
  project?: Pick<Project, "locations" | "textOf">,
): Compilation {
  const generated = generate(service);
  if (overrides === undefined) return { pipeline: generated, problems: [], warnings: [] };
  return { warnings: [], ...applyOverrides(generated, overrides, project) };
}

function generate(service: ResolvedService): Pipeline {
  const needs = needsOf(service);
  const { spine } = service;
  if (spine.time === undefined) throw new RangeError(`the spine view ${spine.name} was resolved without a time`);
  const time = instantOf(spine.name, spine.time);
  const operators: AnyOperator[] = [];
  let rows = "";
  const names = new Set<string>();
  /** Under a name that no other has: that of a view and its history (`a`, `a_history`) may be the same as another view's. */
  const add = <T extends AnyOperator>(operator: T): T => {
    let { name } = operator;
    for (let n = 2; names.has(name.toLowerCase()); n++) name = `${operator.name}_${n}`;
    names.add(name.toLowerCase());
    const named = name === operator.name ? operator : { ...operator, name, output: name };
    operators.push(named);
    return named;
  };
  const through = (operator: AnyOperator) => {
    rows = add(operator).output;
  };
  const roll = (made: readonly RollingAggregate[]) => {
    for (const rolling of made) through({ ...rolling, inputs: [rows, rolling.inputs[1]] });
  };

  through(scanOf(`scan_${spine.name}`, needs.spine, { kind: "target_day", instant: time.column }));
  if (service.coverage !== undefined) through(coverageFilter(service, "coverage_filter", rows));
  // Judges the day's rows as a whole: joins add columns and never rows, so it may stand before them and spare their work.
  if (service.sessionFilter !== undefined) through(sessionFilter(service, rows));

  const scanned = new Map<string, string>();
  for (const ref of service.refs) {
    const wanted = needs.rowJoins.get(ref.view.name);
    if (wanted === undefined) continue;
    const right = add(refScan(ref, needs));
    scanned.set(ref.view.name, right.output);
    through(refJoin(`join_${ref.view.name}`, ref, wanted, [rows, right.output], time, service.pitEngine));
  }
  const history = spineHistory(service, needs, scanned, add);
  if (history !== undefined) roll(rollingOperators(service, "rolling", needs.spineSpecs, { rows, history, time }));
  for (const group of needs.viewSpecs) {
    const { name } = group.view;
    const suffix = group.time.column === group.view.time?.column ? "" : `_by_${group.time.column}`;
    const wanted = new ViewNeeds(group.view).time(group.time);
    for (const { spec } of group.specs) {
      wanted.add([...spec.on.map(({ right }) => right), ...(spec.where?.columns ?? [])]).time(spec.view?.available);
      if (spec.source !== undefined) wanted.add([spec.source.name]);
    }
    const lookback = longest(group.specs.flatMap(({ outputs }) => outputs.map(({ window }) => window)));
    const range = historyOf(group.view, group.time, lookback);
    const right = add(scanOf(`scan_${name}_history${suffix}`, wanted, range));
    const inputs = { rows, history: right.output, time };
    roll(rollingOperators(service, `rolling_${name}${suffix}`, group.specs, inputs));
  }
  for (const lookup of needs.lookups) {
    const [right, joined] = lookupOperators(lookup, rows, time, service.pitEngine);
    through({ ...joined, inputs: [rows, add(right).output] });
  }
  for (const operator of assemblyOperators(service, needs, rows, time)) through(operator);

  const qid = service.columns.some(({ from }) => from.type === "qid");
  return deepFreeze({
    service: service.name,
    version: service.version,
    spine: { view: spine.name, time, ...(qid && service.session !== undefined ? { session: service.session } : {}) },
    operators,
    output: service.columns.map(({ name, dtype }) => ({ name, dtype })),
    embeddings: operators.some(({ engine, kind }) => engine === "pythonic" && kind !== "rolling_aggregate"),
  });
}

/** The spine's history with the view columns that specs need; undefined if no spec is over it. */
function spineHistory(
  service: ResolvedService,
  needs: Needs,
  /** Views that the rows are joined with: what their scans give. */
  scanned: ReadonlyMap<string, string>,
  add: (operator: AnyOperator) => AnyOperator,
): string | undefined {
  const { spine } = service;
  if (needs.history === undefined || spine.time === undefined) return undefined;
  const lookback = longest(needs.spineSpecs.flatMap(({ outputs }) => outputs.map(({ window }) => window)));
  let history = add(
    scanOf(`scan_${spine.name}_history`, needs.history, {
      kind: "history",
      instant: instantColumn(spine.name, spine.time.column),
      lookback,
    }),
  ).output;
  if (service.coverage?.scope === "window")
    history = add(coverageFilter(service, "coverage_filter_history", history)).output;
  for (const ref of service.refs) {
    const { name } = ref.view;
    const wanted = needs.historyJoins.get(name);
    if (wanted === undefined) continue;
    const inputs = [history, scanned.get(name) ?? add(refScan(ref, needs)).output] as const;
    const leftTime = instantOf(spine.name, spine.time);
    history = add(refJoin(`history_join_${name}`, ref, wanted, inputs, leftTime, service.pitEngine)).output;
  }
  return history;
}

function coverageFilter(service: ResolvedService, name: string, input: string): Filter {
  const { coverage, event } = service;
  if (coverage === undefined) throw new RangeError("the service has no coverage filter");
  return filter.of({
    name,
    engine: "sql",
    inputs: [input],
    output: name,
    rule: {
      type: "coverage",
      store: coverage.store,
      column: coverage.column,
      ...(coverage.events === undefined || event === undefined
        ? {}
        : { events: { column: event, values: coverage.events } }),
    },
  });
}

function sessionFilter(service: ResolvedService, input: string): Filter {
  const { sessionFilter: rule, session, event } = service;
  if (rule === undefined || session === undefined || event === undefined)
    throw new RangeError("the session filter was resolved without its columns");
  const name = "session_filter";
  return filter.of({
    name,
    engine: "sql",
    inputs: [input],
    output: name,
    rule: { type: "session", session, event, ...rule },
  });
}
