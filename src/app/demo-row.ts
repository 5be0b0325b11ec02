import { join } from "node:path";
import { isList } from "../columnar/dtypes.js";
import { SqlSession } from "../engines/sql/session.js";
import { identifier, text } from "../engines/sql/text.js";
import type { Pipeline } from "../operators/pipeline.js";
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
  /** The operators that make it, with their kinds. */
  readonly operator: string;
  /** `view.column` at the source. */
  readonly sources: readonly string[];
}

/**
 * A row that shows much: of the first part of a day, the one with the most cells filled, and of those the one with the
 * shortest lists. Undefined if the part has no row.
 */
export async function explainOneRow(compiled: CompiledService, day: string): Promise<ExplainedRow | undefined> {
  const file = join(day, "part-0-0.parquet");
  const { columns } = explain(compiled);
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
        const operator = makersOf(name, path, compiled.pipeline);
        return { name, dtype, value: String(row[name]), operator, sources };
      }),
    };
  } finally {
    session.close();
  }
}

/** The operators that make the value: without those that only read it or hand it on. */
function makersOf(column: string, path: readonly string[], { operators }: Pipeline): string {
  const byName = new Map(operators.map((operator) => [operator.name, operator]));
  const told = path.flatMap((name): readonly { readonly name: string; readonly what: string }[] => {
    const operator = byName.get(name);
    if (operator === undefined || operator.kind === "filter" || operator.kind === "sink") return [];
    if (operator.kind !== "project") return [{ name, what: operator.kind }];
    const step = operator.steps.find((step) => step.column === column || step.column.endsWith(`:${column}`));
    return step === undefined || step.value.type === "column" ? [] : [{ name, what: step.value.type }];
  });
  const making = told.filter(({ what }) => what !== "scan");
  return (making.length > 0 ? making : told).map(({ name, what }) => `${name} (${what})`).join(" → ");
}
