import { formatProblem } from "../errors/problem.js";
import type { ServiceStatus } from "../training/plan.js";
import { type AddCommand, answering } from "./command.js";
import { relativePath } from "./paths.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";
import { table } from "./table.js";

interface Options extends FileOptions {
  readonly outputRoot?: string;
}

export const addPipelineStatus: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("status")
    .summary("show the days of a service by state")
    .description("Shows the days of a service by state: absent, skeleton, complete, outdated, stale, failed.")
    .argument("<service>", "name of a feature service")
    .option("--output-root <dir>", "folder of the days, instead of output_root");
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      const opened = await openProject(surroundings, options);
      const { compileOpened } = await import("../app/compile-service.js");
      const { statusOf } = await import("../app/train-service.js");
      const compiled = await compileOpened(opened, service);
      const { outputRoot } = options;
      const status = await statusOf(compiled, outputRoot === undefined ? {} : { outputRoot });
      return { json: status, text: statusText(status) };
    }),
  );
};

function statusText({ service, outputRoot, counts, days, problems }: ServiceStatus): string {
  const told = Object.entries(counts).filter(([, days]) => days > 0);
  const rows = days.map(({ day, state, rows, why, outsideFeed }) => [
    day,
    state,
    rows === undefined ? "" : rows.toLocaleString("en-US"),
    [...(outsideFeed ? ["outside feed_start..feed_end"] : []), ...why].join("; "),
  ]);
  return [
    `${service} → ${relativePath(outputRoot)}: ${told.map(([state, days]) => `${days} ${state}`).join(", ") || "no days"}`,
    "",
    table(["day", "state", "rows", "why"], rows),
    ...problems.map((problem) => `\n${formatProblem(problem)}`),
  ].join("\n");
}
