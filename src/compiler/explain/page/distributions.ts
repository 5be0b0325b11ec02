import type { DType } from "../../../columnar/dtypes.js";
import type { ExplainedColumn, Explanation } from "../../explain.js";
import { rowsText } from "../figures.js";
import type { WrittenColumn, WrittenDays } from "../written-days.js";
import { type Band, chart } from "./chart.js";
import { html, link } from "./dom.js";
import type { Selection } from "./selection.js";

/** So many columns that what is out of sight is better not laid out. */
const MANY = 300;

/** What the manifests of the written days say: rows a day, and of each column NULLs, range, distinct values, list lengths. */
export function drawDistributions(section: HTMLElement, explanation: Explanation, selection: Selection): void {
  const { columns, written } = explanation;
  if (written === undefined || written.days.length === 0) {
    const where = written === undefined ? "" : ` in ${written.outputRoot}`;
    section.append(
      html(
        "p",
        { class: "muted" },
        `No day is written yet${where}. After daeda pipeline train, this shows NULLs, ranges, distinct values and list lengths day by day.`,
      ),
    );
    return;
  }
  const { days, count, outputRoot } = written;
  const [first, last] = [days[0]?.day ?? "", days.at(-1)?.day ?? ""];
  const latest = count > days.length ? `; these are the latest ${days.length}` : "";
  section.append(
    html(
      "p",
      { class: "muted" },
      `${rowsText(count)} ${count === 1 ? "day is" : "days are"} written in ${outputRoot}${latest}. Each chart goes from ${first} to ${last}; its text tells the last day.`,
    ),
    html(
      "div",
      { class: columns.length > MANY ? "cards many" : "cards" },
      card("rows", "all columns", [rowsChart(written)]),
      ...columns.map((column) =>
        card(
          link(column.name, () => selection.select({ kind: "column", name: column.name })),
          column.dtype,
          chartsFor(column, written),
        ),
      ),
    ),
  );
}

/** The charts of one column, if days are written. */
export function chartsOf(name: string, { columns, written }: Explanation): readonly HTMLElement[] {
  const column = columns.find((one) => one.name === name);
  if (column === undefined || written === undefined || written.days.length === 0) return [];
  const { days } = written;
  return [
    html("h4", {}, `Written days, ${days[0]?.day} to ${days.at(-1)?.day}`),
    html("div", { class: "card" }, ...chartsFor(column, written)),
  ];
}

function card(title: string | HTMLElement, what: string, charts: readonly HTMLElement[]): HTMLElement {
  return html("div", { class: "card" }, html("h3", {}, title, html("span", { class: "dtype" }, what)), ...charts);
}

function rowsChart({ days }: WrittenDays): HTMLElement {
  const rows = days.map((day) => day.rows);
  return chart("rows", [{ low: rows.map(() => 0), high: rows }], days, rowsText(rows.at(-1) ?? 0));
}

function chartsFor({ name, dtype }: ExplainedColumn, { days, columns }: WrittenDays): readonly HTMLElement[] {
  const found = columns.find((column) => column.name === name);
  if (found === undefined) return [];
  const shares = found.nulls.map((nulls, index) => {
    const rows = days[index]?.rows ?? 0;
    return nulls === null || rows === 0 ? null : nulls / rows;
  });
  const share = shares.at(-1) ?? null;
  const told = share === null ? "no rows" : `${percent(share)} NULL`;
  return [
    chart("NULL share", [{ low: shares.map((value) => value && 0), high: shares }], days, told, [0, 1]),
    ...lengthsOf(found, days),
    ...rangeOf(found, dtype, days),
    ...distinctOf(found, days),
  ];
}

function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`;
  return share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`;
}

function lengthsOf(
  { shortest, longest, meanLength }: WrittenColumn,
  days: WrittenDays["days"],
): readonly HTMLElement[] {
  if (shortest === undefined || longest === undefined || meanLength === undefined) return [];
  const mean = meanLength.at(-1) ?? null;
  const told =
    mean === null
      ? "no list"
      : `length ${rowsText(shortest.at(-1) ?? 0)} to ${rowsText(longest.at(-1) ?? 0)}, mean ${mean.toFixed(1)}`;
  return [chart("list lengths", [{ low: shortest, high: longest, line: meanLength }], days, told)];
}

function rangeOf({ min, max }: WrittenColumn, dtype: DType, days: WrittenDays["days"]): readonly HTMLElement[] {
  if (min === undefined || max === undefined) return [];
  const [least, most] = [min.at(-1) ?? null, max.at(-1) ?? null];
  const told = least === null || most === null ? "no value" : `${shortened(least, dtype)} to ${shortened(most, dtype)}`;
  const band: Band = { low: min.map((text) => position(text, dtype)), high: max.map((text) => position(text, dtype)) };
  // Text has an order, but no distances: its range is told, not drawn.
  return [chart("range", band.low.some((value) => value !== null) ? [band] : [], days, told)];
}

function distinctOf({ distinct }: WrittenColumn, days: WrittenDays["days"]): readonly HTMLElement[] {
  if (distinct === undefined) return [];
  const last = distinct.at(-1) ?? null;
  const band = { low: distinct.map((value) => value && 0), high: distinct };
  return [chart("distinct values", [band], days, last === null ? "none" : `≈ ${rowsText(last)} distinct`)];
}

/** Where a value lies on an axis; null if it has no place on one. */
function position(text: string | null, dtype: DType): number | null {
  if (text === null || dtype === "TEXT" || dtype === "BOOLEAN") return null;
  const value = dtype === "DATE" || dtype === "TIMESTAMP" ? Date.parse(isoText(text, dtype)) : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** As DuckDB prints an instant in UTC: `2024-01-05 12:00:00+00`. */
function isoText(text: string, dtype: DType): string {
  return dtype === "DATE" ? text : `${text.replace(" ", "T").replace(/[+-]\d\d$/, "")}Z`;
}

function shortened(text: string, dtype: DType): string {
  if (dtype === "DOUBLE" || dtype === "FLOAT") return String(Number(Number(text).toPrecision(6)));
  return text.length <= 24 ? text : `${text.slice(0, 23)}…`;
}
