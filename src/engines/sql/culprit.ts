import type { Answers } from "./plan.js";
import type { SqlSession } from "./session.js";

/** A part of a day's plan that can be evaluated by itself, to find out which one made a statement fail. */
export interface Check {
  /** An operator of the pipeline. */
  readonly operator: string;
  /** What the user wrote, of a rule. */
  readonly rule?: string;
  /** A query that evaluates it; over the rows, where it is one of their steps. */
  readonly sql: (rows: CheckedRows) => string;
}

export interface CheckedRows {
  readonly table: string;
  /** The ordered rows: what is narrow is settled, and the rows that filters drop are gone. */
  readonly ordered: boolean;
  /** Of the kernels that are not called. */
  readonly answers?: Answers | undefined;
}

export interface Culprit {
  readonly operator: string;
  readonly rule?: string;
  readonly detail: string;
}

/** Steps that the rows at hand have no columns for any more are passed over: they were evaluated before. */
const NOT_BOUND = /^(Binder|Catalog|Parser) Error/;

/** The first check that fails over the rows; undefined if none does. */
export async function findCulprit(
  session: SqlSession,
  checks: readonly Check[],
  rows: CheckedRows,
): Promise<Culprit | undefined> {
  for (const { operator, rule, sql } of checks) {
    const message = await session.query(sql(rows)).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (message === undefined || NOT_BOUND.test(message)) continue;
    return { operator, detail: message.split("\n")[0] ?? message, ...(rule === undefined ? {} : { rule }) };
  }
  return undefined;
}
