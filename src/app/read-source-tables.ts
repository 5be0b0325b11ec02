import {
  Bool,
  type DataType,
  Float64,
  Int64,
  makeData,
  makeVector,
  Table,
  TimestampMicrosecond,
  TimestampNanosecond,
  Utf8,
  type Vector,
} from "apache-arrow";
import { parseIso } from "../columnar/instants.js";
import type { RunTable } from "../definitions/feature-run.js";
import { readColumns } from "../engines/sql/arrow-tables.js";
import { SqlSession } from "../engines/sql/session.js";
import { featureRunProblem } from "../errors/formula.js";
import { DaedalusError } from "../errors/problem.js";
import { OpenTable } from "../feature-runs/run-table.js";
import { EVENT_TIME, SYMBOL } from "../formulas/features/tables.js";

import { checkOptions, either, FLAG, LIST, OBJECT, objectOf, oneOf, type Shapes, SOME_TEXTS, TEXT } from "./options.js";

export interface SourceTablesRequest {
  /** Tables of the warehouse, or with a source of their own, as under `tables` in features.yaml, with the names of this library: `source: {path, timestampField}`. */
  readonly tables: readonly (string | (Partial<RunTable> & { readonly name: string }))[];
  /** One, or several; absent: all. */
  readonly symbol?: string | readonly string[];
  readonly venue?: string;
  /** UTC times in ISO 8601, `start <= event_time < end`; rows before `start` are not read: leave it out where formulas look back. */
  readonly start?: string;
  readonly end?: string;
}

const REQUEST: Shapes = {
  tables: LIST,
  symbol: either(TEXT, SOME_TEXTS),
  venue: TEXT,
  start: TEXT,
  end: TEXT,
};

const SOURCE: Shapes = {
  path: TEXT,
  connection: TEXT,
  table: TEXT,
  query: TEXT,
  databasePath: TEXT,
  timestampField: TEXT,
  timestampUnit: oneOf(["s", "ms", "us", "ns"]),
  availableField: TEXT,
};

const TABLE: Shapes = {
  name: TEXT,
  barName: TEXT,
  incompleteBars: FLAG,
  source: OBJECT,
  fieldMapping: objectOf(["string"], "{source column: column}"),
  symbol: TEXT,
  venue: TEXT,
};

function checkRequest(request: SourceTablesRequest): void {
  checkOptions("readSourceTables", request, REQUEST, { needed: ["tables"] });
  for (const [place, table] of request.tables.entries()) {
    if (typeof table === "string") continue;
    const at = `tables[${place}]`;
    checkOptions(at, table, TABLE, { needed: ["name"], at: `${at}.` });
    if (table.source !== undefined) checkOptions(`${at}.source`, table.source, SOURCE, { at: `${at}.source.` });
  }
}

/**
 * Tables as frames: `symbol`, `event_time`, and every column that formulas can compute with, in the order of their rows. Throws
 * DaedalusError: exit code 2 for tables and times that are not there, 1 for what cannot be read; RangeError for a
 * request that is none.
 */
export async function readSourceTables(
  directory: string,
  warehouse: string,
  request: SourceTablesRequest,
): Promise<Readonly<Record<string, Table>>> {
  checkRequest(request);
  const { symbol, venue, start, end } = request;
  const tables = request.tables.map((table): RunTable => {
    const own = typeof table === "string" ? { name: table } : table;
    return { incompleteBars: false, fieldMapping: {}, ...own };
  });
  const run = {
    tables,
    warehouse,
    ...(symbol === undefined ? {} : { symbols: typeof symbol === "string" ? [symbol] : symbol }),
    ...(venue === undefined ? {} : { venue }),
    ...(start === undefined ? {} : { start: microsOf("start", start) }),
    ...(end === undefined ? {} : { end: microsOf("end", end) }),
  };
  const session = await SqlSession.open();
  try {
    const frames: Record<string, Table> = {};
    for (const table of tables) {
      const opened = await OpenTable.open(run, table, directory, session);
      frames[table.name] = await frameOf(opened, session, run.start);
    }
    return frames;
  } finally {
    session.close();
  }
}

function microsOf(option: string, value: string): bigint {
  const nanos = parseIso(value);
  if (nanos === undefined || nanos % 1000n !== 0n)
    throw new DaedalusError([featureRunProblem("bad-time", { option, value })], 2);
  return nanos / 1000n;
}

async function frameOf(table: OpenTable, session: SqlSession, start: bigint | undefined): Promise<Table> {
  const types = new Map<string, DataType>([["t", new Int64()]]);
  if (table.hasSymbols) types.set(SYMBOL, new Utf8());
  const columns = [...table.columns.columns].filter(([, type]) => typeof type === "string");
  for (const [name, type] of columns) types.set(name, type === "Boolean" ? new Bool() : new Float64());
  const names = columns.map(([name]) => name);
  const counts = await table.symbols(names);
  const rows = counts.reduce((sum, one) => sum + one.rows - one.before, 0);
  const read = await readColumns(session, table.typed(names, start), rows, types);
  const { t, ...rest } = Object.fromEntries(read) as Record<string, Vector>;
  return new Table({
    ...(rest[SYMBOL] === undefined ? {} : { symbol: rest[SYMBOL] }),
    [EVENT_TIME]: timesOf(t as Vector, table),
    ...rest,
  });
}

function timesOf(ticks: Vector, { resolution }: OpenTable): Vector {
  const type = resolution === "ns" ? new TimestampNanosecond("UTC") : new TimestampMicrosecond("UTC");
  const chunks = ticks.data.map(({ values, length }) =>
    makeData({ type, length, nullCount: 0, data: values as BigInt64Array<ArrayBuffer> }),
  );
  return makeVector(chunks);
}
