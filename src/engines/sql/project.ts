import { isFloat, isInteger } from "../../columnar/dtypes.js";
import { unitMicros } from "../../columnar/instants.js";
import type { Literal } from "../../definitions/literal.js";
import type { ColumnName } from "../../operators/operator.js";
import type { Assignment, Expression, Project } from "../../operators/project.js";
import { clockOf, onClock } from "./clock.js";
import type { Planner } from "./planner.js";
import { constant, identifier, text } from "./text.js";
import { typeName } from "./values.js";
import { EXACT_QUOTIENT } from "./vectorised-functions.js";

/** Expressions wait until the rows are written: each sees the columns as the steps before left them. */
export function project(self: Project, planner: Planner): void {
  planner.layers.push(self);
  planner.continueRows(self.output);
}

/** The columns that an expression reads. */
export function readsOf(value: Expression): readonly ColumnName[] {
  switch (value.type) {
    case "column":
    case "remap":
    case "not_null":
      return [value.column];
    case "timestamp":
      return [value.instant.column];
    case "age":
      return [value.time.column, value.created.column];
    case "curate":
      return [value.column, ...value.where.columns];
    case "qid":
      return [qidColumn(value.session)];
    case "literal":
    case "sql":
      return [];
  }
}

/** The row column that holds a session's integer; the planner joins it from the run's map. */
export function qidColumn(session: ColumnName): ColumnName {
  return `qid:${session}`;
}

export function expressionSql(assignment: Assignment): string {
  const { value, dtype, column } = assignment;
  switch (value.type) {
    case "column":
      return fitting(identifier(value.column), assignment);
    case "timestamp":
      return value.instant.resolution === "us"
        ? `make_timestamp(${identifier(value.instant.column)})`
        : `make_timestamp(${identifier(value.instant.column)} // 1000 - CASE WHEN ${identifier(value.instant.column)} % 1000 < 0 THEN 1 ELSE 0 END)`;
    case "literal":
      return typed(value.value, assignment);
    case "sql":
      return `CAST((${value.sql}) AS ${typeName(dtype)})`;
    case "age":
      return ageSql(value);
    case "curate":
      return `CASE WHEN (${value.where.sql}) THEN ${typed(value.value, assignment)} ELSE ${identifier(value.column)} END`;
    case "remap":
      return remapSql(value, assignment);
    case "not_null": {
      const source = fitting(identifier(value.column), assignment);
      if (value.defaultSql !== undefined)
        return `coalesce(${source}, CAST((${value.defaultSql}) AS ${typeName(dtype)}))`;
      if (value.default !== undefined && value.default !== null)
        return `coalesce(${source}, ${typed(value.default, assignment)})`;
      return `CASE WHEN ${identifier(value.column)} IS NULL THEN error(${text(`daedalus:null-value:${column}`)}) ELSE ${source} END`;
    }
    case "qid":
      return `CAST(${identifier(qidColumn(value.session))} AS ${typeName(dtype)})`;
  }
}

function typed(value: Literal, { dtype }: Assignment): string {
  return `CAST(${constant(value)} AS ${typeName(dtype)})`;
}

/** A conversion between numbers; what does not fit stops the run, naming the column and the value. */
function fitting(source: string, { dtype, column }: Assignment): string {
  const cast = `CAST(${source} AS ${typeName(dtype)})`;
  if (!isInteger(dtype) && !isFloat(dtype)) return cast;
  const message = `${text(`daedalus:value-does-not-fit:${column}|${dtype}|`)} || CAST(${source} AS VARCHAR)`;
  return `CASE WHEN ${source} IS NOT NULL AND TRY_CAST(${source} AS ${typeName(dtype)}) IS NULL THEN error(${message}) ELSE ${cast} END`;
}

function remapSql(value: Extract<Expression, { type: "remap" }>, assignment: Assignment): string {
  const column = identifier(value.column);
  const cases = value.map.map(([from, to]) => ` WHEN ${column} = ${constant(from)} THEN ${typed(to, assignment)}`);
  const otherwise = value.otherwise === undefined ? fitting(column, assignment) : typed(value.otherwise, assignment);
  return `CASE WHEN ${column} IS NULL THEN NULL${cases.join("")} ELSE ${otherwise} END`;
}

/** Exact: a difference below 2^53 ticks divides with one rounding as doubles, a larger one goes through integers. */
function ageSql({ time, created, unit }: Extract<Expression, { type: "age" }>): string {
  const clock = clockOf(time, created);
  const wide = (instant: typeof time): string =>
    `CAST(${onClock(identifier(instant.column), instant.resolution, clock)} AS HUGEINT)`;
  const difference = `(${wide(time)} - ${wide(created)})`;
  const ticks = unitMicros(unit) * (clock.ticks === "ns" ? 1000n : 1n);
  const divisor = `CAST('${ticks}' AS HUGEINT)`;
  const exact = `${EXACT_QUOTIENT}(CAST(${difference} // ${divisor} AS BIGINT), CAST(${difference} % ${divisor} AS BIGINT), CAST('${ticks}' AS BIGINT))`;
  return (
    `CASE WHEN ${identifier(created.column)} IS NULL THEN NULL WHEN ${difference} <= 0 THEN CAST(0 AS DOUBLE)` +
    ` WHEN ${difference} <= 9007199254740992 THEN CAST(${difference} AS DOUBLE) / CAST(${divisor} AS DOUBLE) ELSE ${exact} END`
  );
}
