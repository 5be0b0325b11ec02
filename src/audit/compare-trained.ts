import { elementOf, isFloat } from "../columnar/dtypes.js";
import type { SqlSession } from "../engines/sql/session.js";
import { identifier } from "../engines/sql/text.js";
import type { Column, Schema } from "../operators/operator.js";
import { readable, valueRead } from "../trace/sql-values.js";
import { shown } from "../trace/values.js";
import { MARK } from "./copies.js";

/** A row that is not the same in two trained copies. */
export interface MovedRow {
  /** Its number in the copy of the spine. */
  readonly mark: bigint;
  readonly columns: readonly MovedColumn[];
  /** It is in one of the two only. */
  readonly only?: "before" | "after";
}

export interface MovedColumn {
  readonly column: string;
  readonly before: string;
  readonly after: string;
}

export interface MovedRows {
  /** Rows that were compared. */
  readonly compared: number;
  /** How many moved, and the first of them by time. */
  readonly count: number;
  readonly first: readonly MovedRow[];
}

/** Moved rows that are told. */
const MOST_MOVED = 10;

/**
 * Compares, bit for bit, the rows of two trained copies that `rows` (SQL: `mark`, `ticks`) names. `presence`: a row that is
 * in one of them only has moved, too.
 */
export async function movedRows(
  before: string,
  after: string,
  rows: string,
  columns: Schema,
  presence: boolean,
  session: SqlSession,
): Promise<MovedRows> {
  const mark = identifier(MARK);
  const joined = `(${rows}) r LEFT JOIN ${before} b ON b.${mark} = r.mark LEFT JOIN ${after} a ON a.${mark} = r.mark`;
  const unlike = columns.map((column) => `(${bits("b", column)} IS DISTINCT FROM ${bits("a", column)})`);
  const both = `b.${mark} IS NOT NULL AND a.${mark} IS NOT NULL`;
  const one = `(b.${mark} IS NULL) <> (a.${mark} IS NULL)`;
  const moved = `(${both} AND (${["FALSE", ...unlike].join(" OR ")}))${presence ? ` OR (${one})` : ""}`;
  const [counts] = await session.query(
    `SELECT count(*) FILTER (WHERE b.${mark} IS NOT NULL OR a.${mark} IS NOT NULL) AS compared, count(*) FILTER (WHERE ${moved}) AS moved FROM ${joined}`,
  );
  const count = Number(counts?.["moved"] ?? 0);
  const compared = Number(counts?.["compared"] ?? 0);
  if (count === 0) return { compared, count, first: [] };
  const terms = columns.flatMap(({ name, dtype }, index) => [
    `${unlike[index]} AS d${index}`,
    `${readable(`b.${identifier(name)}`, dtype)} AS b${index}`,
    `${readable(`a.${identifier(name)}`, dtype)} AS a${index}`,
  ]);
  const found = await session.query(
    `SELECT ${[`r.mark AS mark`, `b.${mark} IS NULL AS "only_after"`, `a.${mark} IS NULL AS "only_before"`, ...terms].join(", ")}
       FROM ${joined} WHERE ${moved} ORDER BY r.ticks, r.mark LIMIT ${MOST_MOVED}`,
  );
  return { compared, count, first: found.map((answer) => movedRow(answer, columns)) };
}

function movedRow(answer: Readonly<Record<string, unknown>>, columns: Schema): MovedRow {
  const mark = BigInt(String(answer["mark"]));
  if (answer["only_after"] === true) return { mark, columns: [], only: "after" };
  if (answer["only_before"] === true) return { mark, columns: [], only: "before" };
  return {
    mark,
    columns: columns.flatMap(({ name, dtype }, index) =>
      answer[`d${index}`] === true
        ? [
            {
              column: name,
              before: shown(valueRead(answer[`b${index}`]), dtype),
              after: shown(valueRead(answer[`a${index}`]), dtype),
            },
          ]
        : [],
    ),
  };
}

/** SQL that differs where the bits do: for SQL itself −0 equals +0; the text of a float is exact and has the sign. */
function bits(alias: string, { name, dtype }: Column): string {
  const column = `${alias}.${identifier(name)}`;
  return isFloat(elementOf(dtype)) ? `CAST(${column} AS VARCHAR)` : column;
}
