import { type AddCommand, answering } from "./command.js";

export const addSetupRay: AddCommand = (group, terminal, exit) => {
  group
    .command("ray")
    .summary("install Ray for --executor ray")
    .description(
      "Makes a Python virtual environment with the pinned requirements of this version (ray/requirements.txt), for this user and all projects; does nothing if it is there.",
    )
    .option(
      "--python <path>",
      "the interpreter that it is made with: 3.11 or newer, the same as the cluster's",
      "python3",
    )
    .action(
      answering(terminal, exit, async (_surroundings, { python }: { python: string }) => {
        const { setUpRay } = await import("../app/ray-python.js");
        const setup = await setUpRay(python, (line) => terminal.say(line));
        return {
          json: setup,
          text: `Ray ${setup.ray} ${setup.installed ? "is installed" : "was there already"}: ${setup.python}`,
        };
      }),
    );
};
