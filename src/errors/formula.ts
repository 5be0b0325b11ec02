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
});
