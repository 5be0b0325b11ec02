import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { Project } from "../definitions/project.js";
import { projectTexts } from "../definitions/project-texts.js";
import { identifier, text } from "../engines/sql/text.js";
import type { Source, SourceColumn } from "../sources/source.js";
import { sqlType } from "../trace/sql-values.js";
import { copyTo, rawColumns } from "./copies.js";
import type { Laboratory } from "./laboratory.js";
import type { Finding, Item, Specimen } from "./specimen.js";
import { writeItems } from "./specimen.js";
import { usesOf } from "./view-uses.js";

/** A fault with everything that its project tells. */
export interface CounterExampleParts {
  readonly project: Project;
  readonly service: ResolvedService;
  /** Of every view that the project declares and that can be opened. */
  readonly sources: ReadonlyMap<string, Source>;
  readonly specimen: Specimen;
  readonly items: readonly Item[];
  readonly finding: Finding;
  /** As `explain --row` takes it. */
  readonly row: string;
  /** Where the folder is made. */
  readonly below?: string;
}

/** Writes the fault as a small project that can be trained; its folder. */
export async function writeCounterExample(parts: CounterExampleParts, laboratory: Laboratory): Promise<string> {
  const { project, service, specimen } = parts;
  const folder = await mkdtemp(join(parts.below ?? tmpdir(), `daedalus-counter-example-${service.name}-`));
  const definition = project.services.get(service.name);
  if (definition === undefined) throw new RangeError(`there is no service ${service.name}`);
  const runtime = project.runtimeOf(service.name);
  const month = specimen.day.slice(0, 7).replace("-", "");
  const own = new Set([...service.specs, ...service.lookups, ...service.ages].map(({ name }) => name));
  const isOwn = ({ name }: { readonly name: string }) => own.has(name);
  const views = [...project.views.values()].filter(({ name }) => parts.sources.has(name));
  const variants = specimen.after === undefined ? [""] : ["before", "after"];
  const texts = projectTexts({
    name: `${project.name}_counter_example`,
    entities: project.base.entities,
    views: views.map((view) => viewOf(view, specimen.after === undefined ? "data" : "${DAEDALUS_DATA:-data/before}")),
    service: definition,
    aggregations: {
      ...project.aggregations,
      aggregationSpecs: project.aggregations.aggregationSpecs.filter(isOwn),
    },
    runtime: {
      ...runtime,
      feedStart: month,
      feedEnd: month,
      outputRoot: "output",
      featureRefs: runtime.featureRefs.filter(({ view }) => parts.sources.has(view)),
      lookups: runtime.lookups.filter(isOwn),
      ageColumns: runtime.ageColumns.filter(isOwn),
      udfColumns: runtime.udfColumns.filter(isOwn),
      compute: { ...runtime.compute, duckdbConfig: {} },
    },
  });
  for (const [path, content] of [...texts, ["README.md", readme(parts)] as const]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  for (const variant of variants) {
    const from = variant === "after" ? (specimen.after ?? specimen.before) : specimen.before;
    const scratch = laboratory.fresh("counter-example");
    await writeItems(from, scratch, parts.items, laboratory);
    for (const view of views) await writeView(view, parts, scratch, join(folder, "data", variant), laboratory);
    await laboratory.remove(scratch);
  }
  return folder;
}

function viewOf(view: FeatureView, data: string): FeatureView {
  const { timestampField, timestampUnit, availableField } = view.source;
  return {
    ...view,
    source: {
      path: `${data}/${view.name}.parquet`,
      ...(timestampField === undefined ? {} : { timestampField }),
      ...(timestampUnit === undefined ? {} : { timestampUnit }),
      ...(availableField === undefined ? {} : { availableField }),
    },
  };
}

/** The rows of a view with all columns that its definition names; those that the service does not read are NULL. */
async function writeView(
  view: FeatureView,
  { sources, project }: CounterExampleParts,
  scratch: string,
  folder: string,
  laboratory: Laboratory,
): Promise<void> {
  const use = usesOf(laboratory.pipeline).get(view.name);
  const held = use === undefined ? [] : rawColumns(use).map(({ source }) => source);
  const schema = await sources.get(view.name)?.schema();
  const known = new Map(schema?.columns.map((column) => [column.name, column]));
  const named = namedColumns(view, project);
  const terms = [...new Set([...held, ...named.keys()])].flatMap((source) => {
    if (source.startsWith("@audit")) return [];
    const name = identifier(source);
    if (held.includes(source)) return [name];
    const type = named.get(source) ?? typeOf(known.get(source));
    return type === undefined ? [] : [`CAST(NULL AS ${type}) AS ${name}`];
  });
  const from =
    use === undefined ? "(SELECT 1) WHERE FALSE" : `read_parquet(${text(join(scratch, view.name, "rows.parquet"))})`;
  await copyTo(
    laboratory.session,
    `SELECT ${terms.join(", ") || "1"} FROM ${from}`,
    join(folder, `${view.name}.parquet`),
  );
}

/** The source columns that a view names, with the type that it declares, if it does. */
function namedColumns(view: FeatureView, project: Project): ReadonlyMap<string, string | undefined> {
  const sourceOf = new Map(Object.entries(view.fieldMapping).map(([source, canonical]) => [canonical, source]));
  const inSource = (name: string) => sourceOf.get(name) ?? name;
  const keys = view.entity.map((entity) => project.base.entities[entity] ?? `${entity}_id`);
  const { timestampField, availableField } = view.source;
  const times = [timestampField, availableField].filter((name) => name !== undefined);
  return new Map<string, string | undefined>([
    ...[...keys.map(inSource), ...times, ...Object.keys(view.fieldMapping)].map((name) => [name, undefined] as const),
    ...view.fields.map(({ name, dtype }) => [inSource(name), sqlType(dtype)] as const),
  ]);
}

function typeOf(column: SourceColumn | undefined): string | undefined {
  if (column === undefined) return undefined;
  return column.text ? "VARCHAR" : column.type;
}

function readme({ service, specimen, finding, row, items }: CounterExampleParts): string {
  const { name } = service;
  const run = (data: string, output: string) =>
    `${data}daeda pipeline train ${name} --target-date ${specimen.day} --skeleton-only${output}`;
  const columns = finding.columns.map(
    ({ column, expected, found }) => `| ${[column, expected, found].map(cell).join(" | ")} |`,
  );
  const presence =
    finding.only === undefined
      ? []
      : [`The row is ${finding.only === "before" ? "there before and not after" : "there after and not before"}.`, ""];
  const [expected, found] =
    specimen.after === undefined
      ? ["derived from the sources", "as the engine trains it"]
      : ["with the data as they were", "with another future"];
  return [
    `# A counter-example of \`daeda pipeline audit ${name}\``,
    "",
    specimen.after === undefined
      ? "The engine gives a row other values than its source rows do."
      : "A row changes although only rows that it must not know were changed.",
    `Of the data, the ${items.length} rows are left that it takes to show it.`,
    "",
    `Row: \`${row}\``,
    "",
    ...presence,
    ...(columns.length === 0 ? [] : [`| column | ${expected} | ${found} |`, "| --- | --- | --- |", ...columns, ""]),
    "Run in this folder:",
    "",
    "```bash",
    ...(specimen.after === undefined
      ? [run("", ""), `daeda pipeline explain ${name} --row ${shellQuoted(row)}`]
      : [
          run("", " --output-root output/before"),
          run("DAEDALUS_DATA=data/after ", " --output-root output/after"),
          `daeda pipeline explain ${name} --row ${shellQuoted(row)} --output-root output/before`,
          `DAEDALUS_DATA=data/after daeda pipeline explain ${name} --row ${shellQuoted(row)} --output-root output/after`,
        ]),
    "```",
    "",
  ].join("\n");
}

function cell(value: string): string {
  return value.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function shellQuoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
