import { resolve } from "node:path";
import { type AddCommand, answering } from "./command.js";
import { relativePath } from "./paths.js";

export const addInit: AddCommand = (group, terminal, exit) => {
  group
    .command("init")
    .summary("start a project: commented YAML and a small sample of data")
    .description(
      "Writes a project with comments that explain each key, JSON Schemas for editors and a small sample of data, to be replaced by your own. Files that exist stay as they are.",
    )
    .argument("[dir]", "folder of the new project", ".")
    .action(
      answering(terminal, exit, async (_, __: object, directory: string) => {
        const { STARTER_SERVICE: service, writeStarter } = await import("../app/starter.js");
        const folder = resolve(directory);
        const written = await writeStarter(folder);
        const change = directory === "." ? "" : `cd ${directory} && `;
        const told = [...new Set(written.map((file) => (file.startsWith("data/") ? "data/ (a sample)" : file)))];
        return {
          json: { directory: folder, service, written },
          text: [
            written.length === 0
              ? `${relativePath(folder)} has all files of a project already; nothing was changed`
              : `wrote ${relativePath(folder)}: ${told.join(", ")}`,
            "",
            "next:",
            `  ${change}daeda pipeline explain ${service}`,
            `  ${change}daeda pipeline train ${service}`,
          ].join("\n"),
        };
      }),
    );
};
