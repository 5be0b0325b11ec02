import type { ExplainedOperator, Explanation } from "../explain.js";
import { bytesMade, bytesText, rowsOut, rowsText, secondsText, timeTaken } from "./figures.js";

/** The explanation for a terminal. */
export function explainText(explanation: Explanation): string {
  const { service, version, spine, operators, columns, stages, leakingViews, notCausal, notes, analysis } = explanation;
  const sql = new Map(operators.map(({ name, sql }) => [name, sql]));
  const section = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ["", title, ...lines]);
  return [
    `${service} (version ${version}), spine ${spine}: ${columns.length} columns, ${operators.length} operators`,
    ...section(
      "OPERATORS",
      table(
        operators.map((operator) => {
          const { name, kind, engine, inputs, does } = operator;
          return [name, kind, engine, ...measured(operator), inputs.join(", ") || "-", does];
        }),
      ),
    ),
    ...section(
      analysis === undefined ? "" : `MEASURED ON ${analysis.day}`,
      analysis === undefined ? [] : totals(analysis),
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
    ...stages.flatMap(({ name, engine, operators: of }) => [
      "",
      `STAGE ${name} (${engine}): ${of.join(", ")}`,
      ...of
        .flatMap((operator) => sql.get(operator) ?? [])
        .join(";\n")
        .split("\n")
        .map((line) => `  ${line}`),
    ]),
    "",
  ].join("\n");
}

function measured({ measured }: ExplainedOperator): readonly string[] {
  return measured === undefined ? [] : [measured.engine, rowsOut(measured), bytesMade(measured), timeTaken(measured)];
}

function totals({
  rows,
  seconds,
  otherSeconds,
  peakMemoryBytes,
  peakResidentBytes,
}: NonNullable<Explanation["analysis"]>) {
  return [
    `  ${rowsText(rows)} ${rows === 1 ? "row" : "rows"} in ${secondsText(seconds)}, of these ${secondsText(otherSeconds)} for counting; nothing was kept`,
    `  peak memory: ${bytesText(peakMemoryBytes)} reserved by the engine (within memory_limit), ${bytesText(peakResidentBytes)} in RAM`,
    "  The engine after an operator's tag is the one that ran it.",
    "  A statement may do the work of several operators: its time and bytes are those of the operator that makes it, and the",
    '  others say "in" which. Bytes: of tables made; of scans, of the files that may hold their rows; of the sink, of the parts.',
  ];
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
