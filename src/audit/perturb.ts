import type { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import type { Pipeline } from "../operators/pipeline.js";
import type { Scan } from "../operators/scan.js";
import type { Nanos } from "../trace/instants.js";
import { copyTo, futureCondition, MARK, nanosPerStep, nanosPerTick, rawColumns, rawInstant } from "./copies.js";
import type { Random } from "./random.js";
import type { Look, ViewUse } from "./view-uses.js";

/** What was done to the future of a view. */
export interface Changes {
  readonly view: string;
  readonly changed: number;
  readonly added: number;
  readonly deleted: number;
}

/** The instant that the future begins at, and the row that was picked there. */
export interface Moment {
  readonly at: Nanos;
  /** Its number in the copy of the spine view; it stays as it is. */
  readonly row: bigint;
  /** A FROM item with the picked row among the rows of the spine's copy. */
  readonly spine: string;
}

/** Copies of a view that a trial starts from. */
export interface ViewCopy {
  readonly use: ViewUse;
  /** Parquet: the rows that may be perturbed, with their `MARK`. */
  readonly rest: string;
  /** Parquet: some rows of the whole view, whose values are lent to others. */
  readonly donors: string;
  readonly donorCount: number;
}

/** Of a hundred rows of the future: how many are deleted, and how many of the others take another row's values. */
const DELETED = 25;
const CHANGED = 35;
/** Rows that are added for each way in which a view is looked at. */
const ADDED = 12;
/** Numbers of rows that a trial made: below these, so that they are nobody's before. */
const MADE = 1_000_000_000_000n;

/**
 * Writes the view as it could have become: rows that nobody at or before the moment may see are changed, deleted and added,
 * by their own time and by their availability, most of them under the keys of the picked row. Undefined if the view has no
 * future. `gently`: nothing is added to the spine, whose new rows may stop a run.
 */
export async function perturb(
  copy: ViewCopy,
  moment: Moment,
  pipeline: Pipeline,
  random: Random,
  path: string,
  session: SqlSession,
  gently: boolean,
): Promise<Changes | undefined> {
  const { use, rest, donors } = copy;
  const future = futureCondition(use, moment.at);
  if (future === undefined) return undefined;
  const isSpine = use.view === pipeline.spine.view;
  const salt = random.below(2 ** 31);
  const rows = `SELECT *, hash(${identifier(MARK)}, ${salt}) AS "@h" FROM read_parquet(${text(rest)})`;
  const picked = isSpine ? `${identifier(MARK)} = ${moment.row}` : "FALSE";
  const isFuture = `(${future}) AND NOT ${picked}`;
  const fate = '("@h" % 100)';
  const lenders = donorRows(donors, salt);
  const columns = columnsOf(use);
  const kept = columns.map(identifier).join(", ");
  const parts = [
    `SELECT ${kept} FROM (${rows}) WHERE NOT (${isFuture}) OR ${fate} >= ${DELETED + CHANGED}`,
    changedRows(
      use,
      columns,
      rows,
      lenders,
      copy.donorCount,
      `${isFuture} AND ${fate} >= ${DELETED} AND ${fate} < ${DELETED + CHANGED}`,
    ),
    ...(gently && isSpine ? [] : addedRows(copy, moment, pipeline, random, lenders, columns)),
  ];
  await copyTo(session, parts.join(" UNION ALL "), path);
  const [count] = await session.query(
    `SELECT count(*) FILTER (WHERE ${fate} < ${DELETED}) AS deleted, count(*) FILTER (WHERE ${fate} >= ${DELETED} AND ${fate} < ${DELETED + CHANGED}) AS changed
       FROM (${rows}) WHERE ${isFuture}`,
  );
  const [made] = await session.query(
    `SELECT count(*) AS n FROM read_parquet(${text(path)}) WHERE ${identifier(MARK)} < -${2n * MADE}`,
  );
  return {
    view: use.view,
    changed: Number(count?.["changed"] ?? 0),
    added: Number(made?.["n"] ?? 0),
    deleted: Number(count?.["deleted"] ?? 0),
  };
}

/** All columns of a copy but `MARK`, which comes last. */
function columnsOf(use: ViewUse): readonly string[] {
  return [...rawColumns(use).map(({ source }) => source), ...use.instants.map(({ name }) => name), MARK];
}

/** The lenders in an order that the salt decides, numbered. */
function donorRows(donors: string, salt: number): string {
  const file = `read_parquet(${text(donors)})`;
  return `(SELECT *, row_number() OVER (ORDER BY hash(${identifier(MARK)}, ${salt}), ${identifier(MARK)}) - 1 AS "@n" FROM ${file})`;
}

/** Rows of the future under their own keys and times, with everything else of another row. */
function changedRows(
  use: ViewUse,
  columns: readonly string[],
  rows: string,
  lenders: string,
  lenderCount: number,
  condition: string,
): string {
  const fixed = new Set([...keysOf(use), ...use.instants.flatMap(({ name, source }) => [name, source])]);
  const terms = columns.map((column) => {
    if (column === MARK) return `-${MADE} - f.${identifier(MARK)} AS ${identifier(MARK)}`;
    return `${fixed.has(column) ? "f" : "d"}.${identifier(column)}`;
  });
  return `SELECT ${terms.join(", ")} FROM (SELECT * FROM (${rows}) WHERE ${condition}) f JOIN ${lenders} d ON d."@n" = (f."@h" // 100) % ${Math.max(1, lenderCount)}`;
}

/** The source's columns that rows of the view are looked up by. */
function keysOf(use: ViewUse): readonly string[] {
  return use.looks.flatMap(({ on }) => on.flatMap(({ right }) => sourceOf(use.columns, right) ?? []));
}

function sourceOf(columns: Scan["columns"], name: string): string | undefined {
  return columns.find((column) => column.name === name)?.source;
}

/**
 * Temptations: rows of other rows' values that the picked row would see if it saw its own instant or what comes after, or
 * what is older but not available yet.
 */
function addedRows(
  copy: ViewCopy,
  moment: Moment,
  pipeline: Pipeline,
  random: Random,
  lenders: string,
  columns: readonly string[],
): readonly string[] {
  const { use, donorCount } = copy;
  if (donorCount === 0) return [];
  const looks: readonly Pick<Look, "on">[] = use.looks.some(({ on }) => on.length > 0)
    ? use.looks.filter(({ on }) => on.length > 0)
    : [{ on: [] }];
  const hasAvailable = use.looks.some(({ available }) => available !== undefined);
  let made = 0;
  return looks.map(({ on }) => {
    const variants = Array.from({ length: ADDED }, () => {
      made += 1;
      const times =
        made % 3 === 0 && hasAvailable ? unavailableTimes(use, moment.at) : laterTimes(use, moment.at, made, random);
      return `(${[made, random.below(donorCount), ...times].join(", ")})`;
    });
    const timed = timedInstants(use);
    const names = ['"@made"', '"@donor"', ...timed.map((_, index) => `t${index}`)].join(", ");
    const keys = new Map(
      on.flatMap(({ left, right }): [string, string][] => {
        const [own, source] = [pickedValue(left, moment, pipeline), sourceOf(use.columns, right)];
        return own === undefined || source === undefined ? [] : [[source, own]];
      }),
    );
    const raw = new Map(
      timed.flatMap(({ name, source, unit }, index): [string, string][] => {
        const ticks = `CAST(a.t${index} AS BIGINT)`;
        return [
          [name, ticks],
          [source, rawInstant(ticks, unit)],
        ];
      }),
    );
    const terms = columns.map((column) => {
      if (column === MARK) return `-${2n * MADE} - a."@made" AS ${identifier(MARK)}`;
      const name = identifier(column);
      // Times first: rows may be looked up by one, and a key of long ago would make the row one of the past.
      if (raw.has(column)) return `${raw.get(column)} AS ${name}`;
      const own = keys.get(column);
      // A key that the column's own type cannot hold matches nothing anyway.
      return own === undefined
        ? `d.${name}`
        : `coalesce(TRY_CAST(${own} AS ${typeIn(use, column)}), d.${name}) AS ${name}`;
    });
    return `SELECT ${terms.join(", ")} FROM (VALUES ${variants.join(", ")}) a(${names}) JOIN ${lenders} d ON d."@n" = a."@donor"`;
  });
}

function typeIn(use: ViewUse, source: string): string {
  const dtype = use.columns.find((column) => column.source === source)?.dtype ?? "BIGINT";
  return dtype.replace("TEXT", "VARCHAR");
}

/** The instants that decide who sees a row. */
function timedInstants(use: ViewUse): Scan["instants"] {
  const names = new Set(
    use.looks.flatMap(({ time, available }) => [time.name, ...(available ? [available.name] : [])]),
  );
  return use.instants.filter(({ name }) => names.has(name));
}

const STEPS_AFTER = [0n, 1n, 3_600_000_000_000n, 100_000_000_000_000n] as const;

/** Ticks of each timed instant: the moment itself, a step later, an hour, or a day and more. */
function laterTimes(use: ViewUse, at: Nanos, made: number, random: Random): readonly string[] {
  const after = STEPS_AFTER[made % 2 === 0 ? 0 : random.below(STEPS_AFTER.length)] ?? 0n;
  return timedInstants(use).map(({ unit }) => {
    const step = nanosPerStep(unit);
    const first = ceilTo(at, step);
    const wanted = after <= 1n ? first + after * step : ceilTo(at + after, step);
    return `CAST('${wanted / nanosPerTick(unit)}' AS HUGEINT)`;
  });
}

/** Ticks of a row of just before the moment that is known just after it. */
function unavailableTimes(use: ViewUse, at: Nanos): readonly string[] {
  const known = new Set(use.looks.flatMap(({ available }) => (available === undefined ? [] : [available.name])));
  return timedInstants(use).map(({ name, unit }) => {
    const step = nanosPerStep(unit);
    const first = ceilTo(at, step);
    const wanted = known.has(name) ? (first === at ? first + step : first) : first - step;
    return `CAST('${wanted / nanosPerTick(unit)}' AS HUGEINT)`;
  });
}

function ceilTo(value: bigint, step: bigint): bigint {
  const rest = ((value % step) + step) % step;
  return rest === 0n ? value : value + step - rest;
}

/** SQL of the picked row's value of a column of the spine; undefined of a column that was joined. */
function pickedValue(column: string, { row, spine }: Moment, pipeline: Pipeline): string | undefined {
  for (const operator of pipeline.operators) {
    if (operator.kind !== "scan" || operator.view !== pipeline.spine.view) continue;
    const source = sourceOf(operator.columns, column);
    if (source !== undefined) return `(SELECT ${identifier(source)} FROM ${spine} WHERE ${identifier(MARK)} = ${row})`;
  }
  return undefined;
}
