import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { DType } from "../columnar/dtypes.js";
import type { Day } from "../columnar/instants.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError } from "../errors/problem.js";
import { traceProblem } from "../errors/trace.js";
import type { ColumnName, Schema } from "../operators/operator.js";
import { isoDate, isoInstant } from "../trace/instants.js";
import { type InterpretedRow, Interpreter } from "../trace/interpreter.js";
import { Reading } from "../trace/reading.js";
import type { Place } from "../trace/row.js";
import type { DroppedBy, Step } from "../trace/steps.js";
import { shown, type Value } from "../trace/values.js";
import { type DayState, refuseForeignRoot, unitOf } from "../training/day-states.js";
import { InputReader, type TrainingInputs } from "../training/inputs.js";
import { judgeDays } from "../training/plan.js";
import { QID_MAP_FILE } from "../training/qid-map.js";
import { isNamed, keyColumns, noSuchRow, rowsOfAddress } from "./find-row.js";
import { groupOfSpineRow, identityOf, spineCondition, writtenCondition } from "./identity.js";
import { MOST_COMPARED } from "./rederive.js";
import { type RowAddress, typedAddress } from "./row-address.js";
import { type ComparedGroup, compareGroup, type WrittenDay, writtenRows } from "./written-rows.js";

/** Everything that `explain --row` shows; plain data, the JSON form is this. */
export interface RowExplanation {
  readonly service: string;
  readonly spine: string;
  readonly day: Day;
  /** ISO 8601. */
  readonly time: string;
  /** By key column, as `shown` writes values. */
  readonly keys: Readonly<Record<string, string>>;
  readonly written: WrittenState;
  /** Rows of the spine with these keys and this time: more than one are ties, in the order of the file. */
  readonly rows: readonly ExplainedSpineRow[];
}

export interface WrittenState {
  /** Of the comparison; `not compared`: what is there cannot be told apart, or belongs to other definitions. */
  readonly outcome: "same" | "different" | "not written" | "not compared";
  /** The day's folder, absolute. */
  readonly folder: string;
  /** Absent where the day was not looked at. */
  readonly state?: DayState;
  readonly why: readonly string[];
  /** Rows of the file with these keys and this time that no row of the spine gives. */
  readonly surplus: number;
}

export interface ExplainedSpineRow {
  /** From 1. */
  readonly number: number;
  readonly place?: Place;
  readonly dropped?: DroppedBy;
  readonly written: "same" | "different" | "missing" | "not written" | "not compared";
  readonly columns: readonly ExplainedCell[];
}

export interface ExplainedCell {
  readonly name: ColumnName;
  readonly dtype: DType;
  /** Integers, DATE (days since 1970) and TIMESTAMP (microseconds) are `bigint`. */
  readonly value: Value;
  /** The same for readers. */
  readonly shown: string;
  /** What the file has instead. */
  readonly written?: string;
  /** Why there is no value: the run would stop here, or finding it takes too many rows. */
  readonly fault?: string;
  /** True if the run stops at this value. */
  readonly stops?: true;
  readonly steps: readonly Step[];
}

export interface ExplainRowOptions {
  /** Default: all of the output. */
  readonly columns?: readonly ColumnName[];
}

/**
 * Recomputes the row of an address from the sources and compares it with the written file. Throws DaedalusError, exit code
 * 2: `trace/…` for an address that names no row, `training/other-service` and the like for the folder; exit code 1 for what
 * is wrong with a source.
 */
export async function explainRow(
  inputs: TrainingInputs,
  service: ResolvedService,
  address: RowAddress,
  options: ExplainRowOptions = {},
): Promise<RowExplanation> {
  const wanted = requireColumns(inputs, options.columns);
  const typed = typedAddress(address, service);
  const root = resolve(inputs.outputRoot);
  await refuseForeignRoot(root, service.name);
  const map = join(root, QID_MAP_FILE);
  const hasMap = await access(map).then(
    () => true,
    () => false,
  );
  const reading = new Reading({
    pipeline: inputs.pipeline,
    sources: inputs.sources,
    session: inputs.session,
    stores: inputs.stores,
    udfs: inputs.udfs,
    places: true,
    more: new Map([[service.spine.name, keyColumns(service)]]),
    ...(hasMap ? { qidMap: map } : {}),
  });
  try {
    const identity = identityOf(service);
    const interpreter = new Interpreter(reading);
    const named = await rowsOfAddress(interpreter, identity, service, typed);
    const [first] = named;
    if (first === undefined) throw await noSuchRow(reading, identity, service, typed);
    const group = groupOfSpineRow(identity, first);
    const alike = await interpreter.spine.rowsWhere(spineCondition(identity, group));
    const few = alike.length <= MOST_COMPARED;
    // Ties are told apart by all that the file has of them, so then all of it is computed.
    const columns = alike.length === 1 ? wanted : inputs.pipeline.output;
    const day = isoDate(group.day);
    const written = few ? await judgedDay(inputs, root, day) : tooManyAlike(join(root, unitOf(day)), alike.length);
    reading.enriched = written.day?.manifest.state === "complete";
    const interpreted = await interpreter.interpret(few ? alike : named, namesOf(columns));
    const compared =
      written.day === undefined
        ? undefined
        : compareGroup(
            interpreted,
            await writtenRows(written.day, namesOf(columns), writtenCondition(identity, group), inputs.session),
            columns,
          );
    return {
      service: service.name,
      spine: service.spine.name,
      day,
      time: isoInstant(typed.time),
      keys: Object.fromEntries([...typed.keys].map(([key, { value, dtype }]) => [key, shown(value, dtype)])),
      written: { ...written.told, ...outcomeOf(compared, written.told.outcome) },
      rows: interpreted
        .filter(({ row }) => isNamed(row, identity, service, typed))
        .map((one, index) => explainedRow(one, index + 1, wanted, compared, written.told.outcome)),
    };
  } finally {
    await reading.close();
  }
}

/** The columns of the output that are asked for; all if none is. Throws DaedalusError `trace/unknown-column`, exit code 2. */
export function requireColumns({ pipeline }: TrainingInputs, asked: readonly ColumnName[] | undefined): Schema {
  if (asked === undefined) return pipeline.output;
  return asked.map((column) => {
    const found = pipeline.output.find(({ name }) => name === column);
    if (found !== undefined) return found;
    const known = namesOf(pipeline.output);
    const near = nearest(column, known);
    const problem = traceProblem("unknown-column", {
      column,
      service: pipeline.service,
      known,
      ...(near === undefined ? {} : { nearest: near }),
    });
    throw new DaedalusError([problem], 2);
  });
}

function namesOf(columns: Schema): readonly ColumnName[] {
  return columns.map(({ name }) => name);
}

interface JudgedWriting {
  readonly told: WrittenState;
  readonly day?: WrittenDay;
}

/** What is told where the contract hardly tells rows apart. */
function tooManyAlike(folder: string, count: number): JudgedWriting {
  const why = [`${count} rows have the same keys and time in the contract`];
  return { told: { outcome: "not compared", folder, why, surplus: 0 } };
}

/** The day as it is written, if it can be compared with. */
async function judgedDay(inputs: TrainingInputs, root: string, day: Day): Promise<JudgedWriting> {
  const folder = join(root, unitOf(day));
  const [judged] = await judgeDays(root, new InputReader(inputs), [day]);
  if (judged === undefined) throw new RangeError(`${day} was not judged`);
  const { state, why, manifest } = judged;
  if (manifest === undefined)
    return { told: { outcome: state === "absent" ? "not written" : "not compared", folder, state, why, surplus: 0 } };
  return { told: { outcome: "same", folder, state, why, surplus: 0 }, day: { folder, manifest } };
}

function outcomeOf(
  compared: ComparedGroup | undefined,
  otherwise: WrittenState["outcome"],
): Pick<WrittenState, "outcome" | "surplus"> {
  if (compared === undefined) return { outcome: otherwise, surplus: 0 };
  const same = compared.surplus.length === 0 && compared.rows.every(({ outcome }) => outcome === "same");
  return { outcome: same ? "same" : "different", surplus: compared.surplus.length };
}

function explainedRow(
  { row, dropped, output }: InterpretedRow,
  number: number,
  columns: Schema,
  compared: ComparedGroup | undefined,
  otherwise: WrittenState["outcome"],
): ExplainedSpineRow {
  const found = compared?.rows.find(({ interpreted }) => interpreted.row === row);
  const differing = new Map(found?.differences.map(({ column, written }) => [column, written]));
  return {
    number,
    ...(row.place === undefined ? {} : { place: row.place }),
    ...(dropped === undefined ? {} : { dropped }),
    written: found?.outcome ?? otherwise,
    columns: columns.map(({ name, dtype }): ExplainedCell => {
      const cell = output.get(name);
      const written = differing.get(name);
      return {
        name,
        dtype,
        value: cell?.value ?? null,
        shown: shown(cell?.value ?? null, dtype),
        ...(written === undefined ? {} : { written }),
        ...(cell?.fault === undefined ? {} : { fault: cell.fault.says }),
        ...(cell?.fault?.kind === "stops" ? { stops: true as const } : {}),
        steps: cell?.steps ?? [],
      };
    }),
  };
}
