import { DaedalusError } from "../errors/problem.js";
import { type AddCommand, answering } from "./command.js";
import { openProject } from "./project-options.js";
import { table } from "./table.js";

export const addCatalogList: AddCommand = (group, terminal, exit) => {
  group
    .command("list")
    .summary("list the project's views and services")
    .description("Lists feature views and feature services.")
    .action(
      answering(terminal, exit, async (surroundings) => {
        const { project, problems } = await openProject(surroundings);
        if (problems.length > 0) throw new DaedalusError(problems, 2);
        const { catalogOf } = await import("../app/catalog.js");
        const catalog = catalogOf(project);
        const services = catalog.services.map(({ name, version, spine, columns, owner, description }) => [
          name,
          version,
          spine,
          columns,
          owner ?? "",
          description ?? "",
        ]);
        const views = catalog.views.map(({ name, keys, fields, source, description }) => [
          name,
          keys.join(", "),
          fields,
          source,
          description ?? "",
        ]);
        return {
          json: catalog,
          text: [
            table(["service", "version", "spine", "columns", "owner", "description"], services),
            "",
            table(["view", "keys", "fields", "source", "description"], views),
          ].join("\n"),
        };
      }),
    );
};
