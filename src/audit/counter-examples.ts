import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import { viewColumn } from "../compiler/names.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import type { Project } from "../definitions/project.js";
import { identifier, inPattern, text } from "../engines/sql/text.js";
import type { Schema } from "../operators/operator.js";
import type { Source } from "../sources/source.js";
import { type Nanos, nanosOf } from "../trace/instants.js";
import { Interpreter } from "../trace/interpreter.js";
import { Reading } from "../trace/reading.js";
import { valueIn } from "../trace/row.js";
import { readable, valueRead } from "../trace/sql-values.js";
import type { TrainingInputs } from "../training/inputs.js";
import { MARK } from "./copies.js";
import { writeCounterExample } from "./counter-example.js";
import { keyColumns } from "./find-row.js";
import { identityOf, spineCondition } from "./identity.js";
import type { Laboratory } from "./laboratory.js";
import type { GroupFault } from "./rederive.js";
import { addressText } from "./row-address.js";
import { shrink } from "./shrink.js";
import { type Finding, findingOf, type Item, itemsOf, type Specimen } from "./specimen.js";
import type { FutureFault } from "./trials.js";

/** A row that is not what it has to be. */
export interface CounterExample {
  /**
   * `derived`: the file has not what the source rows give; `future`: the row moves when only its future changes; `file`: the files of a day
   * are not what its manifest and the contract say.
   */
  readonly kind: "derived" | "future" | "file";
  readonly day: Day;
  /** As `explain --row` takes it; of files, whose they are. */
  readonly row: string;
  /** The trial that found it. */
  readonly trial?: number;
  readonly columns: readonly { readonly column: string; readonly expected: string; readonly found: string }[];
  /** What else is wrong: the row is missing, or is there and should not be; of files, what. */
  readonly presence?: string;
  /** Rows of the same trial that moved, this one included. */
  readonly count?: number;
  /** The folder of a small project that shows it, and how many rows of data it has. */
  readonly project?: string;
  readonly rows?: number;
  readonly note?: string;
}

export interface CounterExampleSurroundings {
  readonly inputs: TrainingInputs;
  readonly project: Project;
  readonly service: ResolvedService;
  readonly laboratory: Laboratory;
  /** The sources of every view of the project that can be read, by name. */
  readonly openViews: () => Promise<ReadonlyMap<string, Source>>;
  /** Copies of all views; made when first asked for. */
  readonly all: () => Promise<string>;
  /** Where folders of counter-examples are made. */
  readonly below?: string;
  readonly onTry: () => void;
}

/** Tries of leaving rows out; each trains a few rows once or twice. */
const TRIES = 80;
/** If the rows of the row's keys do not show a fault, all rows are tried, unless there are more. */
const MOST_ITEMS = 2_000;

/** Rows of the file against the interpreter; `write`: a project of the first. */
export async function derivedExamples(
  fault: GroupFault,
  columns: Schema,
  write: boolean,
  surroundings: CounterExampleSurroundings,
): Promise<readonly CounterExample[]> {
  const { service, inputs } = surroundings;
  const identity = identityOf(service);
  const names = service.columns.filter(({ kind }) => kind === "key").map(({ name }) => name);
  const { day, compared } = fault;
  const named = identity.keys.map(({ output, spineDtype }, index) => ({
    key: output,
    dtype: spineDtype,
    value: fault.group.keys[index] ?? null,
  }));
  const at = nanosOf(fault.group.ticks ?? fault.group.day * 86_400_000_000n, inputs.pipeline.spine.time);
  const row = fault.group.ticks === undefined ? `${names.join(", ")} of ${day}` : addressText(named, at);
  const examples = compared.rows.flatMap(({ outcome, differences }): readonly CounterExample[] => {
    if (outcome === "same") return [];
    const told = differences.map(({ column, derived, written }) => ({ column, expected: derived, found: written }));
    const missing = outcome === "missing" ? { presence: "the row is missing in the file" } : {};
    return [{ kind: "derived", day, row, columns: told, ...missing }];
  });
  const surplus = compared.surplus.map(
    ({ part, row: place }): CounterExample => ({
      kind: "derived",
      day,
      row,
      columns: [],
      presence: `row ${place} of ${part} comes from no row of the spine`,
    }),
  );
  const [first, ...others] = [...examples, ...surplus];
  if (first === undefined || !write) return [...examples, ...surplus];
  return [{ ...first, ...(await derivedProject(fault, first, columns, surroundings)) }, ...others];
}

async function derivedProject(
  fault: GroupFault,
  first: CounterExample,
  columns: Schema,
  surroundings: CounterExampleSurroundings,
): Promise<Pick<CounterExample, "project" | "rows" | "note">> {
  const { service, laboratory } = surroundings;
  const all = await surroundings.all();
  // The number of a session depends on the days that a run had, which the copies do not have.
  const numbered = new Set(service.columns.filter(({ from }) => from.type === "qid").map(({ name }) => name));
  const specimenOf = (row: bigint): Specimen => ({
    day: fault.day,
    row,
    before: all,
    columns: columns.filter(({ name }) => !numbered.has(name)),
    presence: true,
  });
  const marks = await marksOfGroup(fault, all, surroundings);
  for (const mark of marks) {
    const specimen = specimenOf(mark);
    const items = await itemsOf(specimen, laboratory);
    const finding = await findingOf(specimen, items, laboratory);
    if (finding !== undefined) return shrunkProject(specimen, items, finding, surroundings, first.row);
  }
  const [mark] = marks;
  if (mark === undefined) return {};
  const specimen = specimenOf(mark);
  const items = await itemsOf(specimen, laboratory);
  const sources = await surroundings.openViews();
  const finding = { columns: first.columns };
  const parts = { ...surroundings, sources, specimen, items, finding, row: first.row };
  const project = await writeCounterExample(parts, laboratory);
  const note =
    "trained anew, these rows give what was derived: the file was changed after it was written, or another version wrote it";
  return { project, rows: items.length, note };
}

async function marksOfGroup(
  fault: GroupFault,
  all: string,
  { service, laboratory, inputs }: CounterExampleSurroundings,
): Promise<readonly bigint[]> {
  const mark = { name: MARK, source: MARK, dtype: "BIGINT" as const };
  const reading = new Reading({
    pipeline: inputs.pipeline,
    sources: laboratory.sources(all),
    session: laboratory.session,
    stores: inputs.stores,
    udfs: inputs.udfs,
    places: false,
    more: new Map([[service.spine.name, [mark]]]),
  });
  const rows = await new Interpreter(reading).spine.rowsWhere(spineCondition(identityOf(service), fault.group));
  return rows.slice(0, 5).flatMap((row) => {
    const value = valueIn(row, MARK);
    return typeof value === "bigint" ? [value] : [];
  });
}

/** Rows that moved with their future; `write`: a project of the first. */
export async function futureExamples(
  fault: FutureFault,
  columns: Schema,
  presence: boolean,
  write: boolean,
  surroundings: CounterExampleSurroundings,
): Promise<readonly CounterExample[]> {
  const { trial, day, count } = fault;
  const examples: CounterExample[] = [];
  for (const [index, moved] of fault.rows.entries()) {
    const row = await addressOfMark(moved.mark, fault.before, surroundings);
    const told: CounterExample = {
      kind: "future",
      day,
      row,
      trial,
      columns: moved.columns.map(({ column, before, after }) => ({ column, expected: before, found: after })),
      ...(moved.only === undefined
        ? {}
        : {
            presence:
              moved.only === "before" ? "the row vanishes with another future" : "the row appears with another future",
          }),
      count,
    };
    if (index > 0 || !write) {
      examples.push(told);
      continue;
    }
    const names = new Set(moved.columns.map(({ column }) => column));
    const specimen: Specimen = {
      day,
      row: moved.mark,
      before: fault.before,
      after: fault.after,
      columns: columns.filter(({ name }) => names.has(name)),
      presence: presence && moved.only !== undefined,
    };
    examples.push({ ...told, ...(await futureProject(specimen, row, surroundings)) });
  }
  return examples;
}

async function futureProject(
  specimen: Specimen,
  row: string,
  surroundings: CounterExampleSurroundings,
): Promise<Pick<CounterExample, "project" | "rows" | "note">> {
  const { laboratory } = surroundings;
  for (const items of [await itemsOf(specimen, laboratory), await everyItem(specimen, surroundings)]) {
    const finding = items === undefined ? undefined : await findingOf(specimen, items, laboratory);
    if (items !== undefined && finding !== undefined) return shrunkProject(specimen, items, finding, surroundings, row);
  }
  return { note: `it shows with all of the data only, which are more than ${MOST_ITEMS} rows` };
}

async function everyItem(
  { before, after }: Specimen,
  { laboratory }: CounterExampleSurroundings,
): Promise<readonly Item[] | undefined> {
  const items = new Map<string, Item>();
  for (const folder of [before, ...(after === undefined ? [] : [after])])
    for (const view of laboratory.views(folder).keys()) {
      const file = `read_parquet(${text(join(inPattern(folder), view, "*.parquet"))}, hive_partitioning = false)`;
      const found = await laboratory.session.query(
        `SELECT ${identifier(MARK)} AS mark FROM ${file} LIMIT ${MOST_ITEMS + 1}`,
      );
      for (const answer of found) {
        const mark = BigInt(String(answer["mark"]));
        items.set(`${view} ${mark}`, { view, mark });
      }
      if (items.size > MOST_ITEMS) return undefined;
    }
  return [...items.values()];
}

async function shrunkProject(
  specimen: Specimen,
  items: readonly Item[],
  finding: Finding,
  surroundings: CounterExampleSurroundings,
  row: string,
): Promise<Pick<CounterExample, "project" | "rows">> {
  const { laboratory, inputs } = surroundings;
  const { view } = inputs.pipeline.spine;
  const isRow = (item: Item) => item.view === view && item.mark === specimen.row;
  let last = finding;
  const others = await shrink(
    items.filter((item) => !isRow(item)),
    async (candidate) => {
      surroundings.onTry();
      const found = await findingOf(specimen, [...items.filter(isRow), ...candidate], laboratory);
      if (found !== undefined) last = found;
      return found !== undefined;
    },
    TRIES,
  );
  const kept = [...items.filter(isRow), ...others];
  const sources = await surroundings.openViews();
  const parts = { ...surroundings, sources, specimen, items: kept, finding: last, row };
  const project = await writeCounterExample(parts, laboratory);
  return { project, rows: kept.length };
}

/** The row as `explain --row` takes it. */
async function addressOfMark(
  mark: bigint,
  folder: string,
  { service, inputs, laboratory }: CounterExampleSurroundings,
): Promise<string> {
  const { time, view } = inputs.pipeline.spine;
  const scanned = new Set(
    inputs.pipeline.operators.flatMap((operator) =>
      operator.kind === "scan" && operator.view === view ? operator.columns.map(({ name }) => name) : [],
    ),
  );
  const keys = service.spine.keys.flatMap((key) => {
    const column = keyColumns(service).find(({ name }) => name === viewColumn(view, key));
    return column === undefined || !scanned.has(column.name) ? [] : [{ key, ...column }];
  });
  const file = `read_parquet(${text(join(inPattern(folder), view, "*.parquet"))}, hive_partitioning = false)`;
  const terms = keys.map(({ source, dtype }, index) => `${readable(identifier(source), dtype)} AS c${index}`);
  const [answer] = await laboratory.session.query(
    `SELECT ${[`${identifier(time.column)} AS ticks`, ...terms].join(", ")} FROM ${file} WHERE ${identifier(MARK)} = ${mark}`,
  );
  const at: Nanos = nanosOf(BigInt(String(answer?.["ticks"] ?? 0)), time);
  return addressText(
    keys.map(({ key, dtype }, index) => ({ key, dtype, value: valueRead(answer?.[`c${index}`]) })),
    at,
  );
}
