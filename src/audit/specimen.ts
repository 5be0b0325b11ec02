import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Day } from "../columnar/instants.js";
import { identifier, inPattern, text } from "../engines/sql/text.js";
import type { Schema } from "../operators/operator.js";
import type { Pipeline } from "../operators/pipeline.js";
import { Interpreter } from "../trace/interpreter.js";
import { Reading } from "../trace/reading.js";
import { type Row, valueIn } from "../trace/row.js";
import { readable, valueRead } from "../trace/sql-values.js";
import { identical, shown } from "../trace/values.js";
import { movedRows } from "./compare-trained.js";
import { copyTo, MARK } from "./copies.js";
import type { Laboratory } from "./laboratory.js";

/** A row of a view's copy: the view and its `MARK`. */
export interface Item {
  readonly view: string;
  readonly mark: bigint;
}

/** What is wrong with the row of a specimen. */
export interface Finding {
  readonly columns: readonly { readonly column: string; readonly expected: string; readonly found: string }[];
  /** It is in one of the two only. */
  readonly only?: "before" | "after";
}

/**
 * Copies in which a fault shows at one row of the output, and the test whether it still shows when only some of their rows
 * are left. With `after`: the engine gives the row another value when the future changes; without: than the interpreter.
 */
export interface Specimen {
  readonly day: Day;
  /** `MARK` of the row. */
  readonly row: bigint;
  readonly before: string;
  readonly after?: string;
  readonly columns: Schema;
  readonly presence: boolean;
}

/** The rows of all copies that have the keys of the row: what a value of it can be made of. */
export async function itemsOf(specimen: Specimen, laboratory: Laboratory): Promise<readonly Item[]> {
  const items = new Map<string, Item>();
  const folders = specimen.after === undefined ? [specimen.before] : [specimen.before, specimen.after];
  for (const folder of folders)
    await interpretMarked(specimen, folder, laboratory, (view, row) => {
      const mark = valueIn(row, MARK);
      if (typeof mark === "bigint") items.set(`${view} ${mark}`, { view, mark });
    });
  return [...items.values()];
}

/** The fault of the specimen with these rows only; undefined if it does not show. */
export async function findingOf(
  specimen: Specimen,
  items: readonly Item[],
  laboratory: Laboratory,
): Promise<Finding | undefined> {
  const folder = laboratory.fresh("specimen");
  const roots: string[] = [];
  try {
    const before = join(folder, "before");
    await writeItems(specimen.before, before, items, laboratory);
    const trained = await laboratory.train(before, specimen.day, { few: true });
    if (trained.stopped !== undefined) return undefined;
    roots.push(trained.root);
    if (specimen.after === undefined) return await againstInterpreter(specimen, before, trained.parts, laboratory);
    const after = join(folder, "after");
    await writeItems(specimen.after, after, items, laboratory);
    const perturbed = await laboratory.train(after, specimen.day, { few: true });
    if (perturbed.stopped !== undefined) return undefined;
    roots.push(perturbed.root);
    const rows = `SELECT CAST(${specimen.row} AS BIGINT) AS mark, 0 AS ticks`;
    const { columns, presence } = specimen;
    const moved = await movedRows(trained.parts, perturbed.parts, rows, columns, presence, laboratory.session);
    const [first] = moved.first;
    if (first === undefined) return undefined;
    return {
      columns: first.columns.map(({ column, before: was, after: is }) => ({ column, expected: was, found: is })),
      ...(first.only === undefined ? {} : { only: first.only }),
    };
  } finally {
    for (const place of [folder, ...roots]) await laboratory.remove(place);
  }
}

/** Copies of the copies with these rows only. */
export async function writeItems(
  from: string,
  to: string,
  items: readonly Item[],
  laboratory: Laboratory,
): Promise<void> {
  for (const view of laboratory.views(from).keys()) {
    const marks = items.filter((item) => item.view === view).map(({ mark }) => mark);
    const wanted = marks.length === 0 ? "FALSE" : `${identifier(MARK)} IN (${marks.join(", ")})`;
    const file = `read_parquet(${text(join(inPattern(from), view, "*.parquet"))}, hive_partitioning = false)`;
    await mkdir(join(to, view), { recursive: true });
    await copyTo(
      laboratory.session,
      `SELECT * FROM ${file} WHERE ${wanted} ORDER BY ${identifier(MARK)}`,
      join(to, view, "rows.parquet"),
    );
  }
}

async function againstInterpreter(
  specimen: Specimen,
  folder: string,
  parts: string,
  laboratory: Laboratory,
): Promise<Finding | undefined> {
  const derived = await interpretMarked(specimen, folder, laboratory);
  const terms = specimen.columns.map(({ name, dtype }, index) => `${readable(identifier(name), dtype)} AS c${index}`);
  const [written] = await laboratory.session.query(
    `SELECT ${["1 AS one", ...terms].join(", ")} FROM ${parts} WHERE ${identifier(MARK)} = ${specimen.row}`,
  );
  const kept = derived !== undefined && derived.dropped === undefined;
  if (kept !== (written !== undefined)) return { columns: [], only: kept ? "before" : "after" };
  if (!kept || written === undefined) return undefined;
  const columns = specimen.columns.flatMap(({ name, dtype }, index) => {
    const cell = derived.output.get(name);
    const found = valueRead(written[`c${index}`]);
    if (cell === undefined || cell.fault?.kind === "unknown" || identical(cell.value, found)) return [];
    return [{ column: name, expected: cell.fault?.says ?? shown(cell.value, dtype), found: shown(found, dtype) }];
  });
  return columns.length === 0 ? undefined : { columns };
}

/** The row by the interpreter, from copies whose rows carry their `MARK`; undefined if it is not among them. */
async function interpretMarked(
  { row, columns }: Specimen,
  folder: string,
  laboratory: Laboratory,
  onRead?: (view: string, row: Row) => void,
) {
  const { session } = laboratory;
  const pipeline = withMarks(laboratory.pipeline);
  const mark = { name: MARK, source: MARK, dtype: "BIGINT" as const };
  const reading = new Reading({
    pipeline,
    sources: laboratory.sources(folder),
    session,
    stores: laboratory.stores,
    udfs: laboratory.udfs,
    places: false,
    more: new Map([...laboratory.views(folder).keys()].map((view) => [view, [mark]])),
    ...(onRead === undefined ? {} : { onRead }),
  });
  try {
    const interpreter = new Interpreter(reading);
    const rows = await interpreter.spine.rowsWhere(`r.${identifier(MARK)} = ${row}`);
    const [interpreted] = await interpreter.interpret(
      rows,
      columns.map(({ name }) => name),
    );
    return interpreted;
  } finally {
    await reading.close();
  }
}

/** Scans without the mark that `more` brings already. */
function withMarks(pipeline: Pipeline): Pipeline {
  return {
    ...pipeline,
    operators: pipeline.operators.map((operator) =>
      operator.kind === "scan"
        ? { ...operator, columns: operator.columns.filter(({ name }) => name !== MARK) }
        : operator,
    ),
  };
}
