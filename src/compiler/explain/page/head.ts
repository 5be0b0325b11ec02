import type { Explanation } from "../../explain.js";
import { bytesText, rowsText, secondsText } from "../figures.js";
import { html, place } from "./dom.js";

/** Name of the service, its figures, and the legend of the picture below. */
export function drawHead(head: HTMLElement, explanation: Explanation): void {
  const { service, version, spine, operators, columns, leakingViews, analysis, written } = explanation;
  const tiles = [
    tile(rowsText(operators.length), "operators"),
    tile(rowsText(columns.length), "columns"),
    ...(leakingViews.length === 0
      ? []
      : [tile(rowsText(leakingViews.length), leakingViews.length === 1 ? "view can leak" : "views can leak", "warn")]),
    ...(written === undefined || written.count === 0
      ? []
      : [tile(rowsText(written.count), written.count === 1 ? "day is written" : "days are written")]),
    ...(analysis === undefined
      ? []
      : [
          tile(rowsText(analysis.rows), `rows of ${analysis.day}`, "measured"),
          tile(secondsText(analysis.seconds), "to run the day", "measured"),
          tile(bytesText(analysis.peakMemoryBytes), "reserved at most", "measured"),
          tile(bytesText(analysis.peakResidentBytes), "in RAM at most", "measured"),
        ]),
  ];
  head.append(
    html(
      "div",
      {},
      html("h1", {}, service),
      html("p", { class: "muted" }, `version ${version}, one row for each row of the view ${spine}`),
    ),
    html("div", { class: "tiles" }, ...tiles),
  );
  drawLegend(place("legend"), explanation);
}

function tile(figure: string, what: string, kind = ""): HTMLElement {
  return html("div", { class: `tile ${kind}` }, html("b", {}, figure), html("span", {}, what));
}

function drawLegend(legend: HTMLElement, { operators, leakingViews, analysis }: Explanation): void {
  const engines = [...new Set(operators.map(({ engine }) => engine))];
  legend.append(
    ...engines.map((engine) => html("span", { class: `engine ${engine}` }, engine)),
    ...(leakingViews.length === 0 ? [] : [html("span", { class: "leaking" }, "can leak")]),
    html(
      "span",
      { class: "muted" },
      analysis === undefined
        ? "--analyze --target-date adds rows, bytes and time"
        : "bar: its part of the time; +: more of its work is done in statements of others",
    ),
  );
}
