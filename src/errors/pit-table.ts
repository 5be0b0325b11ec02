import { family } from "./catalogue.js";

/** What is wrong with a call of `aggregatePitTable`; see `catalogue.ts`. */
export const pitTableProblem = family("pit-table", {
  "unknown-engine": (p: { engine: string; engines: readonly string[]; nearest: string | undefined }) => ({
    says: `there is no engine "${p.engine}" for aggregatePitTable`,
    help: `this version has ${p.engines.join(", ")}`,
    suggestion: p.nearest,
  }),
  "unknown-key": (p: { key: string; of: string; nearest: string | undefined }) => ({
    says: `there is no key "${p.key}" of ${p.of}`,
    help: p.nearest === undefined ? "remove it" : undefined,
    suggestion: p.nearest,
  }),
  "bad-value": (p: { key: string; of: string; value: string; expected: string }) => ({
    says: `${p.key} of ${p.of} is ${p.value}`,
    help: `it takes ${p.expected}`,
  }),
  "key-needed": (p: { key: string; of: string; because: string; expected: string }) => ({
    says: `${p.of} has no ${p.key}${p.because === "" ? "" : ` (${p.because})`}`,
    help: `give ${p.expected}`,
  }),
  "key-not-allowed": (p: { key: string; of: string; because: string; help: string }) => ({
    says: `${p.of} has ${p.key} ${p.because}`,
    help: p.help,
  }),
  "unknown-column": (p: { column: string; table: string; of: string; nearest: string | undefined }) => ({
    says: `${p.table} has no column "${p.column}", which ${p.of} names`,
    help: p.nearest === undefined ? "name a column of the table" : undefined,
    suggestion: p.nearest,
  }),
  "unknown-view": (p: { view: string; of: string; nearest: string | undefined }) => ({
    says: `options.views has no "${p.view}", which ${p.of} names`,
    help: p.nearest === undefined ? "give its table in options.views" : undefined,
    suggestion: p.nearest,
  }),
  "unsupported-type": (p: { column: string; table: string; type: string }) => ({
    says: `column "${p.column}" of ${p.table} is ${p.type}, which aggregates do not take`,
    help: "cast it: Bool, Int8 to Int64, Float32, Float64, Utf8 (also in a dictionary), Date and Timestamp are taken, and List of them",
  }),
  "not-a-time": (p: { column: string; table: string; type: string }) => ({
    says: `column "${p.column}" of ${p.table} is ${p.type}, which is no time`,
    help: "a time is a Timestamp, a Date, or an integer with timestampUnit",
  }),
  "unit-needed": (p: { column: string; table: string; type: string }) => ({
    says: `column "${p.column}" of ${p.table} is ${p.type}: an integer does not say its unit`,
    help: 'give timestampUnit: "s", "ms", "us" or "ns"',
  }),
  "null-time": (p: { column: string; row: number }) => ({
    says: `column "${p.column}" is NULL at row ${p.row}: a row without a time has no history`,
    help: "drop such rows, or give them a time",
  }),
  "time-out-of-range": (p: { column: string; table: string; row: number; unit: string }) => ({
    says: `the time of row ${p.row} in column "${p.column}" of ${p.table} does not fit 64 bits of ${p.unit}`,
    help: "instants reach from the year -290307 to 294247",
  }),
  "produced-twice": (p: { column: string; first: string; second: string }) => ({
    says: `the column "${p.column}" comes from both ${p.first} and ${p.second}`,
    help: "rename one of them",
  }),
  "names-alike": (p: { of: string; first: string; second: string }) => ({
    says: `${p.of} has "${p.first}" and "${p.second}", which differ only in case`,
    help: "rename one of them",
  }),
  "types-differ": (p: {
    of: string;
    left: string;
    leftType: string;
    right: string;
    rightType: string;
    why: string;
  }) => ({
    says: `${p.of} compares "${p.left}" (${p.leftType}) with "${p.right}" (${p.rightType})`,
    help: `${p.why} takes two columns of one type; integers of any width are one, times need one unit`,
  }),
  "wrong-source": (p: { of: string; agg: string; column: string; dtype: string; help: string }) => ({
    says: `${p.of} makes ${p.agg} of "${p.column}", which is ${p.dtype}`,
    help: p.help,
  }),
  "bad-event": (p: { of: string; value: string; column: string; dtype: string }) => ({
    says: `${p.of} has the event ${p.value}, which is no value of "${p.column}" (${p.dtype})`,
    help: "events are values of options.eventColumn",
  }),
  "bad-condition": (p: { of: string; text: string; says: string }) => ({
    says: `where of ${p.of} (${p.text}): ${p.says}`,
    help: "write a DuckDB condition over one row of the history",
  }),
});
