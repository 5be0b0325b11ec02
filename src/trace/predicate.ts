import type { DType } from "../columnar/dtypes.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier } from "../engines/sql/text.js";
import type { ColumnName, Predicate } from "../operators/operator.js";
import { type Row, valueIn } from "./row.js";
import { constantOf, readable, sqlType, valueRead } from "./sql-values.js";
import type { Value } from "./values.js";

/** What a user's predicate says of each row: TRUE, FALSE or NULL. DuckDB evaluates it, over the rows' values as constants. */
export type Evaluator = (
  predicate: Predicate,
  rows: readonly Row[],
  dtypes: ReadonlyMap<ColumnName, DType>,
) => Promise<readonly (boolean | null)[]>;

/** Rows of one statement. */
const TOGETHER = 500;

export function evaluatorOn(session: SqlSession): Evaluator {
  return async (predicate, rows, dtypes) => {
    const columns = [...new Set(predicate.columns)].map((name) => ({ name, dtype: dtypes.get(name) ?? "BIGINT" }));
    const verdicts: (boolean | null)[] = [];
    for (let first = 0; first < rows.length; first += TOGETHER) {
      const tuples = rows.slice(first, first + TOGETHER).map((row, index) => {
        const values = columns.map(({ name, dtype }) => constantOf(valueIn(row, name), dtype));
        return `(${[index, ...values].join(", ")})`;
      });
      const names = ['"@i"', ...columns.map(({ name }) => identifier(name))];
      const answers = await session.query(
        `SELECT (${predicate.sql}) AS verdict FROM (VALUES ${tuples.join(", ")}) v(${names.join(", ")}) ORDER BY "@i"`,
      );
      verdicts.push(...answers.map(({ verdict }) => (typeof verdict === "boolean" ? verdict : null)));
    }
    return verdicts;
  };
}

/** The value of a constant SQL expression of the user's. */
export async function constantValue(session: SqlSession, sql: string, dtype: DType): Promise<Value> {
  const typed = `CAST((${sql}) AS ${sqlType(dtype)})`;
  const [answer] = await session.query(`SELECT ${readable("c", dtype)} AS value FROM (SELECT ${typed} AS c)`);
  return valueRead(answer?.["value"]);
}
