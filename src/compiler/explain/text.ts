import type { Explanation } from "../explain.js";

/** The explanation for a terminal. */
export function explainText(explanation: Explanation): string {
  const { service, version, spine, operators, columns, stages, leakingViews, notCausal, notes } = explanation;
  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ["", title, ...lines]);
  return [
    `${service} (version ${version}), spine ${spine}: ${columns.length} columns, ${operators.length} operators`,
    ...section(
      "OPERATORS",
      table(
        operators.map(({ name, kind, engine, inputs, does }) => [name, kind, engine, inputs.join(", ") || "-", does]),
      ),
    ),
    ...section(
      "COLUMNS",
      table(
        columns.map(({ name, dtype, operators: chain, sources }) => [
          name,
          dtype,
          chain.join(" → "),
          sources.length === 0 ? "-" : `from ${sources.join(", ")}`,
        ]),
      ),
    ),
    ...section(
      "STATIC VIEWS THAT CAN LEAK (as_of: latest; as_of: event is the causal form)",
      leakingViews.map(
        ({ view, columns: of, availableIgnored }) =>
          `  ${view}: ${of.length === 0 ? "no column of the contract" : of.join(", ")}${availableIgnored ? "; its available_field is ignored" : ""}`,
      ),
    ),
    ...section(
      "NOT CAUSAL BY DEFINITION",
      notCausal.map((line) => `  ${line}`),
    ),
    ...section(
      "NOTES",
      notes.map((line) => `  ${line}`),
    ),
    ...stages.flatMap(({ name, engine, operators: of, sql }) => [
      "",
      `STAGE ${name} (${engine}): ${of.join(", ")}`,
      ...sql.split("\n").map((line) => `  ${line}`),
    ]),
    "",
  ].join("\n");
}

/** Rows with aligned columns; the last is free. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.min(48, Math.max(widths[index] ?? 0, cell.length));
    });
  return rows.map(
    (row) =>
      `  ${row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join("  ")}`,
  );
}
