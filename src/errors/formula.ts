import { family } from "./catalogue.js";

interface Signed {
  readonly signature: string;
}

/** What is wrong with a formula; see `catalogue.ts`. */
export const formulaProblem = family("formula", {
  empty: (_: object) => ({ says: "the formula is empty" }),
  "too-long": (p: { most: number }) => ({
    says: `the formula has more than ${p.most} words and signs`,
    help: "give its parts names, as features of their own",
  }),
  "too-deep": (p: { most: number }) => ({
    says: `the formula is nested more than ${p.most} levels deep`,
    help: "give its parts names, as features of their own",
  }),
  "not-in-the-language": (p: { text: string; help: string | undefined }) => ({
    says: `no formula has ${JSON.stringify(p.text)}`,
    help: p.help,
  }),
  "bad-number": (p: { text: string; help: string | undefined }) => ({
    says: `"${p.text}" is no number`,
    help: p.help ?? "a number is written as 10, 0.5, 1e-9 or 3_600_000, a product with *",
  }),
  unexpected: (p: { found: string; expected: string; help: string | undefined }) => ({
    says: `"${p.found}" cannot stand here: ${p.expected} was expected`,
    help: p.help,
  }),
  unfinished: (p: { expected: string }) => ({ says: `the formula ends where ${p.expected} was expected` }),
  unclosed: (_: object) => ({ says: 'this "(" is not closed', help: 'add the missing ")"' }),
  chained: (p: { instead: string }) => ({
    says: "two comparisons cannot be chained",
    help: `write ${p.instead}`,
  }),
  "positional-after-keyword": (_: object) => ({
    says: "an argument without a name comes after one with a name",
    help: "write arguments without names first",
  }),
  "unknown-function": (p: { name: string; nearest: string | undefined }) => ({
    says: `there is no function "${p.name}"`,
    suggestion: p.nearest,
  }),
  "unknown-argument": (p: Signed & { name: string; nearest: string | undefined }) => ({
    says: `there is no argument "${p.name}" in ${p.signature}`,
    suggestion: p.nearest,
  }),
  "doubled-argument": (p: Signed & { name: string }) => ({
    says: `the argument "${p.name}" of ${p.signature} is given twice`,
  }),
  "missing-argument": (p: Signed & { name: string }) => ({
    says: `the argument "${p.name}" of ${p.signature} is missing`,
  }),
  "surplus-argument": (p: Signed) => ({ says: `this is one argument more than ${p.signature} has` }),
  "unknown-name": (p: { name: string; nearest: string | undefined; known: string }) => ({
    says: `there is no parameter, feature or column "${p.name}"`,
    suggestion: p.nearest,
    help: p.nearest === undefined ? p.known : undefined,
  }),
  "unknown-parameter": (p: { name: string; nearest: string | undefined; column: boolean }) => ({
    says: `there is no parameter "${p.name}"`,
    suggestion: p.nearest,
    help: p.column ? `the column is written without $: ${p.name}` : undefined,
  }),
  "unknown-table": (p: { name: string; nearest: string | undefined }) => ({
    says: `there is no table "${p.name}" in this run`,
    suggestion: p.nearest,
  }),
  "unknown-column": (p: { table: string; name: string; nearest: string | undefined }) => ({
    says: `table "${p.table}" has no column "${p.name}"`,
    suggestion: p.nearest,
  }),
  "ambiguous-name": (p: { name: string; columns: readonly string[] }) => ({
    says: `"${p.name}" may be any of the columns ${p.columns.map((column) => `"${column}"`).join(", ")}`,
    help: "write the one that is meant",
  }),
  "wrong-column": (p: { name: string; type: string }) => ({
    says: `column "${p.name}" is ${p.type}, and a formula computes with numbers and booleans`,
  }),
  "not-constant": (p: Signed & { name: string }) => ({
    says: `the argument "${p.name}" of ${p.signature} must be known before any row is read`,
    help: "write numbers and parameters only",
  }),
  "not-integral": (p: { name: string; value: number }) => ({
    says: `"${p.name}" is a number of rows, and ${p.value} is no whole number`,
  }),
  "out-of-range": (p: { name: string; value: string; expected: string }) => ({
    says: `"${p.name}" must be ${p.expected}, and is ${p.value}`,
  }),
  future: (p: { rows: number }) => ({
    says: `this looks ${p.rows} row${p.rows === 1 ? "" : "s"} into the future`,
    help: "a feature may use the rows up to its own only; lag(x, n) with n ≥ 0 looks back",
  }),
  "formula-or-type": (_: object) => ({
    says: "a feature has either a formula or a type",
    help: "write one of the two",
  }),
  "inputs-without-type": (_: object) => ({
    says: "inputs bind the names of a feature type, and this feature has a formula of its own",
    help: "write the columns into the formula",
  }),
  "unknown-type": (p: { name: string; nearest: string | undefined }) => ({
    says: `there is no feature type "${p.name}"`,
    suggestion: p.nearest,
    help: p.nearest === undefined ? "daeda features list shows those that there are" : undefined,
  }),
  "unknown-type-parameter": (p: { name: string; type: string; nearest: string | undefined }) => ({
    says: `the feature type "${p.type}" has no parameter "${p.name}"`,
    suggestion: p.nearest,
  }),
  "missing-parameter": (p: { name: string; type: string }) => ({
    says: `the parameter "${p.name}" of the feature type "${p.type}" is missing, and it has no default`,
  }),
  "unknown-input": (p: { name: string; type: string; nearest: string | undefined }) => ({
    says: `the feature type "${p.type}" has no input "${p.name}"`,
    suggestion: p.nearest,
  }),
  "not-a-column": (p: { name: string; text: string }) => ({
    says: `the input "${p.name}" is bound to "${p.text}", which is no name of a column or feature`,
  }),
  "wrong-primitive": (p: { op: string; primitive: string; right: string }) => ({
    says: `"${p.op}" is no ${p.primitive}`,
    help: `write primitive: ${p.right}`,
  }),
  "no-table": (_: object) => ({ says: "a run has at least one table" }),
  "doubled-feature": (p: { name: string }) => ({ says: `two features are called "${p.name}"` }),
  "reserved-feature": (p: { name: string }) => ({
    says: `no feature can be called "${p.name}": the table of features has a column of that name`,
    help: "give the feature another name",
  }),
  "feature-like-column": (p: { name: string; table: string }) => ({
    says: `the feature "${p.name}" is called like a column of its table "${p.table}"`,
    help: "give the feature another name",
  }),
  cycle: (p: { members: readonly string[] }) => ({
    says:
      p.members.length === 1
        ? `the feature "${p.members[0]}" takes itself as input`
        : `the features ${listed(p.members)} take one another as input`,
    help: "a feature is computed after those that it takes",
  }),
  failed: (p: { cause: string }) => ({ says: `it could not be computed: ${p.cause}` }),
  "depends-on-failed": (p: { name: string }) => ({
    says: `it takes the feature "${p.name}", which has failed`,
  }),
});

/** What is wrong with a table that formulas are computed over. */
export const frameProblem = family("frame", {
  "no-times": (p: { table: string }) => ({
    says: `table "${p.table}" has no column "event_time"`,
    help: "a source's timestamp_field names the column with the rows' times",
  }),
  "wrong-times": (p: { table: string; type: string }) => ({
    says: `the column "event_time" of table "${p.table}" is ${p.type}, and must be a Timestamp`,
  }),
  "missing-value": (p: { table: string; column: string; row: number }) => ({
    says: `row ${p.row} of table "${p.table}" has no ${p.column}`,
    help: "a row without it belongs nowhere: remove it, or give it one",
  }),
  "no-table": (p: { table: string; folder: string }) => ({
    says: `there is no table "${p.table}" in the warehouse ${p.folder}`,
    help: `a table is a folder or file there, as ${p.table}.parquet; any other file is named by the table's source`,
  }),
  "two-tables": (p: { table: string; paths: readonly string[] }) => ({
    says: `the warehouse has table "${p.table}" more than once: ${p.paths.join(", ")}`,
    help: "leave one of them there, or name it as the source of the table",
  }),
  "no-column": (p: { table: string; column: string; nearest: string | undefined }) => ({
    says: `table "${p.table}" has no column "${p.column}"`,
    suggestion: p.nearest,
  }),
  "doubled-column": (p: { table: string; name: string }) => ({
    says: `two columns of table "${p.table}" are called "${p.name}" by its field_mapping`,
  }),
  "same-but-case": (p: { table: string; first: string; second: string }) => ({
    says: `the columns "${p.first}" and "${p.second}" of table "${p.table}" differ by case only, and cannot be told apart when they are read`,
    help: "rename one of them in the file",
  }),
  "constant-beside-column": (p: { table: string; column: string }) => ({
    says: `table "${p.table}" has a column "${p.column}" of its own, which a constant cannot take the place of`,
    help: p.column === "symbol" ? "symbols of the run choose rows" : "venue of the run chooses rows",
  }),
  "no-time-column": (p: { table: string; column: string; nearest: string | undefined; known: readonly string[] }) => ({
    says: `table "${p.table}" has no column "${p.column}" with the rows' times`,
    suggestion: p.nearest,
    help:
      p.known.length === 0
        ? "it has no columns: is its file empty?"
        : `a source's timestamp_field names the column; it has ${p.known.join(", ")}`,
  }),
  "cut-times": (p: { table: string; column: string }) => ({
    says: `the column "${p.column}" of table "${p.table}" holds nanoseconds with a time zone, which can only be read as microseconds`,
    help: "write it without a zone (times are UTC), or timestamp_unit: us beside timestamp_field if what is below does not matter",
  }),
  unreadable: (p: { table: string; reason: string }) => ({
    says: `the rows of table "${p.table}" cannot be read: ${p.reason}`,
  }),
  "no-time-unit": (p: { table: string; column: string; type: string }) => ({
    says: `the column "${p.column}" of table "${p.table}" is ${p.type}, and nothing says what it counts`,
    help: "write timestamp_unit: s, ms, us or ns beside timestamp_field",
  }),
  several: (p: { table: string; column: string; names: readonly string[] }) => ({
    says: `table "${p.table}" holds rows of several ${p.column}s: ${p.names.join(", ")}`,
    help: `write which: ${p.column}: ${p.names[0]}`,
  }),
  "symbol-unknown": (p: { table: string; other: string; symbols: number }) => ({
    says: `table "${p.table}" has no symbols, and table "${p.other}" has ${p.symbols} of them: which stands beside its rows is not known`,
    help: "write symbol: beside the source of the first, or choose one: symbols: of the run",
  }),
  "no-symbols": (p: { table: string }) => ({
    says: `table "${p.table}" has no column "symbol" that symbols of the run could choose from`,
    help: "leave out symbols (--symbol), or write the table's own: symbol: beside its source",
  }),
  "no-rows": (p: { table: string }) => ({
    says: `table "${p.table}" has no rows of this run`,
    help: "look at symbols, venue, start and end, and the table's bar_name",
  }),
});

/** What is wrong with a run of features as it was asked for. */
export const featureRunProblem = family("features", {
  "no-output": (_: object) => ({
    says: "nothing says where the features are to be written",
    help: "write output: {wide: features.parquet} into the file, or --wide FILE",
  }),
  "out-of-memory": (p: { cause: string }) => ({
    says: `the run does not fit its memory: ${p.cause}`,
    help: "raise memory_limit, or compute fewer features at a time",
  }),
  "output-is-input": (p: { path: string; table: string }) => ({
    says: `table "${p.table}" is read from ${p.path}, and the features would take its place`,
    help: "write them to another file",
  }),
  "unknown-feature": (p: { name: string; nearest: string | undefined; known: readonly string[] }) => ({
    says: `the run has no feature "${p.name}"`,
    suggestion: p.nearest,
    help: p.nearest === undefined ? `its features: ${p.known.join(", ")}` : undefined,
  }),
  "empty-range": (_: object) => ({
    says: "the run ends before it begins",
    help: "--start, or start in the file, must be before --end, or end",
  }),
  "output-not-replaceable": (p: { path: string }) => ({
    says: `${p.path} is there, and no Parquet file that features could take the place of`,
    help: "write them to another file",
  }),
  "page-not-replaceable": (p: { path: string }) => ({
    says: `${p.path} is there, and no page that another one could take the place of`,
    help: "write the page to another file",
  }),
  "row-as-mermaid": (_: Record<never, never>) => ({
    says: "a row's values are not drawn as Mermaid",
    help: "leave out --format mermaid, or --row; --row goes with --format text and json",
  }),
  "output-not-parquet": (p: { path: string }) => ({
    says: `features are written as Parquet, and ${p.path} is called as something else`,
    help: "name a file that ends in .parquet",
  }),
  "bad-time": (p: { option: string; value: string }) => ({
    says: `${p.option} ${p.value} is no time`,
    help: "write a UTC date or time as 2024-01-31 or 2024-01-31T12:00:00Z, of microseconds at the finest",
  }),
  "bad-row": (p: { value: string }) => ({
    says: `--row ${p.value} names no row`,
    help: "write the symbol and the time, as SYMBOL@2024-01-31T12:00:00Z; @TIME where the table has no symbols",
  }),
  "row-of-several": (p: { time: string; symbols: readonly string[] }) => ({
    says: `${p.symbols.length} symbols have a row at ${p.time}`,
    help: `write which: ${p.symbols[0]}@${p.time}`,
  }),
  "no-such-row": (p: { symbol: string; time: string; near: readonly string[] }) => ({
    says: `no row of ${p.symbol} has the time ${p.time}`,
    ...(p.near.length === 0 ? {} : { help: `its rows next to it: ${p.near.join(", ")}` }),
  }),
  "no-such-symbol": (p: { symbol: string; nearest: string | undefined; known: readonly string[] }) => ({
    says: `no row has the symbol "${p.symbol}"`,
    suggestion: p.nearest,
    help:
      p.nearest === undefined
        ? `its symbols: ${p.known.slice(0, 20).join(", ")}${p.known.length > 20 ? ", …" : ""}`
        : undefined,
  }),
});

/** Names in a text; of very many the first. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).map((name) => `"${name}"`);
  return names.length > MOST_LISTED ? `${shown.join(", ")}, … (${names.length} in all)` : shown.join(", ");
}

const MOST_LISTED = 12;
