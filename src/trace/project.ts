import type { DType } from "../columnar/dtypes.js";
import { unitMicros } from "../columnar/instants.js";
import { text } from "../engines/sql/text.js";
import type { ColumnName } from "../operators/operator.js";
import type { Assignment, Expression, Project } from "../operators/project.js";
import { nearestQuotient } from "./exact-numbers.js";
import { dayNumber, floorDivide, isoDate, isoInstant } from "./instants.js";
import { constantValue, type Evaluator } from "./predicate.js";
import type { Reading } from "./reading.js";
import { instantIn } from "./references.js";
import { type Cell, cellOf, type Fault, further, type Row, valueIn } from "./row.js";
import { constantOf, readable, valueRead } from "./sql-values.js";
import type { Step } from "./steps.js";
import { converted, equalityText, equalValues, shown, type Value, valueOfLiteral } from "./values.js";

/** What expressions are computed with. `dtypes` grows with the steps. */
export interface ProjectSurroundings {
  readonly reading: Reading;
  readonly dtypes: Map<ColumnName, DType>;
  readonly needed: (column: ColumnName) => boolean;
  readonly evaluate: Evaluator;
}

/** One step after the other; each sees the ones before. */
export async function project(self: Project, rows: readonly Row[], surroundings: ProjectSurroundings): Promise<void> {
  for (const assignment of self.steps) {
    if (!surroundings.needed(assignment.column)) continue;
    const compute = await computation(self.name, assignment, rows, surroundings);
    const cells = rows.map(compute);
    for (const [index, row] of rows.entries()) {
      const cell = cells[index];
      if (cell !== undefined) row.cells.set(assignment.column, cell);
    }
    surroundings.dtypes.set(assignment.column, assignment.dtype);
  }
}

type ExpressionOf<Type extends Expression["type"]> = Extract<Expression, { readonly type: Type }>;

/** The cell that the expression gives a row; what must be asked of DuckDB is asked once for all rows. */
async function computation(
  operator: string,
  assignment: Assignment,
  rows: readonly Row[],
  { reading, dtypes, evaluate }: ProjectSurroundings,
): Promise<(row: Row, index: number) => Cell> {
  const { value, dtype, column } = assignment;
  const from = (name: ColumnName): DType => dtypes.get(name) ?? dtype;
  switch (value.type) {
    case "column":
      return (row) => fitted(operator, column, cellOf(row, value.column), from(value.column), dtype);
    case "timestamp":
      return (row) => {
        const instant = instantIn(row, value.instant);
        const micros = instant === null ? null : floorDivide(instant, 1_000n);
        const told = instant === null ? "NULL" : isoInstant(instant);
        return further(row.cells.get(value.instant.column), micros, { type: "timestamp", operator, instant: told });
      };
    case "literal": {
      const literal = valueOfLiteral(value.value, dtype);
      return () => further(undefined, literal, { type: "literal", operator, after: shown(literal, dtype) });
    }
    case "sql": {
      const constant = await constantValue(reading.session, value.sql, dtype);
      const step: Step = { type: "sql", operator, sql: value.sql, after: shown(constant, dtype) };
      return () => further(undefined, constant, step);
    }
    case "age":
      return (row) => age(operator, value, row);
    case "curate": {
      const verdicts = await evaluate(value.where, rows, dtypes);
      return (row, index) => curated(operator, value, assignment, row, verdicts[index] ?? null);
    }
    case "remap":
      return (row) => remapped(operator, value, assignment, row, from(value.column));
    case "not_null": {
      const given =
        value.defaultSql === undefined ? undefined : await constantValue(reading.session, value.defaultSql, dtype);
      return (row) => filled(operator, value, assignment, row, from(value.column), given);
    }
    case "qid":
      return qid(operator, value, rows, from(value.session), reading);
  }
}

/** A number in the dtype of the contract; what does not fit stops the run. */
function fitted(operator: string, column: string, cell: Cell, from: DType, to: DType): Cell {
  if (from === to) return cell;
  const value = converted(cell.value, from, to);
  const before = shown(cell.value, from);
  const step: Step = {
    type: "convert",
    operator,
    from,
    to,
    before,
    after: value === undefined ? "does not fit" : shown(value, to),
  };
  const fault: Fault = { kind: "stops", says: `the value ${before} of column "${column}" does not fit ${to}` };
  return value === undefined ? further(cell, null, step, fault) : further(cell, value, step);
}

function age(operator: string, { time, created, unit }: ExpressionOf<"age">, row: Row): Cell {
  const [now, then] = [instantIn(row, time), instantIn(row, created)];
  const { steps, fault } = cellOf(row, created.column);
  const step: Step = {
    type: "age",
    operator,
    time: now === null ? "NULL" : isoInstant(now),
    created: then === null ? "NULL" : isoInstant(then),
    unit,
    createdSteps: steps,
  };
  const value =
    now === null || then === null ? null : then >= now ? 0 : nearestQuotient(now - then, unitMicros(unit) * 1_000n);
  return further(undefined, value, step, fault);
}

function curated(
  operator: string,
  { value, column, where }: ExpressionOf<"curate">,
  { dtype }: Assignment,
  row: Row,
  verdict: boolean | null,
): Cell {
  const cell = cellOf(row, column);
  const after = verdict === true ? valueOfLiteral(value, dtype) : cell.value;
  return further(cell, after, {
    type: "curate",
    operator,
    where: where.text,
    verdict: verdict === null ? "NULL" : verdict ? "TRUE" : "FALSE",
    before: shown(cell.value, dtype),
    after: shown(after, dtype),
  });
}

function remapped(
  operator: string,
  { column, map, otherwise }: ExpressionOf<"remap">,
  assignment: Assignment,
  row: Row,
  from: DType,
): Cell {
  const cell = cellOf(row, column);
  const { dtype } = assignment;
  const entry = map.find(([old]) => equalValues(valueOfLiteral(old, from), cell.value));
  const step = (rule: "map" | "otherwise" | "unchanged" | "NULL stays", after: Value): Step => ({
    type: "remap",
    operator,
    rule,
    before: shown(cell.value, from),
    after: shown(after, dtype),
  });
  if (cell.value === null) return further(cell, null, step("NULL stays", null));
  if (entry !== undefined) {
    const after = valueOfLiteral(entry[1], dtype);
    return further(cell, after, step("map", after));
  }
  if (otherwise === undefined) {
    const same = fitted(operator, assignment.column, cell, from, dtype);
    return further(same, same.value, step("unchanged", same.value));
  }
  const after = valueOfLiteral(otherwise, dtype);
  return further(cell, after, step("otherwise", after));
}

function filled(
  operator: string,
  value: ExpressionOf<"not_null">,
  { column, dtype }: Assignment,
  row: Row,
  from: DType,
  given: Value | undefined,
): Cell {
  const cell = fitted(operator, column, cellOf(row, value.column), from, dtype);
  if (cell.value !== null) return cell;
  const bySql = value.defaultSql !== undefined;
  if (bySql || (value.default !== undefined && value.default !== null)) {
    const after = bySql ? (given ?? null) : valueOfLiteral(value.default ?? null, dtype);
    return further(cell, after, {
      type: "default",
      operator,
      from: bySql ? "default_sql" : "default",
      before: "NULL",
      after: shown(after, dtype),
    });
  }
  const says = `column "${column}" is declared nullable: false, has no default, and the row has no value for it`;
  return { value: null, steps: cell.steps, fault: cell.fault ?? { kind: "stops", says } };
}

/** The numbers of the rows' sessions, from the run's map. */
async function qid(
  operator: string,
  { session }: ExpressionOf<"qid">,
  rows: readonly Row[],
  dtype: DType,
  reading: Reading,
): Promise<(row: Row) => Cell> {
  const sessions = new Map(rows.map((row) => [equalityText(valueIn(row, session)), valueIn(row, session)]));
  const numbers = new Map<string, Value>();
  const asked = [...sessions.values()].filter((value) => value !== null);
  if (reading.qidMap !== undefined && asked.length > 0) {
    const constants = asked.map((value) => constantOf(value, dtype)).join(", ");
    const path = text(reading.qidMap);
    const found = await reading.session.query(
      `SELECT ${readable("session_id", dtype)} AS session, qid FROM read_parquet(${path}) WHERE session_id IN (${constants})`,
    );
    for (const answer of found) numbers.set(equalityText(valueRead(answer["session"])), valueRead(answer["qid"]));
  }
  const { time } = reading.pipeline.spine;
  return (row) => {
    const own = valueIn(row, session);
    const number = numbers.get(equalityText(own)) ?? null;
    const step: Step = {
      type: "qid",
      operator,
      session: shown(own, dtype),
      day: isoDate(dayNumber(instantIn(row, time) ?? 0n)),
      ...(number === null ? {} : { number: String(number) }),
    };
    const unnumbered: Fault | undefined =
      own !== null && number === null
        ? { kind: "unknown", says: "the session gets its number when its day is first trained" }
        : undefined;
    return further(undefined, number, step, unnumbered);
  };
}
