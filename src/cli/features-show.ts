import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { FeatureBackend } from "../definitions/feature-run.js";
import { type AddCommand, answering } from "./command.js";
import { backendOption, FEATURES_FILE, featuresFile, timeOption } from "./features-options.js";
import { relativePath } from "./paths.js";

interface Options {
  readonly feature: string;
  readonly out?: string;
  readonly symbol?: readonly string[];
  readonly start?: bigint;
  readonly end?: bigint;
  readonly backend?: FeatureBackend;
}

export const addFeaturesShow: AddCommand = (group, terminal, exit) => {
  group
    .command("show")
    .summary("draw a feature over time, and its distribution")
    .description(
      "Computes one feature of a run and writes a page with its values over time, by symbol, their distribution and their figures: one self-contained HTML file.",
    )
    .argument("[features.yaml]", "file of the run", FEATURES_FILE)
    .requiredOption("--feature <name>", "the feature")
    .option("--out <file>", "HTML file to write; default: <feature>.html")
    .option("--symbol <symbol...>", "symbols to compute, instead of symbols")
    .option("--start <time>", "first time, UTC", timeOption("--start"))
    .option("--end <time>", "time before which rows are drawn, UTC", timeOption("--end"))
    .addOption(backendOption())
    .action(
      answering(terminal, exit, async (surroundings, options: Options, file: string) => {
        const { checkPageOutput, openFeatureRun } = await import("../app/features-service.js");
        const { pictureOf } = await import("../app/show-feature.js");
        const { picturePage } = await import("../feature-runs/picture.js");
        const { unwritable } = await import("../app/project-files.js");
        const { symbol, feature, out, ...changes } = options;
        const opened = await openFeatureRun(featuresFile(surroundings, file), {
          ...changes,
          ...(symbol === undefined ? {} : { symbols: symbol }),
        });
        const path = resolve(out ?? `${feature}.html`);
        checkPageOutput(path);
        const picture = await pictureOf(opened, feature);
        await writeFile(path, picturePage(picture)).catch((error: unknown) => {
          throw unwritable(path, error);
        });
        const { rows, nulls, least, most } = picture;
        const range = Number.isNaN(least) ? "no finite value" : `from ${least} to ${most}`;
        return {
          json: { ...picture, file: path },
          text: `wrote ${relativePath(path)}: ${rows.toLocaleString("en-US")} rows, ${nulls.toLocaleString("en-US")} NULL, ${range}`,
        };
      }),
    );
};
