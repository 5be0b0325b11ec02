import { Bool, type Vector } from "apache-arrow";
import { dtypeOfArrow } from "../../columnar/arrow-columns.js";
import type { PitRelation } from "../pit-table.js";
import { createTable, PLACE, readColumns } from "./arrow-tables.js";
import { openPredicateAnalyzer } from "./predicate-analyzer.js";
import { SqlSession } from "./session.js";
import { identifier } from "./text.js";

/** What is wrong with a condition, in the reader's words. */
export class ConditionFault extends Error {
  override readonly name = "ConditionFault";
}

/**
 * Whether a DuckDB condition is TRUE, for each row of a relation. `columnOf` gives a column that it names; undefined: there is
 * none, told already. Throws `ConditionFault`.
 */
export async function conditionColumn(
  text: string,
  rows: number,
  columnOf: (name: string) => Vector | undefined,
): Promise<Vector | undefined> {
  const session = await SqlSession.open();
  try {
    const analyzer = openPredicateAnalyzer(session);
    const [parsed] = await analyzer.parse([text]);
    if (parsed === undefined) return undefined;
    if (!parsed.ok) {
      const { kind, message } = parsed.fault;
      throw new ConditionFault(kind === "refused" ? `it has ${message.replace(/,$/, "")}, which is refused` : message);
    }
    const columns = new Map<string, Vector>();
    const names = new Map<
      string,
      { readonly name: string; readonly dtype: NonNullable<ReturnType<typeof dtypeOfArrow>> }
    >();
    for (const { parts } of parsed.columns) {
      const name = parts.join(".");
      const vector = columnOf(name);
      const dtype = vector && dtypeOfArrow(vector.type);
      if (vector === undefined || dtype === undefined) return undefined;
      columns.set(name, vector);
      names.set(name, { name, dtype });
    }
    const [bound] = await analyzer.bind([{ expression: parsed, names }]);
    if (bound === undefined) return undefined;
    if (!bound.ok) throw new ConditionFault(bound.fault.message);
    if (bound.type !== "BOOLEAN" && !bound.isNull) throw new ConditionFault(`it is ${bound.type}, not BOOLEAN`);
    return await evaluated(session, bound.sql, { rows, columns });
  } finally {
    session.close();
  }
}

const TABLE = "condition_rows";

async function evaluated(session: SqlSession, sql: string, relation: PitRelation): Promise<Vector | undefined> {
  await createTable(session, TABLE, relation);
  const order = `ORDER BY ${identifier(PLACE)} ASC NULLS FIRST`;
  try {
    const answer = await readColumns(
      session,
      `SELECT coalesce((${sql}), FALSE) AS holds FROM ${TABLE} ${order}`,
      relation.rows,
      new Map([["holds", new Bool()]]),
    );
    return answer.get("holds");
  } catch (error) {
    throw new ConditionFault(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
}
