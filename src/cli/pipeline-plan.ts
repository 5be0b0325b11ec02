import type { DaysPlan } from "../training/plan.js";
import { type AddCommand, answering } from "./command.js";
import { type DayOptions, dayOptions, selectionOf } from "./day-options.js";
import { relativePath } from "./paths.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";
import { table } from "./table.js";
import { count } from "./train-progress.js";

interface Options extends FileOptions, DayOptions {}

export const addPipelinePlan: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("plan")
    .summary("show which days train would do, and why")
    .description("Shows which days train would do with the same options, and why. It writes nothing.")
    .argument("<service>", "name of a feature service");
  fileOptions(dayOptions(command)).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      const opened = await openProject(surroundings, options);
      const { compileOpened } = await import("../app/compile-service.js");
      const { planDays } = await import("../app/train-service.js");
      const compiled = await compileOpened(opened, service);
      terminal.warn(compiled.warnings);
      const plan = await planDays(compiled, { ...selectionOf(options), ...outputOf(options) });
      return { json: plan, text: planText(plan) };
    }),
  );
};

function outputOf({ outputRoot }: Options) {
  return outputRoot === undefined ? {} : { outputRoot };
}

function planText(plan: DaysPlan): string {
  const todo = plan.days.filter((day) => day.action === "do");
  const rows = plan.days.map(({ day, state, action, why }) => [day, state, action, why[0] ?? ""]);
  const more = plan.days.flatMap(({ day, why }) => why.slice(1).map((sentence) => `${day}  also: ${sentence}`));
  return [
    `${plan.service} → ${relativePath(plan.outputRoot)}: ${todo.length} of ${count(plan.days.length, "day")} to do`,
    "",
    table(["day", "state", "action", "why"], rows),
    ...more,
  ].join("\n");
}
