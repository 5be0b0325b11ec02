import type { DataType, Vector } from "apache-arrow";
import { dtypeOfArrow } from "../../columnar/arrow-columns.js";
import type { DType } from "../../columnar/dtypes.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { RollingAggregate } from "../../operators/rolling-aggregate.js";
import { scan } from "../../operators/scan.js";
import type { PitRelation, PitTableEngine, PitTableJob } from "../pit-table.js";
import { createTable, PLACE, readColumns } from "./arrow-tables.js";
import type { SqlCell } from "./cells.js";
import { Planner } from "./planner.js";
import { problemOfFailure } from "./problems.js";
import { rollingAggregate } from "./rolling-aggregate.js";
import { SqlSession } from "./session.js";
import { identifier } from "./text.js";
import { registerVectorisedFunctions } from "./vectorised-functions.js";
import { withWindows } from "./windows-by-polars.js";

/** The operator's own cell over tables of an instance of DuckDB, which is made for the call. */
export const aggregatePitTable: PitTableEngine = (job) => aggregateInTables(job, rollingAggregate);

/** The same with another engine's cell that begins and ends in SQL. */
export async function aggregateInTables(job: PitTableJob, cell: SqlCell<RollingAggregate>): ReturnType<PitTableEngine> {
  const session = await SqlSession.open({ threads: String(job.threads) });
  try {
    registerVectorisedFunctions(session.connection);
    for (const [name, relation] of job.relations) await createTable(session, tableOf(name), relation);
    return await answersOf(session, job, cell);
  } finally {
    session.close();
  }
}

async function answersOf(
  session: SqlSession,
  job: PitTableJob,
  cell: SqlCell<RollingAggregate>,
): Promise<ReadonlyMap<string, Vector>> {
  const [first] = job.aggregates;
  if (first === undefined) return new Map();
  const planner = plannerOf(job, first.inputs[0]);
  for (const aggregate of job.aggregates) {
    planner.working = aggregate.name;
    cell(aggregate, planner);
  }
  const { rows } = planner;
  const create = (name: string, sql: string): Promise<void> => session.run(`CREATE TEMP TABLE ${name} AS ${sql}`);
  try {
    for (const step of planner.steps) {
      switch (step.kind) {
        case "table":
          await create(step.name, step.sql);
          for (const table of step.drops) if (table !== planner.target) await session.run(`DROP TABLE ${table}`);
          break;
        case "polars":
          await withWindows(step, session, (made) => create(step.name, made));
          break;
        case "kernel":
          throw new RangeError(`"${step.name}" is no table`);
      }
    }
    return await readColumns(
      session,
      select(planner, rows, job.types),
      job.relations.get(first.inputs[0])?.rows ?? 0,
      job.types,
    );
  } catch (error) {
    throw problemOfFailure(first.name, error);
  }
}

function plannerOf({ aggregates, relations }: PitTableJob, rows: string): Planner {
  const planner = new Planner(pipelineOf(aggregates));
  const relation = relations.get(rows);
  if (relation === undefined) throw new RangeError(`there is no relation "${rows}"`);
  const columns = [...dtypesOf(relation)].map(([name, dtype]) => ({ name, dtype }));
  planner.startRows(rows, identifier(tableOf(rows)), [...columns, { name: PLACE, dtype: "BIGINT" }]);
  for (const [name, side] of relations)
    planner.sides.set(name, {
      sql: identifier(tableOf(name)),
      columns: dtypesOf(side),
      scan: scan.of({
        name,
        engine: "sql",
        inputs: [],
        output: name,
        view: name,
        columns: [],
        instants: [],
        range: { kind: "unbounded" },
      }),
      composed: [],
    });
  return planner;
}

/** The aggregates alone, as far as the planner looks at a pipeline. */
function pipelineOf(operators: PitTableJob["aggregates"]): Pipeline {
  const time = operators[0]?.timestampColumn ?? { column: "", resolution: "us" };
  return { service: "", version: "", spine: { view: "", time }, operators, output: [], embeddings: false };
}

function dtypesOf({ columns }: PitRelation): ReadonlyMap<string, DType> {
  return new Map([...columns].map(([name, { type }]) => [name, dtypeOfArrow(type) ?? "TEXT"]));
}

function tableOf(relation: string): string {
  return `of_${relation}`;
}

function select(planner: Planner, rows: string, types: ReadonlyMap<string, DataType>): string {
  const columns = [...types.keys()].map((name) => ({ name, column: planner.column(name) }));
  const joins = planner.joinsOf(columns.flatMap(({ column }) => column.joins));
  const selected = columns.map(({ name, column }) => `${column.sql} AS ${identifier(name)}`);
  return `SELECT ${selected.join(", ")} FROM ${rows} o${joins} ORDER BY o.${identifier(PLACE)} ASC NULLS FIRST`;
}
