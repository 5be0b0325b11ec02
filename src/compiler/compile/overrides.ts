import type { OperatorOverride, OverrideValue, PipelineOverrides } from "../../definitions/pipeline-overrides.js";
import { placeOf } from "../../definitions/place.js";
import type { Project } from "../../definitions/project.js";
import { ROLLING_ENGINES, type RollingEngine } from "../../definitions/runtime.js";
import type { Place } from "../../errors/catalogue.js";
import { compilerProblem } from "../../errors/compiler.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import { DaedalusError, type Problem } from "../../errors/problem.js";
import { ENGINE_TAGS, type Schema } from "../../operators/operator.js";
import { deepFreeze } from "../../operators/operator-kind.js";
import type { AnyOperator, Pipeline } from "../../operators/pipeline.js";
import { canRunOn, schemaOf } from "../../operators/registry.js";
import { isMap, type YamlValue } from "../../operators/yaml-form.js";
import { operatorToYaml } from "../pipeline-yaml.js";

type Placing = (override: OperatorOverride, field?: string) => Place;

/** The pipeline with the overrides laid over it; each override that would change the meaning is refused with its reason. */
export function applyOverrides(
  generated: Pipeline,
  overrides: PipelineOverrides,
  project?: Pick<Project, "locations" | "textOf">,
): { readonly pipeline?: Pipeline; readonly problems: readonly Problem[] } {
  const place: Placing = (override, field) => {
    if (project === undefined) return {};
    const inFields = field !== undefined && project.locations.of(override.fields, field) !== undefined;
    return inFields ? placeOf(project, override.fields, field) : placeOf(project, override, field ?? "name");
  };
  const problems: Problem[] = [];
  const byName = new Map<string, AnyOperator>(generated.operators.map((operator) => [operator.name, operator]));
  const changed = new Map<string, AnyOperator>();
  const overridden = new Map<string, OperatorOverride>();
  for (const override of overrides.operators) {
    const operator = byName.get(override.name);
    if (operator === undefined) {
      const nearest = nearestName(override.name, byName.keys());
      problems.push(compilerProblem("unknown-operator", { name: override.name, nearest }, place(override)));
    } else {
      overridden.set(override.name, override);
      changed.set(override.name, overrideOne(operator, override, generated, place, problems));
    }
  }
  const operators = generated.operators.map((operator) => changed.get(operator.name) ?? operator);
  if (problems.length === 0) problems.push(...structureProblems(operators, overridden, place));
  if (problems.length > 0) return { problems };
  const sorted = topological(operators);
  return { pipeline: deepFreeze({ ...generated, operators: sorted }), problems: [] };
}

function overrideOne(
  operator: AnyOperator,
  override: OperatorOverride,
  generated: Pipeline,
  place: Placing,
  problems: Problem[],
): AnyOperator {
  const form = operatorToYaml(operator);
  const { name } = operator;
  const { engine, rolling_engine: rollingEngine } = override.fields;
  if (engine === "pythonic" && rollingEngine !== undefined && !sameValue(rollingEngine, form["rolling_engine"]))
    problems.push(compilerProblem("rolling-engine-of-workers", { name }, place(override, "rolling_engine")));
  let result = operator;
  for (const [field, value] of Object.entries(override.fields)) {
    const at = place(override, field);
    if (field === "engine") {
      const tag = ENGINE_TAGS.find((known) => known === value);
      const allowed = canRunOn(operator);
      const about = { name, kind: operator.kind, engine: String(value) };
      if (tag === undefined || !allowed.includes(tag))
        problems.push(compilerProblem("engine-cannot-run", { ...about, canRunOn: allowed }, at));
      else if (operator.kind === "arrow_udf_transform" && tag !== operator.engine)
        problems.push(compilerProblem("udf-engine", { name, engine: tag }, at));
      else result = { ...result, engine: tag };
    } else if (field === "rolling_engine" && operator.kind === "rolling_aggregate") {
      const engine: RollingEngine | undefined = ROLLING_ENGINES.find((known) => known === value);
      const nearest = nearestName(String(value), ROLLING_ENGINES);
      if (engine === undefined)
        problems.push(
          compilerProblem(
            "rolling-engine-not-here",
            { name, engine: String(value), here: ROLLING_ENGINES, nearest },
            at,
          ),
        );
      else if (result.kind === "rolling_aggregate") result = { ...result, rollingEngine: engine };
    } else if (field === "inputs") {
      const inputs = inputsOf(operator, value, generated, at, problems);
      if (inputs !== undefined) result = withInputs(result, inputs);
    } else if (!Object.hasOwn(form, field)) {
      const nearest = nearestName(field, Object.keys(form));
      problems.push(compilerProblem("override-field-unknown", { name: field, operator: name, nearest }, at));
    } else if (!sameValue(value, form[field])) problems.push(differing(operator, field, value, at));
  }
  return result;
}

/** A stale copy is refused, and what would break causality or `exclude_self` says so. */
function differing(operator: AnyOperator, field: string, value: OverrideValue, at: Place): Problem {
  const { name } = operator;
  if (operator.kind === "rolling_aggregate" && field === "specs" && Array.isArray(value)) {
    const lost = operator.specs.find(({ excludeSelf, name: spec }) => {
      const given = value.find((entry: OverrideValue) => isMap(entry) && entry["name"] === spec);
      return (
        excludeSelf !== undefined &&
        given !== undefined &&
        isMap(given) &&
        !sameValue(given["exclude_self"], excludeSelf)
      );
    });
    if (lost !== undefined)
      return compilerProblem("override-drops-exclude-self", { operator: name, spec: lost.name }, at);
    const loosened = operator.specs.some(({ name: spec, rightTime, availableTime }) => {
      const given = value.find((entry: OverrideValue) => isMap(entry) && entry["name"] === spec);
      if (given === undefined || !isMap(given)) return false;
      return (
        !sameValue(given["right_time"], { ...rightTime }) ||
        (availableTime !== undefined && !sameValue(given["available_time"], { ...availableTime }))
      );
    });
    if (loosened) return compilerProblem("override-loosens-strictness", { operator: name, field }, at);
  }
  const timed = operator.kind === "pit_join" || operator.kind === "rolling_aggregate";
  return timed && /(_time|timestamp_column|^ttl)$/.test(field)
    ? compilerProblem("override-loosens-strictness", { operator: name, field }, at)
    : compilerProblem("override-differs", { operator: name, field }, at);
}

function inputsOf(
  operator: AnyOperator,
  value: OverrideValue,
  generated: Pipeline,
  at: Place,
  problems: Problem[],
): readonly string[] | undefined {
  const { name } = operator;
  if (!Array.isArray(value) || !value.every((entry: OverrideValue): entry is string => typeof entry === "string")) {
    problems.push(
      compilerProblem("override-value", { operator: name, field: "inputs", expected: "a list of names" }, at),
    );
    return undefined;
  }
  if (value.length !== operator.inputs.length) {
    problems.push(
      compilerProblem("input-count", { operator: name, count: value.length, wanted: operator.inputs.length }, at),
    );
    return undefined;
  }
  const outputs = generated.operators.map(({ output }) => output);
  const unknown = value.filter((input) => !outputs.includes(input));
  for (const input of unknown) {
    const nearest = nearestName(input, outputs);
    problems.push(compilerProblem("input-unknown", { name: input, operator: name, nearest }, at));
  }
  return unknown.length === 0 ? value : undefined;
}

function withInputs(operator: AnyOperator, inputs: readonly string[]): AnyOperator {
  const [first, second] = inputs;
  switch (operator.kind) {
    case "scan":
      return operator;
    case "join":
    case "pit_join":
    case "rolling_aggregate":
      return first === undefined || second === undefined ? operator : { ...operator, inputs: [first, second] };
    default:
      return first === undefined ? operator : { ...operator, inputs: [first] };
  }
}

/** What must hold of the whole after inputs were replaced. */
function structureProblems(
  operators: readonly AnyOperator[],
  overridden: ReadonlyMap<string, OperatorOverride>,
  place: Placing,
): readonly Problem[] {
  const rewired = [...overridden.values()].find(({ fields }) => Object.hasOwn(fields, "inputs"));
  if (rewired === undefined) return [];
  const at = place(rewired, "inputs");
  const cycle = cycleOf(operators);
  if (cycle !== undefined) return [compilerProblem("cycle", { operators: cycle }, at)];
  const sorted = topological(operators);
  const before = ancestorsOf(operators, "content_filter");
  const has = (name: string) => operators.some((operator) => operator.name === name);
  if (has("curation") && has("content_filter") && !before.has("curation"))
    return [compilerProblem("filter-before-curation", {}, at)];
  const read = new Set(operators.flatMap(({ inputs }) => inputs));
  const left = operators.find(({ kind, output }) => kind !== "sink" && !read.has(output));
  if (left !== undefined) return [compilerProblem("input-left-out", { operator: rewired.name, left: left.name }, at)];
  const schemas = new Map<string, Schema>();
  for (const operator of sorted) {
    const inputs = operator.inputs.flatMap((input) => {
      const schema = schemas.get(input);
      return schema === undefined ? [] : [schema];
    });
    try {
      schemas.set(operator.output, schemaOf(operator, inputs));
    } catch (cause) {
      if (!(cause instanceof DaedalusError)) throw cause;
      return cause.problems.map((problem) => ({ ...problem, ...at }));
    }
  }
  return [];
}

function ancestorsOf(operators: readonly AnyOperator[], name: string): ReadonlySet<string> {
  const byOutput = new Map(operators.map((operator) => [operator.output, operator]));
  const found = new Set<string>();
  const open = operators.filter((operator) => operator.name === name);
  for (let next = open.pop(); next !== undefined; next = open.pop())
    for (const input of next.inputs) {
      const operator = byOutput.get(input);
      if (operator === undefined || found.has(operator.name)) continue;
      found.add(operator.name);
      open.push(operator);
    }
  return found;
}

/** The names around a cycle, the first again at the end; undefined if there is none. */
function cycleOf(operators: readonly AnyOperator[]): readonly string[] | undefined {
  const done = new Set(topological(operators).map(({ name }) => name));
  const stuck = new Map(operators.filter(({ name }) => !done.has(name)).map((operator) => [operator.output, operator]));
  const path: string[] = [];
  let next = [...stuck.values()][0];
  while (next !== undefined) {
    const seen = path.indexOf(next.name);
    if (seen >= 0) return [...path.slice(seen), next.name].reverse();
    path.push(next.name);
    const input: string | undefined = next.inputs.find((name) => stuck.has(name));
    next = input === undefined ? undefined : stuck.get(input);
  }
  return undefined;
}

/** The operators with inputs before readers, else in their given order; those in a cycle are left out. */
function topological(operators: readonly AnyOperator[]): readonly AnyOperator[] {
  const made = new Set<string>();
  const sorted: AnyOperator[] = [];
  let waiting = operators;
  while (waiting.length > 0) {
    const later: AnyOperator[] = [];
    for (const operator of waiting) {
      if (operator.inputs.every((input) => made.has(input))) {
        sorted.push(operator);
        made.add(operator.output);
      } else later.push(operator);
    }
    if (later.length === waiting.length) return sorted;
    waiting = later;
  }
  return sorted;
}

function sameValue(left: OverrideValue | undefined, right: YamlValue | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  if (Array.isArray(left) || Array.isArray(right))
    return (
      Array.isArray(left) &&
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((entry: OverrideValue, index) => sameValue(entry, right[index]))
    );
  if (isMap(left) && isMap(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].every((key) => sameValue(left[key], right[key]));
  }
  return Object.is(left, right);
}
