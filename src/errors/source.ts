import { family } from "./catalogue.js";

/** What can be wrong with a relation outside. `address`, `file` are printable: no secrets. */
export const sourceProblem = family("source", {
  "no-address": (p: { view: string }) => ({
    says: `the source of view "${p.view}" has no address`,
    help: "set path (files), or database_path (a DuckDB file) with table or query",
  }),
  "needs-network": (p: { view: string; address: string }) => ({
    says: `the source of view "${p.view}" is reached over a network or by a DuckDB extension, which this version does not run: ${p.address}`,
    help: "use a local file, folder or glob (path), or a DuckDB file (database_path: x.duckdb)",
  }),
  "no-such-file": (p: { address: string }) => ({
    says: `there is no file or folder at ${p.address}`,
    help: "check path in the view's source; relative paths start at the folder of daedalus.yaml",
  }),
  "no-data-files": (p: { address: string; ignored: number }) => ({
    says:
      p.ignored === 0
        ? `no files were found at ${p.address}`
        : `none of the ${p.ignored} files at ${p.address} is one that can be read`,
    help: "files end in .parquet, .csv, .csv.gz, .ndjson, .ndjson.gz, .jsonl or .jsonl.gz; names that begin with _ or . are not read",
  }),
  "unknown-format": (p: { file: string }) => ({
    says: `the ending of ${p.file} names no format`,
    help: "files end in .parquet, .csv, .csv.gz, .ndjson, .ndjson.gz, .jsonl or .jsonl.gz",
  }),
  "unreadable-file": (p: { reason: string }) => ({
    says: `the file cannot be read: ${p.reason}`,
    help: "restore the file or move it out of the source's path",
  }),
  "file-vanished": (_: Record<never, never>) => ({
    says: "the file was there when the run began and is gone",
    help: "restore the file, or run again without it",
  }),
  "unreadable-database": (p: { address: string; reason: string }) => ({
    says: `the DuckDB file ${p.address} cannot be opened: ${p.reason}`,
    help: "check database_path; close other programs that write to the file",
  }),
  "unknown-table": (p: { address: string; table: string; nearest?: string | undefined }) => ({
    says: `${p.address} has no table "${p.table}"`,
    ...(p.nearest === undefined ? {} : { suggestion: p.nearest }),
  }),
  "bad-query": (p: { address: string; reason: string }) => ({
    says: `the query over ${p.address} does not run: ${p.reason}`,
    help: "source.query is one SELECT over the tables of the database",
  }),
  "query-refused": (p: { address: string; what: string }) => ({
    says: `the query over ${p.address} uses ${p.what} which is not allowed`,
    help: "source.query is one SELECT over the tables of the database, with functions that always give the same",
  }),
  "table-or-query": (p: { view: string }) => ({
    says: `the source of view "${p.view}" needs exactly one of table and query`,
    help: "set table or query beside database_path",
  }),
  "conflicting-types": (p: { column: string; type: string; otherType: string; otherFile: string }) => ({
    says: `column "${p.column}" is ${p.type} here and ${p.otherType} in ${p.otherFile}`,
    help: "write the files with one type; only integers of different widths, FLOAT with DOUBLE and decimals are unified",
  }),
  "duplicate-column": (p: { column: string }) => ({
    says: `the header line names column "${p.column}" twice`,
    help: "rename one of them",
  }),
  "no-header": (_: Record<never, never>) => ({
    says: "the header line cannot be read",
    help: "a CSV file begins with a line of column names, separated by commas, quoted with double quotes",
  }),
  "unknown-column": (p: { address: string; column: string; nearest?: string | undefined }) => ({
    says: `${p.address} has no column "${p.column}"`,
    ...(p.nearest === undefined ? {} : { suggestion: p.nearest }),
  }),
  "unsupported-conversion": (p: { column: string; type: string; dtype: string }) => ({
    says: `column "${p.column}" is ${p.type}, which cannot be read as ${p.dtype}`,
    help: "declare a dtype of the same kind in the view's fields, or convert the column in the source",
  }),
  "value-does-not-fit": (p: { column: string; dtype: string; value: string; where: string }) => ({
    says: `column "${p.column}" holds ${p.value} in ${p.where}, which is no ${p.dtype}`,
    help: /^(TIMESTAMP|DATE|instant)/.test(p.dtype)
      ? "write instants as ISO 8601 (2024-03-01T09:00:00Z); what counts seconds or parts of them is declared as BIGINT, with timestamp_unit"
      : "correct the value, or declare a dtype that holds it in the view's fields",
  }),
  "null-time": (p: { column: string; where: string }) => ({
    says: `the event time "${p.column}" is NULL in ${p.where}`,
    help: "every row of the spine view needs an event time: fill it or drop the row in the source",
  }),
  "time-does-not-fit": (p: { column: string; value: string; where: string }) => ({
    says: `the event time "${p.column}" is ${p.value} in ${p.where}, which is no instant of 64 bits of microseconds`,
    help: "correct the value; check timestamp_unit in the view's source",
  }),
  "invalid-json": (p: { reason: string }) => ({
    says: `the line is not a JSON object: ${p.reason}`,
    help: "an NDJSON file holds one JSON object a line; NaN and Infinity are not JSON",
  }),
  "invalid-csv": (p: { reason: string }) => ({
    says: `the line is not a record of this CSV file: ${p.reason}`,
    help: 'fields are separated by commas and quoted with double quotes, a quote inside is written "", every record has the header\'s fields',
  }),
});
