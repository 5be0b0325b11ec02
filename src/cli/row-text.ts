import type { ExplainedCell, ExplainedSpineRow, RowExplanation } from "../audit/explain-row.js";
import { placeText } from "../trace/references.js";
import { brief, droppedText, story } from "../trace/story.js";
import { relativePath } from "./paths.js";
import { table } from "./table.js";

/** A row for a terminal: one line a column, or (`full`) the whole story of each. */
export function rowText(explanation: RowExplanation, full: boolean): string {
  const { service, spine, time, keys, rows } = explanation;
  const named = Object.entries(keys).map(([key, value]) => `${key}=${value}`);
  return [
    `${service}: ${named.join(", ")} at ${time}`,
    `written: ${writtenText(explanation)}`,
    ...rows.flatMap((row) => ["", ...oneRow(row, rows.length, spine, full)]),
  ].join("\n");
}

function writtenText({ written, day }: RowExplanation): string {
  const { outcome, folder, state, why, surplus } = written;
  const place = relativePath(folder);
  const because = why.length === 0 ? "" : `: ${why.join("; ")}`;
  const current = state === "complete" ? "" : `; the day is ${state}${because}`;
  switch (outcome) {
    case "same":
      return `the same (${place}${current})`;
    case "different":
      return `different (${place}${current})${surplus === 0 ? "" : `; ${surplus} ${surplus === 1 ? "row" : "rows"} of these keys and this time too many`}`;
    case "not written":
      return `not written: ${day} is absent`;
    case "not compared":
      return state === undefined ? `not compared${because}` : `not compared (${place}): the day is ${state}${because}`;
  }
}

function oneRow(row: ExplainedSpineRow, rows: number, spine: string, full: boolean): readonly string[] {
  const { number, place, dropped, written, columns } = row;
  const where = place === undefined ? spine : `${spine} ${placeText(place)}`;
  const compared = written === "different" || written === "missing" ? `; ${differenceText(row)}` : "";
  return [
    `row ${number} of ${rows}: ${where}${compared}`,
    ...(dropped === undefined ? [] : [`not in the output, dropped by ${droppedText(dropped)}`]),
    "",
    ...(full ? columns.flatMap(columnStory) : [columnTable(columns)]),
  ];
}

function differenceText({ written, columns }: ExplainedSpineRow): string {
  if (written === "missing") return "it is missing in the file";
  const differing = columns.filter((column) => column.written !== undefined).map(({ name }) => name);
  return `the file differs in ${differing.join(", ")}`;
}

/** What a cell holds, and what the file has instead. */
function valueText({ shown, fault, written }: ExplainedCell): string {
  const own = fault === undefined ? shown : `none: ${fault}`;
  return written === undefined ? own : `${own}  (in the file: ${written})`;
}

const WIDEST_VALUE = 40;

function columnTable(columns: readonly ExplainedCell[]): string {
  return table(
    ["column", "dtype", "value", "from"],
    columns.map((column) => [
      column.name,
      column.dtype,
      shortened(valueText(column), column.written === undefined ? WIDEST_VALUE : 4 * WIDEST_VALUE),
      column.steps.map(brief).join(" → "),
    ]),
  );
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function columnStory(column: ExplainedCell): readonly string[] {
  const { name, dtype, steps } = column;
  return [`${name} ${dtype} = ${valueText(column)}`, ...steps.flatMap(story).map((line) => `  ${line}`)];
}
