import { DaedalusError } from "../errors/problem.js";
import { type AddCommand, answering } from "./command.js";
import { table } from "./table.js";

export const addFeaturesList: AddCommand = (group, terminal, exit) => {
  group
    .command("list")
    .summary("list the feature types")
    .description(
      "Lists the feature types that a run can name: the project's own, in feature_types, and those of the library.",
    )
    .action(
      answering(terminal, exit, async ({ project }) => {
        const { listFeatureTypes } = await import("../app/feature-types.js");
        const { types, problems } = await listFeatureTypes(project);
        if (problems.length > 0) throw new DaedalusError(problems, 2);
        const rows = types.map(({ name, dimension, version, requiredInputs, parameters, own }) => [
          name,
          dimension,
          version,
          requiredInputs.join(", "),
          Object.entries(parameters)
            .map(([key, { default: value }]) => (value === undefined ? key : `${key}=${value}`))
            .join(", "),
          own ? "project" : "library",
        ]);
        return { json: { types }, text: table(["type", "dimension", "version", "inputs", "parameters", "from"], rows) };
      }),
    );
};
