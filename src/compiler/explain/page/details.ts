import type { ExplainedColumn, ExplainedOperator, Explanation } from "../../explain.js";
import { bytesText, rowsText, secondsText } from "../figures.js";
import { prettySql } from "../pretty-sql.js";
import { chartsOf } from "./distributions.js";
import { html, link } from "./dom.js";
import { yamlText } from "./fields.js";
import type { Selected, Selection } from "./selection.js";

/** What is selected, in full: an operator's fields and SQL, a column's lineage and distribution. */
export function drawDetails(section: HTMLElement, explanation: Explanation, selection: Selection): void {
  selection.onChange((selected) => {
    section.replaceChildren(...contentOf(selected, explanation, selection));
    section.classList.toggle("open", selected !== undefined);
    section.scrollTop = 0;
  });
}

function contentOf(
  selected: Selected,
  explanation: Explanation,
  selection: Selection,
): readonly (HTMLElement | string)[] {
  const operator = explanation.operators.find(({ name }) => selected?.kind === "operator" && name === selected.name);
  const column = explanation.columns.find(({ name }) => selected?.kind === "column" && name === selected.name);
  const close = html("button", { type: "button", class: "close", "aria-label": "close" }, "×");
  close.addEventListener("click", () => selection.select(undefined));
  if (operator !== undefined) return [close, ...operatorDetails(operator, explanation, selection)];
  if (column !== undefined) return [close, ...columnDetails(column, explanation, selection)];
  return [
    html(
      "p",
      { class: "muted" },
      "Select an operator for its fields and SQL, or a column for its lineage. Escape selects nothing.",
    ),
  ];
}

function operatorDetails(
  operator: ExplainedOperator,
  explanation: Explanation,
  selection: Selection,
): readonly HTMLElement[] {
  const { name, kind, engine, inputs, does, fields, sql, composedInto } = operator;
  const readers = explanation.operators.filter((other) => other.inputs.includes(name)).map((other) => other.name);
  const leaking = explanation.leakingViews.filter(({ operators }) => operators.includes(name));
  return [
    html("h3", { class: "title" }, html("code", {}, name)),
    html(
      "p",
      {},
      html("span", { class: "chip" }, kind),
      html("span", { class: `engine ${engine}` }, engine),
      ...leaking.map(({ view }) => html("span", { class: "leaking" }, `latest rows of ${view}: can leak`)),
    ),
    html("p", {}, does),
    definitions([
      ...figuresOf(operator, explanation),
      ...entry("reads", links(inputs, selection)),
      ...entry("read by", links(readers, selection)),
      ...entry("composed into", links(composedInto, selection)),
    ]),
    html("h4", {}, "Fields"),
    html("pre", { class: "fields", tabindex: 0 }, yamlText(fields)),
    html("h4", {}, "SQL"),
    ...(sql.length === 0
      ? [html("p", { class: "muted" }, "No statement of its own: its work is done in those of the operators below.")]
      : [statements(sql)]),
    ...composedInto.flatMap((other) => composedSql(other, explanation)),
  ];
}

function statements(sql: readonly string[]): HTMLElement {
  return html("pre", { class: "sql", tabindex: 0 }, sql.map((statement) => `${prettySql(statement)};`).join("\n\n"));
}

function composedSql(name: string, { operators }: Explanation): readonly HTMLElement[] {
  const sql = operators.find((operator) => operator.name === name)?.sql ?? [];
  if (sql.length === 0) return [];
  return [
    html(
      "details",
      {},
      html("summary", {}, "SQL of ", html("code", {}, name), ", which it is composed into"),
      statements(sql),
    ),
  ];
}

type Definition = readonly [term: string, ...said: readonly (Node | string)[]];

function figuresOf({ measured }: ExplainedOperator, { analysis }: Explanation): readonly Definition[] {
  if (measured === undefined || analysis === undefined) return [];
  const { engine, rows, rowsIn, dropped, bytes, files, seconds } = measured;
  const share = analysis.seconds === 0 ? 0 : Math.round((100 * seconds) / analysis.seconds);
  return [
    ["run by", engine],
    ["rows out", rowsText(rows)],
    ...(rowsIn === undefined ? [] : [["rows in", rowsText(rowsIn)] as const]),
    ...(dropped === undefined ? [] : [["dropped", rowsText(dropped)] as const]),
    ...(bytes === undefined
      ? []
      : [
          [
            "bytes",
            files === undefined ? bytesText(bytes) : `${bytesText(bytes)} in ${rowsText(files)} files`,
          ] as const,
        ]),
    ["own time", `${secondsText(seconds)}, ${share} % of the day's`],
  ];
}

function columnDetails(
  column: ExplainedColumn,
  explanation: Explanation,
  selection: Selection,
): readonly (HTMLElement | string)[] {
  const { name, dtype, kind, engines, operators, sources, leaks } = column;
  return [
    html("h3", { class: "title" }, html("code", {}, name)),
    html(
      "p",
      {},
      html("span", { class: "chip" }, dtype),
      html("span", { class: "chip" }, kind),
      ...engines.map((engine) => html("span", { class: `engine ${engine}` }, engine)),
    ),
    ...leaks.map((view) =>
      html("p", { class: "callout" }, "Depends on the latest rows of ", html("b", {}, view), ", whenever they were."),
    ),
    definitions([
      ["passes", ...links(operators, selection, " → ")],
      [
        "sources",
        ...(sources.length === 0 ? ["none"] : sources.map((source) => html("code", { class: "source" }, source))),
      ],
    ]),
    ...chartsOf(name, explanation),
  ];
}

function definitions(entries: readonly Definition[]): HTMLElement {
  return html("dl", {}, ...entries.flatMap(([term, ...said]) => [html("dt", {}, term), html("dd", {}, ...said)]));
}

function entry(term: string, said: readonly (Node | string)[]): readonly Definition[] {
  return said.length === 0 ? [] : [[term, ...said]];
}

function links(operators: readonly string[], selection: Selection, between = ", "): readonly (Node | string)[] {
  return operators.flatMap((name, index) => [
    index === 0 ? "" : between,
    link(name, () => {
      selection.select({ kind: "operator", name });
      document.querySelector(`[data-operator="${CSS.escape(name)}"]`)?.scrollIntoView({ block: "nearest" });
    }),
  ]);
}
