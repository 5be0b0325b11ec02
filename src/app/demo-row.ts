import { join } from "node:path";
import { isList } from "../columnar/dtypes.js";
import { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import { type CompiledService, explain } from "./compile-service.js";

/** One row of a written day, each value with where it comes from. */
export interface ExplainedRow {
  /** Absolute. */
  readonly file: string;
  readonly columns: readonly ExplainedValue[];
}

export interface ExplainedValue {
  readonly name: string;
  readonly dtype: string;
  /** As SQL prints it; NULL is `NULL`. */
  readonly value: string;
  /** The operator that makes it, and its kind. */
  readonly operator: string;
  readonly kind: string;
  /** `view.column` at the source. */
  readonly sources: readonly string[];
}

/**
 * A row that shows much: of the first part of a day, the one with the most cells filled, and of those the one with the
 * shortest lists. Undefined if the part has no row.
 */
export async function explainOneRow(compiled: CompiledService, day: string): Promise<ExplainedRow | undefined> {
  const file = join(day, "part-0-0.parquet");
  const { columns, operators } = explain(compiled);
  const kinds = new Map(operators.map(({ name, kind }) => [name, kind]));
  const session = await SqlSession.open({ threads: "1" });
  try {
    const filled = columns.map(({ name, dtype }) =>
      isList(dtype)
        ? `coalesce(least(len(${identifier(name)}), 1), 0)`
        : `CAST(${identifier(name)} IS NOT NULL AS INTEGER)`,
    );
    const lengths = columns
      .filter(({ dtype }) => isList(dtype))
      .map(({ name }) => `coalesce(len(${identifier(name)}), 0)`);
    const [row] = await session.query(
      `SELECT ${columns.map(({ name }) => `coalesce(CAST(${identifier(name)} AS VARCHAR), 'NULL') AS ${identifier(name)}`).join(", ")}
       FROM (SELECT *, file_row_number AS place FROM read_parquet(${text(file)}, file_row_number = true))
       ORDER BY ${filled.join(" + ")} DESC, ${[...lengths, "0"].join(" + ")}, place LIMIT 1`,
    );
    if (row === undefined) return undefined;
    return {
      file,
      columns: columns.map(({ name, dtype, operators: path, sources }) => {
        const operator = makerOf(path, kinds);
        return { name, dtype, value: String(row[name]), operator, kind: kinds.get(operator) ?? "", sources };
      }),
    };
  } finally {
    session.close();
  }
}

/** The operator that gives a value its meaning: the last that is more than handing it on into the contract. */
function makerOf(path: readonly string[], kinds: ReadonlyMap<string, string>): string {
  const making = path.filter((operator) => !["project", "filter", "sink"].includes(kinds.get(operator) ?? ""));
  return making.at(-1) ?? path.at(-1) ?? "";
}
