import { quotient } from "./exact-numbers.js";
import { lookupDtype, lookupValue } from "./lookup.js";
import type { ColumnModel, ProjectModel, Tables } from "./project-model.js";
import { convert, dtypeOf, floorDivide, literal, type Row, unitNanos } from "./relation.js";
import { rollingDtype, rollingValue } from "./rolling.js";
import { dtypeAt, isTrue, type Reference, type Scope, scopeOf } from "./service-scope.js";
import { dayNumber, dayOf, daysOf, filterSessions, qidMap } from "./sessions.js";
import { compareValues, type Dtype, equalValues, isIntegerType, OracleStop, type Value } from "./values.js";

export interface TrainingDay {
  readonly columns: readonly { readonly name: string; readonly dtype: Dtype }[];
  readonly rows: readonly (readonly Value[])[];
  /** Rows of each part file. */
  readonly parts: readonly number[];
}

/** What a name yields at a row: a producer of the working table. */
interface Producer {
  readonly dtype: Dtype;
  readonly value: (row: Row) => Value;
}

/** The values of the constant expressions that tests use as `default_sql`. */
const CONSTANT_SQL: Readonly<Record<string, Value>> = {
  "CAST(NULL AS FLOAT[])": null,
  "CAST(NULL AS BIGINT)": null,
  "20 + 1": 21n,
  "lower('ABC')": "abc",
  "[1, 2]": [1n, 2n],
  "CAST(1.5 AS DOUBLE)": 1.5,
  "1 = 1": true,
};

/** The exact rows of a day, in file order. `days`: the target days of the run, for `qid`. */
export function trainingDay(
  project: ProjectModel,
  tables: Tables,
  service: string,
  day: string,
  days?: readonly string[],
): TrainingDay {
  const scope = scopeOf(project, tables, service);
  const { runtime, spine } = scope;
  const sessions = qidMap(spine, runtime, days ?? daysOf(spine, runtime));
  const working = workingTable(scope, sessions);

  const number = dayNumber(day);
  const target = filterSessions(
    spine.rows.filter((row) => dayOf(spine, row) === number),
    runtime,
  );
  const order = (runtime.output_columns ?? scope.service.columns.map((column) => column.name)).flatMap((entry) => {
    const output = typeof entry === "string" ? { name: entry } : entry;
    const column = scope.service.columns.find((candidate) => candidate.name === output.name);
    return column === undefined ? [] : [{ ...output, column }];
  });

  const finished = target.flatMap((row) => {
    const cells = finish(scope, working, row);
    if (cells === undefined) return [];
    const values = order.map(({ column, ...output }) => {
      const dtype = dtypeOf(column.dtype);
      const preset = defaultOf(column, output, dtype);
      if (!working.has(column.name)) return preset ?? null;
      const cell = contract(
        scope,
        column,
        cells.get(column.name) ?? null,
        working.get(column.name)?.dtype ?? dtype,
        row,
      );
      if (cell !== null || (column.nullable ?? true)) return cell;
      if (preset === undefined || preset === null) throw new OracleStop(`NULL in ${column.name}`);
      return preset;
    });
    return [{ instant: row.instants[spine.time ?? ""] ?? 0n, values }];
  });

  const keysFirst = [
    ...order.flatMap(({ column }, i) => (column.kind === "key" ? [i] : [])),
    ...order.flatMap(({ column }, i) => (column.kind === "key" ? [] : [i])),
  ];
  finished.sort((a, b) => {
    if (a.instant !== b.instant) return a.instant < b.instant ? -1 : 1;
    for (const i of keysFirst) {
      const order = compareValues(a.values[i] ?? null, b.values[i] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  });
  const chunk = runtime.entity_spine_chunk_rows ?? 500_000;
  const parts: number[] = [];
  for (let left = finished.length; left > 0; left -= chunk) parts.push(Math.min(chunk, left));
  return {
    columns: order.map(({ column }) => ({ name: column.name, dtype: dtypeOf(column.dtype) })),
    rows: finished.map((one) => one.values),
    parts: parts.length === 0 ? [0] : parts,
  };
}

function defaultOf(
  column: ColumnModel,
  output: { readonly default?: Value; readonly default_sql?: string },
  dtype: Dtype,
): Value | undefined {
  if (output.default_sql !== undefined) {
    const value = CONSTANT_SQL[output.default_sql];
    if (value === undefined) throw new Error(`the oracle does not know ${output.default_sql}`);
    return literal(value, dtype);
  }
  if (output.default !== undefined) return literal(output.default, dtype);
  return column.default === undefined ? undefined : literal(column.default, dtype);
}

/** Contract names first; `hidden` names are found on demand. */
function workingTable(scope: Scope, sessions: readonly Value[]): Map<string, Producer> {
  const table = new Map<string, Producer>();
  for (const column of scope.service.columns) {
    const producer = producerOf(scope, column, sessions);
    if (producer) table.set(column.name, producer);
  }
  return table;
}

function atReference(scope: Scope, reference: Reference): Producer {
  return { dtype: dtypeAt(reference), value: (row) => scope.valueAt(row, reference) };
}

function producerOf(scope: Scope, column: ColumnModel, sessions: readonly Value[]): Producer | undefined {
  const from = column.column ?? column.name;
  switch (column.kind) {
    case "key":
    case "spine": {
      const reference = scope.resolve(from);
      return reference && reference.asOf === "spine" && reference.column in reference.relation.dtypes
        ? atReference(scope, reference)
        : undefined;
    }
    case "static": {
      const reference = scope.resolve(from, "others");
      return reference && reference.column in reference.relation.dtypes ? atReference(scope, reference) : undefined;
    }
    case "derived":
      return column.name === "qid" ? qid(scope, sessions) : age(scope, column.name);
    case "rolling":
      return rolling(scope, column.name);
    case "lookup":
      return lookup(scope, column.name);
    case "embedding":
      return undefined;
  }
}

function qid(scope: Scope, sessions: readonly Value[]): Producer | undefined {
  const session = scope.runtime.spine?.session;
  if (session === undefined) return undefined;
  return {
    dtype: "BIGINT",
    value: (row) => {
      const id = row.values[session] ?? null;
      const at = sessions.findIndex((known) => equalValues(known, id));
      return id === null ? null : BigInt(at);
    },
  };
}

function age(scope: Scope, name: string): Producer | undefined {
  const declared = scope.runtime.age_columns?.find((candidate) => candidate.name === name);
  const created = declared && scope.resolve(declared.created);
  if (declared === undefined || created === undefined) return undefined;
  return {
    dtype: "DOUBLE",
    value: (row) => {
      const t = row.instants[scope.spine.time ?? ""] ?? 0n;
      const from = scope.instantAt(row, created);
      if (from === null) return null;
      return from >= t ? 0 : quotient(t - from, unitNanos(declared.unit));
    },
  };
}

function rolling(scope: Scope, name: string): Producer | undefined {
  for (const spec of scope.project.aggregations?.aggregation_specs ?? [])
    for (const window of spec.windows)
      if (name === (window === "all" ? spec.name : `${spec.name}_${window}`))
        return { dtype: rollingDtype(scope, spec), value: (row) => rollingValue(scope, spec, window, row) };
  return undefined;
}

function lookup(scope: Scope, name: string): Producer | undefined {
  const declared = scope.runtime.lookups?.find((candidate) => candidate.name === name);
  if (declared === undefined) return undefined;
  return { dtype: lookupDtype(scope, declared), value: (row) => lookupValue(scope, declared, row) };
}

/** Curation, content filter, remap. Undefined: the row goes. */
function finish(scope: Scope, working: ReadonlyMap<string, Producer>, row: Row): Map<string, Value> | undefined {
  const cells = new Map<string, Value>();
  const producerAt = (name: string): Producer => {
    const declared = working.get(name) ?? age(scope, name) ?? lookup(scope, name) ?? rolling(scope, name);
    if (declared) return declared;
    const reference = scope.resolve(name);
    if (reference === undefined) throw new Error(`no working column ${name}`);
    return atReference(scope, reference);
  };
  const current = (name: string): Value => {
    if (name.includes(".")) return producerAt(name).value(row);
    const known = cells.get(name);
    if (known !== undefined) return known;
    const fresh = producerAt(name).value(row);
    cells.set(name, fresh);
    return fresh;
  };
  for (const rule of scope.runtime.curation ?? []) {
    if (isTrue(rule.where, current)) cells.set(rule.column, literal(rule.value, producerAt(rule.column).dtype));
  }
  for (const rule of scope.runtime.content_filter ?? []) if (isTrue(rule.drop_where, current)) return undefined;
  const remap = scope.runtime.retriever_remap;
  if (remap) {
    const { dtype } = producerAt(remap.column);
    const value = current(remap.column);
    const entry = remap.map.find(([from]) => equalValues(literal(from, dtype), value));
    const otherwise = remap.otherwise === undefined ? value : literal(remap.otherwise, dtype);
    if (value !== null) cells.set(remap.column, entry ? literal(entry[1], dtype) : otherwise);
  }
  for (const name of working.keys()) current(name);
  return cells;
}

/** What the operator yields, as the contract wants it. */
function contract(scope: Scope, column: ColumnModel, value: Value, from: Dtype, row: Row): Value {
  const to = dtypeOf(column.dtype);
  if (value === null) return null;
  if (to === "TIMESTAMP" && isIntegerType(from)) {
    const instant = row.instants[scope.spine.time ?? ""] ?? 0n;
    return floorDivide(instant, 1_000n);
  }
  return convert(value, from, to);
}
