import type { Explanation } from "../../explain.js";
import { html, link } from "./dom.js";
import type { Selection } from "./selection.js";

/** Static views that can leak, what is not causal by definition, and the notes. */
export function drawCausality(section: HTMLElement, explanation: Explanation, selection: Selection): void {
  const { leakingViews, notCausal, notes } = explanation;
  if (leakingViews.length === 0 && notCausal.length === 0)
    section.append(html("p", {}, "Nothing: each row sees only what lies strictly before it."));
  for (const { view, columns, availableIgnored } of leakingViews)
    section.append(
      html(
        "p",
        { class: "callout" },
        html("b", {}, view),
        " is joined as_of: latest: each row gets its latest row, whenever that was. as_of: event is the causal form. ",
        columns.length === 0 ? "No column of the contract depends on it." : "It reaches ",
        ...columns.flatMap((name, index) => [
          index === 0 ? "" : ", ",
          link(name, () => selection.select({ kind: "column", name })),
        ]),
        availableIgnored ? "; its available_field is ignored" : "",
      ),
    );
  section.append(...list("Not causal by definition", notCausal), ...list("Notes", notes));
}

function list(title: string, lines: readonly string[]): readonly HTMLElement[] {
  if (lines.length === 0) return [];
  return [html("h3", {}, title), html("ul", {}, ...lines.map((line) => html("li", {}, line)))];
}
