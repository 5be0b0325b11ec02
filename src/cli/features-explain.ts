import { isoMicros, parseIso } from "../columnar/instants.js";
import type { FeatureBackend } from "../definitions/feature-run.js";
import { featureRunProblem } from "../errors/formula.js";
import { DaedalusError, formatProblem } from "../errors/problem.js";
import type { ExplainedFeatures } from "../formulas/features/explain-features.js";
import { type AddCommand, answering, oneOf, refuseTwoForms } from "./command.js";
import { backendOption, FEATURES_FILE, featuresFile } from "./features-options.js";
import { table } from "./table.js";

const FORMATS = ["text", "json", "mermaid"] as const;

interface Options {
  readonly feature?: string;
  readonly row?: string;
  readonly backend?: FeatureBackend;
  readonly format?: (typeof FORMATS)[number];
}

export const addFeaturesExplain: AddCommand = (group, terminal, exit) => {
  group
    .command("explain")
    .summary("show the graph of a run's features, or every node's value at one row")
    .description(
      "Prints the nodes that the features of a run are computed of: each once, with what it takes, how many rows of the symbol it looks back at, who computes it and for which features. With --row: the value of every node at that row of the first table; of a node of another table, what the row sees, that of its last row before.",
    )
    .argument("[features.yaml]", "file of the run", FEATURES_FILE)
    .option("--feature <name>", "only what this feature is made of")
    .option("--row <symbol@time>", "a row: SYMBOL@2024-01-31T12:00:00Z; @time where the table has no symbols")
    .addOption(backendOption())
    .option("--format <format>", 'text, json or mermaid (default: "text")', oneOf("--format", FORMATS))
    .action(
      answering(terminal, exit, async (surroundings, options: Options, file: string) => {
        if (terminal.json) refuseTwoForms(options.format ?? "json");
        const { openFeatureRun } = await import("../app/features-service.js");
        const { explainFeaturesRow, explainRun } = await import("../app/explain-features.js");
        if (options.row !== undefined && options.format === "mermaid")
          throw new DaedalusError([featureRunProblem("row-as-mermaid", {})], 2);
        const opened = await openFeatureRun(featuresFile(surroundings, file), {
          ...(options.backend === undefined ? {} : { backend: options.backend }),
        });
        if (options.row !== undefined) {
          const found = await explainFeaturesRow(opened, addressOf(options.row), options.feature);
          const { explained, values, failures, rows } = found;
          const time = isoMicros(found.time);
          const ties = rows > 1 ? `${rows} rows have this time; these are the last one's values\n` : "";
          const json = { ...found, time };
          if (options.format === "json") return { json, text: JSON.stringify(json, null, 2) };
          return {
            json,
            text: `${options.row}: ${time}\n${ties}\n${await nodesText(explained, { values, failures })}\n\n${featuresText(explained, { values, failures })}`,
          };
        }
        const explained = await explainRun(opened, options.feature);
        const { explainedMermaid } = await import("../formulas/features/explain-features.js");
        if (options.format === "mermaid") return { json: explained, text: explainedMermaid(explained) };
        if (options.format === "json") return { json: explained, text: JSON.stringify(explained, null, 2) };
        const nodes = withoutEnds(explained);
        const shared = nodes.filter(({ features }) => features.length > 1).length;
        return {
          json: explained,
          text: [
            `backend ${explained.backend}; ${nodes.length} nodes, ${shared} of them shared by several features`,
            "",
            await nodesText(explained),
            "",
            featuresText(explained),
          ].join("\n"),
        };
      }),
    );
};

function addressOf(value: string): { readonly symbol: string | undefined; readonly time: bigint } {
  const at = value.lastIndexOf("@");
  const nanos = at < 0 ? undefined : parseIso(value.slice(at + 1));
  if (nanos === undefined || nanos % 1000n !== 0n)
    throw new DaedalusError([featureRunProblem("bad-row", { value })], 2);
  return { symbol: at === 0 ? undefined : value.slice(0, at), time: nanos / 1000n };
}

/** What the nodes have at a row, by their names. */
interface AtRow {
  readonly values: Readonly<Record<string, number | boolean | null>>;
  readonly failures: Readonly<Record<string, string>>;
}

/** The lines of features tell what ends where. */
function withoutEnds({ nodes }: ExplainedFeatures): ExplainedFeatures["nodes"] {
  return nodes.filter(({ primitive }) => primitive !== "SINK");
}

async function nodesText(explained: ExplainedFeatures, row?: AtRow): Promise<string> {
  const { callText } = await import("../formulas/features/explain-features.js");
  const head = ["node", "kind", "computes", "looks back", "by", ...(row === undefined ? ["for"] : ["value"])];
  return table(
    head,
    withoutEnds(explained).map((node) => [
      node.name,
      node.primitive,
      callText(node),
      node.left === null ? "to the first row" : `${node.left} ${node.left === 1 ? "row" : "rows"}`,
      node.backend ?? "",
      row === undefined
        ? shortened(node.features)
        : (row.failures[node.name] && "failed") || shownValue(row, node.name),
    ]),
  );
}

function featuresText({ features }: ExplainedFeatures, row?: AtRow): string {
  return features
    .map(({ name, node, problem }) => {
      if (node === undefined)
        return `${name} cannot be computed:\n${problem === undefined ? "" : formatProblem(problem)}`;
      return row === undefined
        ? `${name} = ${node}`
        : `${name} = ${node} = ${row.failures[node] ?? shownValue(row, node)}`;
    })
    .join("\n");
}

function shownValue({ values }: AtRow, name: string): string {
  const value = values[name];
  if (value === undefined) return "";
  return value === null ? "NULL" : String(value);
}

function shortened(features: readonly string[]): string {
  const few = features.slice(0, 3).join(", ");
  return features.length > 3 ? `${few} and ${features.length - 3} more` : few;
}
