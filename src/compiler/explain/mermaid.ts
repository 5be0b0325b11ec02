import type { Explanation } from "../explain.js";
import { bytesMade, rowsOut, timeTaken } from "./figures.js";

const SHAPES: Readonly<Record<string, readonly [string, string]>> = {
  scan: ["[(", ")]"],
  filter: ["{{", "}}"],
  sink: ["[/", "/]"],
};

/** The DAG as a Mermaid flowchart, coloured by engine. */
export function explainMermaid(explanation: Explanation): string {
  const node = new Map(explanation.operators.map(({ name }, index) => [name, `o${index}`]));
  const leaking = new Set(explanation.leakingViews.flatMap(({ operators }) => operators));
  return [
    "flowchart TD",
    ...explanation.operators.map(({ name, kind, engine, does, measured }) => {
      const [open, close] = SHAPES[kind] ?? ["[", "]"];
      const figures =
        measured === undefined ? [] : [measured.engine, rowsOut(measured), bytesMade(measured), timeTaken(measured)];
      const label = [name, kind, does, ...figures.filter((text) => text !== "")].map(escaped).join("<br/>");
      return `  ${node.get(name)}${open}"${label}"${close}:::${leaking.has(name) ? "leaks" : engine}`;
    }),
    ...explanation.operators.flatMap(({ name, inputs }) =>
      inputs.map((input) => `  ${node.get(input)} --> ${node.get(name)}`),
    ),
    "  classDef sql fill:#e8f0fe,stroke:#4a78c2",
    "  classDef sql_arrow_udf fill:#e6f4ea,stroke:#3c8c53",
    "  classDef pythonic fill:#fef7e0,stroke:#b58900",
    "  classDef leaks fill:#fce8e6,stroke:#c5221f",
    "",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
