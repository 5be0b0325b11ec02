import type { ColumnName } from "../../operators/operator.js";
import type { AnyOperator, Pipeline } from "../../operators/pipeline.js";
import type { Assignment } from "../../operators/project.js";
import type { Sink } from "../../operators/sink.js";
import { filter } from "./filter.js";
import { join } from "./join.js";
import type { DayPlan, SelectRequest } from "./plan.js";
import { Planner } from "./planner.js";
import { pointInTimeJoin } from "./point-in-time-join.js";
import { engineProblem } from "./problems.js";
import { expressionSql, project, qidColumn, readsOf } from "./project.js";
import { rollingAggregate } from "./rolling-aggregate.js";
import { scan } from "./scan.js";
import { identifier } from "./text.js";

/** The view of the run's `qid_map.parquet`. */
export const QID_MAP = "qid_map";

/** Composes the SQL of a day, the same for every day: only the scans' views depend on which. */
export function planDay(pipeline: Pipeline): DayPlan {
  const planner = new Planner(pipeline);
  let sink: Sink | undefined;
  for (const operator of pipeline.operators) {
    planner.working = operator.name;
    if (operator.kind === "sink") sink = operator;
    else {
      if (operator.kind !== "scan" && !isRowFilter(operator)) anticipateKeys(planner, operator.name);
      compose(operator, planner);
    }
  }
  if (!sink) throw new RangeError(`the pipeline of "${pipeline.service}" has no sink`);
  joinQids(planner);
  const rows = planner.rows;
  const columns = pipeline.output.map((column) => column.name);
  const finishes = selectRows(planner, { from: "rows", columns, filtered: true }).operators;
  const [time = "", ...order] = sink.orderBy;
  return {
    scans: planner.scans,
    tables: planner.tables,
    target: planner.target,
    rows,
    contentFilters: planner.layers.flatMap((layer) => (layer.kind === "filter" ? [layer.name] : [])),
    output: pipeline.output,
    partRows: sink.partRows,
    unbounded: planner.unbounded,
    finishes: finishes.filter((operator) => operator !== sink.name),
    select: (request) => selectRows(planner, request).sql,
    reads: (wanted) => readsOfSelect(selectRows(planner, { from: "rows", columns: wanted, filtered: false }).sql),
    order: { time, resolution: pipeline.spine.time.resolution, columns: order },
  };
}

/** One cell per operator that this engine runs. */
function compose(operator: AnyOperator, planner: Planner): void {
  switch (operator.kind) {
    case "scan":
      scan(operator, planner);
      break;
    case "filter":
      filter(operator, planner);
      break;
    case "project":
      project(operator, planner);
      break;
    case "join":
      join(operator, planner);
      break;
    case "pit_join":
      pointInTimeJoin(operator, planner);
      break;
    case "rolling_aggregate":
      rollingAggregate(operator, planner);
      break;
    case "ray_udf_transform":
      // Its columns are the typed NULLs of the output project until enrich.
      planner.continueRows(operator.output);
      break;
    case "arrow_udf_transform":
      throw engineProblem("not-executed", { operator: operator.name });
    case "sink":
      break;
  }
}

function isRowFilter(operator: AnyOperator): boolean {
  return operator.kind === "filter" && operator.rule.type !== "drop_where";
}

/** The key sets of all joins over columns that the rows have, so that the rows are copied once for all of them. */
function anticipateKeys(planner: Planner, operator: string): void {
  if (planner.keysAnticipated) return;
  planner.keysAnticipated = true;
  const sets: { readonly key: ColumnName[]; readonly user: string }[] = [];
  for (const later of planner.pipeline.operators) {
    const user = later.name;
    if (later.kind === "join" || later.kind === "pit_join") sets.push({ key: later.on.map((pair) => pair.left), user });
    else if (later.kind === "rolling_aggregate")
      for (const spec of later.specs) sets.push({ key: spec.on.map((pair) => pair.left), user });
    else if (later.kind === "project")
      for (const step of later.steps) if (step.value.type === "qid") sets.push({ key: [step.value.session], user });
  }
  const onTheWay = operatorsOfRows(planner.pipeline);
  const present = sets.filter(({ key }) => key.every((name) => planner.has(name)));
  planner.makeKeys(
    present.map(({ key }) => key),
    operator,
    present.map(({ user }) => user).filter((user) => onTheWay.has(user)),
  );
}

/** The operators that the rows pass, from the spine's scan to the sink: what is joined to histories is not among them. */
function operatorsOfRows({ operators }: Pipeline): ReadonlySet<string> {
  const byOutput = new Map(operators.map((operator) => [operator.output, operator]));
  const names = new Set<string>();
  for (let operator = operators.at(-1); operator !== undefined; operator = byOutput.get(operator.inputs[0] ?? ""))
    names.add(operator.name);
  return names;
}

function joinQids(planner: Planner): void {
  for (const layer of planner.layers)
    for (const step of layer.kind === "project" ? layer.steps : []) {
      if (step.value.type !== "qid") continue;
      planner.working = layer.name;
      const session = step.value.session;
      const keys = planner.keys([{ left: session, right: session }], layer.name);
      const table = planner.table({
        name: planner.name("qids"),
        operator: layer.name,
        sql: `SELECT k.kid, m.qid FROM ${keys.table} k LEFT JOIN ${QID_MAP} m ON k.${identifier(session)} = m.session_id UNION ALL SELECT 0, NULL`,
      });
      const alias = planner.name("q");
      planner.joinKeyed({ alias, table, keyColumn: keys.column });
      planner.define(qidColumn(session), { sql: `${alias}.qid`, dtype: "BIGINT", joins: [alias] });
    }
}

function readsOfSelect(sql: string): { readonly stored: readonly string[]; readonly joins: boolean } {
  const stored = new Set(
    [...sql.matchAll(/\bo\."((?:[^"]|"")+)"/g)].map((match) => (match[1] ?? "").replaceAll('""', '"')),
  );
  return { stored: [...stored], joins: sql.includes(" JOIN ") };
}

type Step = { readonly operator: string } & (
  | { readonly assign: Assignment }
  | { readonly dropWhere: readonly string[]; readonly reads: readonly string[] }
);

/**
 * Only what the wanted columns need is computed and joined: the steps are walked backwards from them. `operators` are those
 * whose work that is.
 */
function selectRows(planner: Planner, request: SelectRequest): { sql: string; operators: readonly string[] } {
  const needed = new Set(request.columns);
  const steps: Step[] = [];
  for (const step of stepsOf(planner).reverse()) {
    if ("assign" in step) {
      if (!needed.delete(step.assign.column)) continue;
      for (const name of readsOf(step.assign.value)) needed.add(name);
    } else {
      if (!request.filtered) continue;
      for (const name of step.reads) needed.add(name);
    }
    steps.unshift(step);
  }
  const base = [...needed].map((name) => ({ name, column: planner.column(name) }));
  const carried = (request.carry ?? []).filter((name) => !needed.has(name)).map((name) => `o.${identifier(name)}`);
  const joins = planner.joinsOf(base.flatMap(({ column }) => column.joins));
  const selected = [...carried, ...base.map(({ name, column }) => `${column.sql} AS ${identifier(name)}`)];
  let sql = `SELECT ${selected.length === 0 ? "1" : selected.join(", ")} FROM ${request.from} o${joins}`;
  for (const layer of layersOf(steps, needed)) sql = `${layer.select} FROM (${sql})${layer.where}`;
  const wanted = [...(request.carry ?? []).filter((name) => !request.columns.includes(name)), ...request.columns];
  return {
    sql: `SELECT ${wanted.map(identifier).join(", ")} FROM (${sql})`,
    operators: [...new Set([...planner.makersOf([...needed]), ...steps.map(({ operator }) => operator)])],
  };
}

function stepsOf(planner: Planner): Step[] {
  return planner.layers.flatMap((layer): Step[] => {
    const operator = layer.name;
    if (layer.kind === "project") return layer.steps.map((assign) => ({ operator, assign }));
    if (layer.rule.type !== "drop_where") return [];
    const { anyOf } = layer.rule;
    return [{ operator, dropWhere: anyOf.map((rule) => rule.sql), reads: anyOf.flatMap((rule) => rule.columns) }];
  });
}

/** Steps that do not see each other's results share a layer. */
function layersOf(steps: readonly Step[], present: ReadonlySet<string>): { select: string; where: string }[] {
  const layers: { select: string; where: string }[] = [];
  const known = new Set(present);
  let batch: Assignment[] = [];
  const close = (): void => {
    if (batch.length === 0) return;
    const replaced = batch.filter((assign) => known.has(assign.column)).map((assign) => identifier(assign.column));
    const star = replaced.length === 0 ? "*" : `* EXCLUDE (${replaced.join(", ")})`;
    const everything = known.size === replaced.length && present.size === 0 ? "" : `${star}, `;
    layers.push({
      select: `SELECT ${everything}${batch.map((assign) => `${expressionSql(assign)} AS ${identifier(assign.column)}`).join(", ")}`,
      where: "",
    });
    for (const assign of batch) known.add(assign.column);
    batch = [];
  };
  for (const step of steps) {
    if ("assign" in step) {
      const assigned = new Set(batch.map((assign) => assign.column));
      if (assigned.has(step.assign.column) || readsOf(step.assign.value).some((name) => assigned.has(name))) close();
      batch.push(step.assign);
    } else {
      close();
      layers.push({
        select: "SELECT *",
        where: ` WHERE NOT (${step.dropWhere.map((sql) => `coalesce((${sql}), FALSE)`).join(" OR ")})`,
      });
    }
  }
  close();
  return layers;
}
