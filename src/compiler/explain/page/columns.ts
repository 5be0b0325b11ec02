import type { ExplainedColumn, Explanation } from "../../explain.js";
import { breakable, html } from "./dom.js";
import type { Selection } from "./selection.js";

/** The contract as a table; a column that is selected shows its lineage in the picture. */
export function drawColumns(section: HTMLElement, { columns }: Explanation, selection: Selection): void {
  const filter = html("input", {
    type: "search",
    placeholder: "find a column or source",
    "aria-label": "find a column",
  });
  const rows = columns.map((column) => ({ column, row: rowOf(column, selection) }));
  const body = html("tbody", {}, ...rows.map(({ row }) => row));
  section.append(
    filter,
    html(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Columns" },
      html(
        "table",
        {},
        html(
          "thead",
          {},
          html(
            "tr",
            {},
            ...["column", "kind", "engine", "sources"].map((title) => html("th", { scope: "col" }, title)),
          ),
        ),
        body,
      ),
    ),
  );
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const { column, row } of rows)
      row.hidden = ![column.name, column.kind, column.dtype, ...column.sources].some((text) =>
        text.toLowerCase().includes(wanted),
      );
  });
  selection.onChange((selected) => {
    for (const { column, row } of rows) {
      const own = selected?.kind === "column" && selected.name === column.name;
      const passed = selected?.kind === "operator" && column.operators.includes(selected.name);
      row.classList.toggle("selected", own);
      row.classList.toggle("passed", passed);
      row.querySelector("button")?.setAttribute("aria-pressed", String(own));
    }
  });
}

function rowOf({ name, dtype, kind, engines, sources, leaks }: ExplainedColumn, selection: Selection): HTMLElement {
  const button = html("button", { type: "button", class: "name", "aria-pressed": "false" }, ...breakable(name));
  const row = html(
    "tr",
    { "data-column": name },
    html(
      "th",
      { scope: "row" },
      button,
      " ",
      html("span", { class: "dtype" }, dtype),
      leaks.length === 0 ? undefined : " ",
      leaks.length === 0
        ? undefined
        : html("span", { class: "leaking", title: `depends on the latest rows of ${leaks.join(", ")}` }, "can leak"),
    ),
    html("td", {}, kind),
    html("td", {}, ...engines.map((engine) => html("span", { class: `engine ${engine}` }, engine))),
    html("td", { class: "sources" }, ...sources.map((source) => html("code", {}, ...breakable(source)))),
  );
  row.addEventListener("click", () => selection.toggle({ kind: "column", name }));
  return row;
}
