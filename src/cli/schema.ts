import { resolve } from "node:path";
import { type AddCommand, answering } from "./command.js";
import { relativePath } from "./paths.js";

export const addSchema: AddCommand = (group, terminal, exit) => {
  group
    .command("schema")
    .summary("JSON Schemas of the YAML files, for editors")
    .description(
      "Writes one JSON Schema for each kind of YAML file; editors use them through a line like `# yaml-language-server: $schema=schemas/runtime.schema.json`. Without --out it prints them.",
    )
    .option("--out <dir>", "folder to write them to")
    .action(
      answering(terminal, exit, async (_, options: { out?: string }) => {
        const { schemas, writeSchemas } = await import("../app/schemas.js");
        if (options.out === undefined) {
          const all = schemas();
          return { json: all, text: JSON.stringify(Object.fromEntries(all), null, 2) };
        }
        const folder = resolve(options.out);
        const written = await writeSchemas(folder);
        return { json: { directory: folder, written }, text: `wrote ${relativePath(folder)}: ${written.join(", ")}` };
      }),
    );
};
