import type { DType } from "../columnar/dtypes.js";
import type { Join } from "../operators/join.js";
import type { ColumnName, RelationName } from "../operators/operator.js";
import type { AnyOperator, Pipeline } from "../operators/pipeline.js";
import type { PointInTimeJoin } from "../operators/point-in-time-join.js";
import type { RollingAggregate } from "../operators/rolling-aggregate.js";
import type { Sink } from "../operators/sink.js";
import { arrowUdfTransform } from "./arrow-udf-transform.js";
import { type CoverageRule, CoveredRelation, coverage } from "./coverage.js";
import { filter } from "./filter.js";
import { join } from "./join.js";
import { neededColumns } from "./needed.js";
import { pointInTimeJoin } from "./point-in-time-join.js";
import { type Evaluator, evaluatorOn } from "./predicate.js";
import { project } from "./project.js";
import { rayUdfTransform } from "./ray-udf-transform.js";
import { type Reading, TooManyRows } from "./reading.js";
import { JoinedRelation, type Relation } from "./relation.js";
import { rollingAggregate } from "./rolling-aggregate.js";
import { type Cell, cellOf, type Fault, type Row } from "./row.js";
import { ScanRelation } from "./scan.js";
import { sink } from "./sink.js";
import type { DroppedBy } from "./steps.js";

/** A row of the spine with what became of it. */
export interface InterpretedRow {
  /** As it was read, with every column that was computed of it. */
  readonly row: Row;
  /** Absent: it is in the output. */
  readonly dropped?: DroppedBy;
  /** The columns of the output that were asked for, also of a row that was dropped. */
  readonly output: ReadonlyMap<ColumnName, Cell>;
}

/**
 * Runs a pipeline over a few rows of the spine, naively: each value from the source rows of the row's own keys, by the
 * definitions of the operators alone. It shares no code with an engine.
 */
export class Interpreter {
  /** The spine's rows on their own day, before anything. */
  readonly spine: ScanRelation;
  readonly #reading: Reading;
  readonly #evaluate: Evaluator;

  constructor(reading: Reading) {
    this.#reading = reading;
    this.#evaluate = evaluatorOn(reading.session);
    this.spine = new ScanRelation(spineScan(reading.pipeline), reading);
  }

  /**
   * The rows as the sink would order them, those that a filter dropped last. `columns` are of the output (default: all).
   * The rows are changed: what is computed is added to them. Throws DaedalusError, exit code
   * 1, for what is wrong with a source or a store.
   */
  async interpret(
    rows: readonly Row[],
    columns: readonly ColumnName[] = this.#reading.pipeline.output.map(({ name }) => name),
  ): Promise<readonly InterpretedRow[]> {
    const needed = neededColumns(this.#reading.pipeline, columns);
    const run = new Interpretation(this.#reading, this.spine, this.#evaluate, (column) => needed.has(column));
    const interpreted = await run.all(rows);
    const order = run.order(rows);
    const kept = interpreted.filter(({ dropped }) => dropped === undefined);
    kept.sort((left, right) => order.indexOf(left.row) - order.indexOf(right.row));
    return [...kept, ...interpreted.filter(({ dropped }) => dropped !== undefined)].map((one) => ({
      ...one,
      output: new Map(columns.map((column) => [column, cellOf(one.row, column)])),
    }));
  }
}

/** The scan that the rows of the output begin as. */
export function spineScan({ operators, service }: Pipeline) {
  const scan = operators.find((operator) => operator.kind === "scan" && operator.range.kind === "target_day");
  if (scan?.kind !== "scan") throw new RangeError(`the pipeline of "${service}" has no scan of the target day`);
  return scan;
}

class Interpretation {
  readonly #reading: Reading;
  readonly #spine: Relation;
  readonly #evaluate: Evaluator;
  readonly #needed: (column: ColumnName) => boolean;
  readonly #relations = new Map<RelationName, Relation>();
  /** Of the columns that the rows have so far. */
  readonly #dtypes: Map<ColumnName, DType>;
  readonly #dropped = new Map<Row, DroppedBy>();
  #isCovered: (row: Row) => boolean = () => true;
  /** The relation that the rows are now. */
  #main: RelationName = "";
  #sink: Sink | undefined;

  constructor(reading: Reading, spine: Relation, evaluate: Evaluator, needed: (column: ColumnName) => boolean) {
    this.#reading = reading;
    this.#spine = spine;
    this.#evaluate = evaluate;
    this.#needed = needed;
    this.#dtypes = new Map(spine.dtypes);
  }

  async all(rows: readonly Row[]): Promise<readonly Omit<InterpretedRow, "output">[]> {
    for (const operator of this.#reading.pipeline.operators) await this.#pass(operator, rows);
    return rows.map((row) => {
      const dropped = this.#dropped.get(row);
      return { row, ...(dropped === undefined ? {} : { dropped }) };
    });
  }

  order(rows: readonly Row[]): readonly Row[] {
    return this.#sink === undefined ? rows : sink(this.#sink, rows);
  }

  async #pass(operator: AnyOperator, rows: readonly Row[]): Promise<void> {
    if (operator.kind === "scan") {
      if (operator.range.kind === "target_day") this.#main = operator.output;
      else this.#relations.set(operator.output, new ScanRelation(operator, this.#reading));
      return;
    }
    const [input] = operator.inputs;
    if (input !== this.#main) {
      this.#relations.set(operator.output, await this.#beside(operator));
      return;
    }
    await this.#onRows(operator, rows);
    this.#main = operator.output;
  }

  /** The operator's output where it is no row of the output: a history that another view is joined onto. */
  async #beside(operator: AnyOperator): Promise<Relation> {
    if (operator.kind === "filter" && operator.rule.type === "coverage") {
      const all = this.#relation(operator.inputs[0]);
      return new CoveredRelation(all, await this.#coverage(operator.rule, all.dtypes));
    }
    if (operator.kind !== "join" && operator.kind !== "pit_join")
      throw new RangeError(`the interpreter does not know a ${operator.kind} over a history ("${operator.name}")`);
    const left = this.#relation(operator.inputs[0]);
    const right = this.#relation(operator.inputs[1]);
    const joined = new Map(
      operator.kind === "join"
        ? operator.columns.map(({ name }) => [name, name] as const)
        : operator.columns.map(({ as, name }) => [as, name] as const),
    );
    const onto = (rows: readonly Row[]) => joinOnto(operator, rows, right, left.dtypes);
    return new JoinedRelation(left, right, operator.on, joined, onto);
  }

  async #onRows(operator: AnyOperator, rows: readonly Row[]): Promise<void> {
    const { spine } = this.#reading.pipeline;
    switch (operator.kind) {
      case "filter": {
        if (operator.rule.type === "coverage") this.#isCovered = await this.#coverage(operator.rule, this.#dtypes);
        const dropped = await filter(operator, rows, {
          isCovered: this.#isCovered,
          spine: this.#spine,
          time: spine.time,
          dtypes: this.#dtypes,
          evaluate: this.#evaluate,
        });
        // A row goes by the first filter that drops it.
        for (const [row, by] of dropped) if (!this.#dropped.has(row)) this.#dropped.set(row, by);
        return;
      }
      case "project":
        return project(operator, rows, {
          reading: this.#reading,
          dtypes: this.#dtypes,
          needed: this.#needed,
          evaluate: this.#evaluate,
        });
      case "join":
      case "pit_join":
      case "rolling_aggregate": {
        const made = columnsMadeBy(operator).filter(({ name }) => this.#needed(name));
        if (made.length === 0) return;
        await this.#unlessTooMany(made, rows, () => this.#lookUp(operator, rows));
        for (const { name, dtype } of made) this.#dtypes.set(name, dtype);
        return;
      }
      case "arrow_udf_transform": {
        const { name } = operator.column;
        const late = operator.engine === "pythonic";
        if (!this.#needed(name) || (late && !this.#reading.enriched)) return;
        const becomes = late ? (this.#dtypes.get(name) ?? operator.column.dtype) : operator.column.dtype;
        arrowUdfTransform(operator, rows, await this.#reading.udf(operator.function), this.#dtypes, becomes);
        this.#dtypes.set(name, becomes);
        return;
      }
      case "ray_udf_transform":
        return rayUdfTransform(
          operator,
          rows,
          this.#reading.enriched ? this.#reading.store(operator.store.name) : undefined,
        );
      case "sink":
        this.#sink = operator;
        return;
      case "scan":
        return;
    }
  }

  async #coverage(rule: CoverageRule, dtypes: ReadonlyMap<ColumnName, DType>): Promise<(row: Row) => boolean> {
    return coverage(rule, await this.#reading.store(rule.store).ids(), dtypes);
  }

  async #lookUp(operator: Join | PointInTimeJoin | RollingAggregate, rows: readonly Row[]): Promise<void> {
    const right = this.#relation(operator.inputs[1]);
    if (operator.kind !== "rolling_aggregate") return joinOnto(operator, rows, right, this.#dtypes);
    return rollingAggregate(operator, rows, right, this.#dtypes, this.#needed, this.#evaluate);
  }

  /** Of several rows whoever asked may ask for fewer; of a single one the columns stay unknown, and say so. */
  async #unlessTooMany(
    columns: readonly { readonly name: ColumnName }[],
    rows: readonly Row[],
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof TooManyRows) || rows.length > 1) throw error;
      const fault: Fault = { kind: "unknown", says: error.message };
      for (const row of rows) for (const { name } of columns) row.cells.set(name, { value: null, steps: [], fault });
    }
  }

  #relation(name: RelationName): Relation {
    const relation = this.#relations.get(name);
    if (relation === undefined) throw new RangeError(`"${name}" is no relation beside the rows`);
    return relation;
  }
}

function joinOnto(
  operator: Join | PointInTimeJoin,
  rows: readonly Row[],
  right: Relation,
  dtypes: ReadonlyMap<ColumnName, DType>,
): Promise<void> {
  return operator.kind === "join"
    ? join(operator, rows, right, dtypes)
    : pointInTimeJoin(operator, rows, right, dtypes);
}

function columnsMadeBy(operator: Join | PointInTimeJoin | RollingAggregate) {
  switch (operator.kind) {
    case "join":
      return operator.columns;
    case "pit_join":
      return [
        ...operator.columns.map(({ as, dtype }) => ({ name: as, dtype })),
        ...(operator.collect === undefined ? [] : [{ name: operator.collect.as, dtype: operator.collect.dtype }]),
      ];
    case "rolling_aggregate":
      return operator.specs.flatMap(({ outputs }) => outputs);
  }
}
