import type { CatalogEntry } from "../app/catalog.js";
import { DaedalusError } from "../errors/problem.js";
import { type AddCommand, answering } from "./command.js";
import { openProject } from "./project-options.js";
import { table } from "./table.js";

export const addCatalogShow: AddCommand = (group, terminal, exit) => {
  group
    .command("show")
    .summary("show one view or service")
    .description("Shows the fields of a feature view or the columns of a feature service.")
    .argument("<name>", "name of a feature view or service")
    .action(
      answering(terminal, exit, async (surroundings, _: object, name: string) => {
        const { project, problems } = await openProject(surroundings);
        if (problems.length > 0) throw new DaedalusError(problems, 2);
        const { addressOf, catalogEntry } = await import("../app/catalog.js");
        const entry = catalogEntry(project, name);
        return {
          json: entry,
          text: entry.type === "view" ? viewText(entry, addressOf(entry.view)) : serviceText(entry),
        };
      }),
    );
};

function viewText({ view, keys }: CatalogEntry & { type: "view" }, address: string): string {
  const facts = [
    `view      ${view.name}`,
    ...(view.description === undefined ? [] : [`          ${view.description}`]),
    `keys      ${keys.join(", ")}`,
    `source    ${address}`,
    `time      ${view.source.timestampField ?? "none"}`,
    ...(view.source.availableField === undefined ? [] : [`available ${view.source.availableField}`]),
  ];
  const fields = view.fields.map(({ name, dtype, description }) => [name, dtype, description ?? ""]);
  return [...facts, "", table(["field", "dtype", "description"], fields)].join("\n");
}

function serviceText({ service }: CatalogEntry & { type: "service" }): string {
  const facts = [
    `service   ${service.name}  version ${service.version}`,
    ...(service.description === undefined ? [] : [`          ${service.description}`]),
    ...(service.owner === undefined ? [] : [`owner     ${service.owner}`]),
    `spine     ${service.spine}`,
  ];
  const columns = service.columns.map(({ name, kind, dtype, column, nullable }) => [
    name,
    kind,
    dtype,
    nullable ? "" : "not null",
    column ?? "",
  ]);
  const head = ["column", "kind", "dtype", "nullable"];
  // Most services name no column otherwise than its source does: then there is nothing to say.
  const told = columns.some((row) => row[4] !== "")
    ? table([...head, "from"], columns)
    : table(
        head,
        columns.map((row) => row.slice(0, 4)),
      );
  return [...facts, "", told].join("\n");
}
