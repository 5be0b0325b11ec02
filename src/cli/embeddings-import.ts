import { DaedalusError } from "../errors/problem.js";
import { type AddCommand, answering } from "./command.js";
import { openProject } from "./project-options.js";
import { count } from "./train-progress.js";

export const addEmbeddingsImport: AddCommand = (group, terminal, exit) => {
  group
    .command("import")
    .summary("bring vectors from Parquet into an embedding store")
    .description(
      "Brings the rows of a Parquet file (or a glob of some) into an embedding store of aggregations.yaml: one new version, in which vectors of ids that are there already are replaced. The file's columns are called as the store's key and vector. A store that is not there is made.",
    )
    .argument("<parquet>", "file or glob, relative to the current folder")
    .requiredOption("--store <name>", "name of an embedding store")
    .action(
      answering(terminal, exit, async (surroundings, { store }: { store: string }, path: string) => {
        const { project, problems } = await openProject(surroundings);
        if (problems.length > 0) throw new DaedalusError(problems, 2);
        const { importEmbeddings } = await import("../app/embeddings-service.js");
        const report = await importEmbeddings(project, path, store);
        const { uri, version, inserted, replaced, skipped } = report;
        const left = skipped === 0 ? "" : `; ${count(skipped, "row")} without an id or a vector left out`;
        return {
          json: report,
          text: `${store} → ${uri}, version ${version}: ${count(inserted, "vector")} added, ${count(replaced, "vector")} replaced${left}`,
        };
      }),
    );
};
