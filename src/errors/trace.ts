import { family } from "./catalogue.js";

/** What is wrong with a question about single rows, or with what an audit is asked to do; see `catalogue.ts`. */
export const traceProblem = family("trace", {
  "bad-row": (p: { text: string; why: string; example: string }) => ({
    says: `--row ${p.text} names no row: ${p.why}`,
    help: `write it as ${p.example}; values with a comma or an @ in single quotes, NULL for none`,
  }),
  "unknown-key": (p: { key: string; view: string; nearest?: string; known: readonly string[] }) => ({
    says: `view "${p.view}" has no key column "${p.key}"`,
    suggestion: p.nearest,
    help: `its key columns: ${p.known.join(", ")}`,
  }),
  "missing-key": (p: { missing: readonly string[]; example: string }) => ({
    says: `the row is not named: the ${p.missing.length === 1 ? "key" : "keys"} ${p.missing.join(", ")} ${p.missing.length === 1 ? "is" : "are"} missing`,
    help: `write it as ${p.example}`,
  }),
  "bad-key-value": (p: { key: string; value: string; dtype: string }) => ({
    says: `the key ${p.key}=${p.value} is no ${p.dtype}`,
    help: `write a value of ${p.dtype}, or NULL`,
  }),
  "bad-time": (p: { text: string; wanted: string }) => ({
    says: `"${p.text}" is not the time of a row`,
    help: `write ${p.wanted}`,
  }),
  "no-such-row": (p: { view: string; row: string; what: string; nearest: readonly string[] }) => ({
    says: `view "${p.view}" has no row ${p.row}`,
    help: p.nearest.length === 0 ? "it has no row with an event time at all" : `${p.what}: ${p.nearest.join(", ")}`,
  }),
  "unknown-column": (p: { column: string; service: string; nearest?: string; known: readonly string[] }) => ({
    says: `service "${p.service}" has no column "${p.column}"`,
    suggestion: p.nearest,
    help: `its columns: ${p.known.join(", ")}`,
  }),
  "row-option-alone": (p: { option: string }) => ({
    says: `${p.option} says something about a row, and no row is named`,
    help: "add --row",
  }),
  "row-with-analyze": () => ({
    says: "--row asks where one row comes from, --analyze what a day takes",
    help: "ask one after the other",
  }),
  "row-with-engine": () => ({
    says: "--row tells where a row comes from without any engine, so there is none to choose",
    help: "leave --engine out",
  }),
  "row-with-format": (p: { format: string }) => ({
    says: `--row tells its story as text or JSON, not as ${p.format}`,
    help: "leave --format out, or use --json",
  }),
});
