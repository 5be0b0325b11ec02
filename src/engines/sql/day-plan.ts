import type { ArrowUdfTransform } from "../../operators/arrow-udf-transform.js";
import type { ColumnName, KeyPair, Predicate } from "../../operators/operator.js";
import type { AnyOperator, Pipeline } from "../../operators/pipeline.js";
import type { Assignment } from "../../operators/project.js";
import type { Sink } from "../../operators/sink.js";
import { areIntegerKeys } from "../kernel/windows.js";
import { SQL_CELLS, type SqlCells } from "./cells.js";
import type { Check, CheckedRows } from "./culprit.js";
import type { DayPlan, SelectRequest, SettledColumns } from "./plan.js";
import { Planner, type RowColumn } from "./planner.js";
import { expressionSql, qidColumn, readsOf } from "./project.js";
import { identifier } from "./text.js";
import { callOf } from "./user-functions.js";

/** Rows a reader can hold while it decodes a group; DuckDB's own default, a multiple of its vectors. */
const ROW_GROUP_ROWS = 122_880;
/** Of parts that are read again to be filled in: threads read them group by group, and of few large ones some wait for the last. */
const UNFINISHED_GROUP_ROWS = 20_480;

/** The view of the run's `qid_map.parquet`. */
export const QID_MAP = "qid_map";

/**
 * Composes the SQL of a day, the same for every day: only the scans' views depend on which. `cells`: others than the
 * engine's own (tests put in some that leak).
 */
export function planDay(pipeline: Pipeline, cells: SqlCells = SQL_CELLS): DayPlan {
  const planner = new Planner(pipeline);
  let sink: Sink | undefined;
  for (const operator of pipeline.operators) {
    planner.working = operator.name;
    if (operator.kind === "sink") sink = operator;
    else {
      if (operator.kind !== "scan" && !isRowFilter(operator)) anticipateKeys(planner, operator.name);
      compose(operator, planner, cells);
    }
  }
  if (!sink) throw new RangeError(`the pipeline of "${pipeline.service}" has no sink`);
  joinQids(planner);
  const rows = planner.rows;
  const steps = stepsOf(planner);
  const [time = "", ...order] = sink.orderBy;
  const columns = pipeline.output.map((column) => column.name);
  const settled = settledColumns(planner, steps, columns);
  const finishes = finishersOf(planner, steps, columns);
  return {
    scans: planner.scans,
    steps: planner.steps,
    target: planner.target,
    rows,
    sink: sink.name,
    checks: { sides: planner.checks, steps: steps.flatMap((_, index) => checksOf(planner, steps, index, settled)) },
    contentFilters: planner.layers.flatMap((layer) => (layer.kind === "filter" ? [layer.name] : [])),
    output: pipeline.output,
    partRows: sink.partRows,
    rowGroupRows: pipeline.embeddings ? UNFINISHED_GROUP_ROWS : ROW_GROUP_ROWS,
    ofRun: planner.ofRun,
    finishes: finishes.filter((operator) => operator !== sink.name),
    select: ({ settled: isSettled, ...request }) =>
      selectRows(planner, steps, { ...request, ...(isSettled === true ? { settled } : {}) }),
    kernelsOf: ({ settled: isSettled, ...request }) =>
      kernelsOf(planner, steps, { ...request, ...(isSettled === true ? { settled } : {}) }),
    isStored: (wanted) => !JOINED.test(selectRows(planner, steps, { from: "rows", columns: wanted, filtered: false })),
    isSettled: (wanted) =>
      !JOINED.test(selectRows(planner, steps, { from: "rows", settled, columns: wanted, filtered: false })),
    settled,
    joinsAtEnd: / JOIN /.test(selectRows(planner, steps, { from: "rows", settled, columns, filtered: false })),
    order: { time, resolution: pipeline.spine.time.resolution, columns: order },
  };
}

/** One cell per operator that this engine runs. */
function compose(operator: AnyOperator, planner: Planner, cells: SqlCells): void {
  switch (operator.kind) {
    case "scan":
      cells.scan(operator, planner);
      break;
    case "filter":
      cells.filter(operator, planner);
      break;
    case "project":
      cells.project(operator, planner);
      break;
    case "join":
      cells.join(operator, planner);
      break;
    case "pit_join":
      cells.pit_join(operator, planner);
      break;
    case "rolling_aggregate":
      cells.rolling_aggregate(operator, planner);
      break;
    case "ray_udf_transform":
      // Its columns are the typed NULLs of the output project until enrich.
      planner.continueRows(operator.output);
      break;
    case "arrow_udf_transform":
      // Like embeddings, what runs in workers waits for enrich.
      if (operator.engine === "sql_arrow_udf") planner.layers.push(operator);
      planner.continueRows(operator.output);
      break;
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
  const dtypeOf = (name: ColumnName) => (planner.has(name) ? planner.column(name).dtype : undefined);
  for (const later of planner.pipeline.operators) {
    const user = later.name;
    const add = (on: readonly KeyPair[]) => sets.push({ key: on.map((pair) => pair.left), user });
    if (later.kind === "join") add(later.on);
    else if (later.kind === "pit_join") {
      if (later.pitEngine !== "kernel" || !areIntegerKeys(later.on, dtypeOf)) add(later.on);
    } else if (later.kind === "rolling_aggregate") {
      const byKernel = later.engine === "pythonic" || later.rollingEngine === "kernel";
      for (const spec of later.specs) if (!byKernel || !areIntegerKeys(spec.on, dtypeOf)) add(spec.on);
    } else if (later.kind === "project")
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
      planner.joinKeyed({ alias, table, key: `o.${identifier(keys.column)}` });
      planner.define(qidColumn(session), { sql: `${alias}.qid`, dtype: "BIGINT", joins: [alias] });
    }
}

const JOINED = / JOIN |"@kernel_/;

/** Of the columns that the written ones are computed from: the narrow ones, and what finds the others. */
function settledColumns(planner: Planner, all: readonly Step[], written: readonly string[]): SettledColumns {
  const base = [...walkBack(all, { columns: written, filtered: false }).needed];
  const isNarrow = (name: string): boolean => {
    const { joins, kernels = [] } = planner.column(name);
    return (
      !kernels.some((kernel) => planner.isWide(kernel)) && joins.every((alias) => planner.keyed(alias).wide !== true)
    );
  };
  const stored = new Set<string>();
  for (const name of base.filter((candidate) => !isNarrow(candidate))) {
    const { sql, joins, kernels = [] } = planner.column(name);
    const keys = joins.map((alias) => planner.keyed(alias).key);
    for (const text of [sql, ...keys, ...kernels.map((kernel) => planner.withKernels("rows", [kernel]))])
      for (const [, quoted = ""] of text.matchAll(/\bo\."((?:[^"]|"")+)"/g)) stored.add(quoted.replaceAll('""', '"'));
  }
  return {
    computed: base.filter(isNarrow),
    stored: [...stored].filter((name) => !name.startsWith("@kernel_")),
  };
}

/** The value of a user's function. */
interface Call {
  readonly column: ColumnName;
  readonly call: ArrowUdfTransform;
}

type Step =
  | { readonly operator: string; readonly assign: Assignment | Call }
  | { readonly operator: string; readonly dropWhere: readonly Predicate[] };

/** A rule is evaluated over the rows as they stand when it is its turn; another step by what it makes of them. */
function checksOf(planner: Planner, steps: readonly Step[], index: number, settled: SettledColumns): readonly Check[] {
  const step = steps[index];
  if (step === undefined) return [];
  const { operator } = step;
  const after = (count: number, columns: readonly ColumnName[], { table, ordered, answers }: CheckedRows): string =>
    selectRows(planner, steps.slice(0, count), {
      from: table,
      columns,
      filtered: !ordered,
      answers,
      ...(ordered ? { settled } : {}),
    });
  const ofRule = ({ text, sql, columns }: Predicate): Check => ({
    operator,
    rule: text,
    sql: (rows) => `SELECT count(*) FILTER (WHERE (${sql})) FROM (${after(index, columns, rows)})`,
  });
  if ("dropWhere" in step) return step.dropWhere.map(ofRule);
  const { assign } = step;
  const { column } = assign;
  const made: Check = {
    operator,
    sql: (rows) => `SELECT max(hash(${identifier(column)})) FROM (${after(index + 1, [column], rows)})`,
  };
  return "value" in assign && assign.value.type === "curate" ? [ofRule(assign.value.where), made] : [made];
}

interface RowsRequest extends Omit<SelectRequest, "settled"> {
  readonly settled?: SettledColumns;
}

/** The steps that the wanted columns need, walked backwards from them, and the columns of the rows that these begin with. */
function walkBack(
  all: readonly Step[],
  request: Pick<SelectRequest, "columns" | "filtered">,
): { readonly steps: readonly Step[]; readonly needed: Set<string> } {
  const needed = new Set(request.columns);
  const steps: Step[] = [];
  for (const step of [...all].reverse()) {
    if ("assign" in step) {
      if (!needed.delete(step.assign.column)) continue;
      for (const name of readsOfStep(step.assign)) needed.add(name);
    } else {
      if (!request.filtered) continue;
      for (const name of step.dropWhere.flatMap(({ columns }) => columns)) needed.add(name);
    }
    steps.unshift(step);
  }
  return { steps, needed };
}

/** Operators whose work is done where these columns of the rows are computed. */
function finishersOf(planner: Planner, all: readonly Step[], columns: readonly string[]): readonly string[] {
  const { steps, needed } = walkBack(all, { columns, filtered: true });
  return [...new Set([...planner.makersOf([...needed]), ...steps.map(({ operator }) => operator)])];
}

/** The columns of the rows that the wanted ones are made of. */
function baseColumns(
  planner: Planner,
  needed: ReadonlySet<string>,
  request: Pick<RowsRequest, "settled" | "settle">,
): readonly { readonly name: string; readonly column: Pick<RowColumn, "sql" | "joins" | "kernels"> }[] {
  const settled = new Set(request.settled?.computed);
  return [...new Set([...needed, ...(request.settle ?? [])])].map((name) => ({
    name,
    column: settled.has(name) ? { sql: `o.${identifier(name)}`, joins: [] } : planner.column(name),
  }));
}

function kernelsOf(planner: Planner, all: readonly Step[], request: Omit<RowsRequest, "from">): readonly string[] {
  const base = baseColumns(planner, walkBack(all, request).needed, request);
  return [...new Set(base.flatMap(({ column }) => column.kernels ?? []))];
}

/** Only what the wanted columns need is computed and joined. */
function selectRows(planner: Planner, all: readonly Step[], request: RowsRequest): string {
  const { steps, needed } = walkBack(all, request);
  const passed = request.settle ?? [];
  const base = baseColumns(planner, needed, request);
  const present = new Set(base.map(({ name }) => name));
  const carried = (request.carry ?? []).filter((name) => !present.has(name)).map((name) => `o.${identifier(name)}`);
  const joins = planner.joinsOf(base.flatMap(({ column }) => column.joins));
  const from = planner.withKernels(
    request.from,
    base.flatMap(({ column }) => column.kernels ?? []),
    request.answers,
  );
  const selected = [...carried, ...base.map(({ name, column }) => `${column.sql} AS ${identifier(name)}`)];
  let sql = `SELECT ${selected.length === 0 ? "1" : selected.join(", ")} FROM ${from} o${joins}`;
  for (const layer of layersOf(steps, present)) sql = `${layer.select} FROM (${sql})${layer.where}`;
  const wanted = [...new Set([...(request.carry ?? []), ...passed, ...request.columns])];
  return `SELECT ${wanted.map(identifier).join(", ")} FROM (${sql})`;
}

function readsOfStep(assign: Assignment | Call): readonly ColumnName[] {
  return "call" in assign ? assign.call.arguments.map(({ name }) => name) : readsOf(assign.value);
}

function stepsOf(planner: Planner): Step[] {
  return planner.layers.flatMap((layer): Step[] => {
    const { name: operator } = layer;
    if (layer.kind === "arrow_udf_transform") return [{ operator, assign: { column: layer.column.name, call: layer } }];
    if (layer.kind === "project") return layer.steps.map((assign) => ({ operator, assign }));
    return layer.rule.type === "drop_where" ? [{ operator, dropWhere: layer.rule.anyOf }] : [];
  });
}

/** Steps that do not see each other's results share a layer. */
function layersOf(steps: readonly Step[], present: ReadonlySet<string>): { select: string; where: string }[] {
  const layers: { select: string; where: string }[] = [];
  const known = new Set(present);
  let batch: (Assignment | Call)[] = [];
  const close = (): void => {
    if (batch.length === 0) return;
    const replaced = batch.filter((assign) => known.has(assign.column)).map((assign) => identifier(assign.column));
    const star = replaced.length === 0 ? "*" : `* EXCLUDE (${replaced.join(", ")})`;
    const everything = known.size === replaced.length && present.size === 0 ? "" : `${star}, `;
    layers.push({
      select: `SELECT ${everything}${batch.map((assign) => `${"call" in assign ? callOf(assign.call) : expressionSql(assign)} AS ${identifier(assign.column)}`).join(", ")}`,
      where: "",
    });
    for (const assign of batch) known.add(assign.column);
    batch = [];
  };
  for (const step of steps) {
    if ("assign" in step) {
      const assigned = new Set(batch.map((assign) => assign.column));
      if (assigned.has(step.assign.column) || readsOfStep(step.assign).some((name) => assigned.has(name))) close();
      batch.push(step.assign);
    } else {
      close();
      layers.push({
        select: "SELECT *",
        where: ` WHERE NOT (${step.dropWhere.map(({ sql }) => `coalesce((${sql}), FALSE)`).join(" OR ")})`,
      });
    }
  }
  close();
  return layers;
}
