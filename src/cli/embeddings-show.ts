import { DaedalusError } from "../errors/problem.js";
import { type AddCommand, answering } from "./command.js";
import { openProject } from "./project-options.js";
import { table } from "./table.js";
import { grouped } from "./train-progress.js";

export const addEmbeddingsShow: AddCommand = (group, terminal, exit) => {
  group
    .command("show")
    .summary("what the embedding stores hold")
    .description("Lists the embedding stores of aggregations.yaml with their version and rows.")
    .action(
      answering(terminal, exit, async (surroundings) => {
        const { project, problems } = await openProject(surroundings);
        if (problems.length > 0) throw new DaedalusError(problems, 2);
        const { embeddingStores } = await import("../app/embeddings-service.js");
        const stores = await embeddingStores(project);
        const rows = stores.map(({ name, uri, key, vector, dim, dataset }) => [
          name,
          uri,
          key,
          `${vector} [${dim}]`,
          dataset === undefined ? "not there" : `version ${dataset.version}`,
          dataset === undefined ? "" : grouped(dataset.rows),
          dataset === undefined || dataset.absent === 0 ? "" : grouped(dataset.absent),
        ]);
        return {
          json: { stores },
          text:
            stores.length === 0
              ? "aggregations.yaml has no embedding_stores"
              : table(["store", "uri", "key", "vector", "dataset", "rows", "without a vector"], rows),
        };
      }),
    );
};
