import type { AuditProgress, AuditReport } from "../audit/audit.js";
import type { CounterExample } from "../audit/counter-examples.js";
import type { Trial } from "../audit/trials.js";
import { type AddCommand, answering, wholeNumber } from "./command.js";
import { interruptible } from "./interruption.js";
import { relativePath } from "./paths.js";
import { type FileOptions, fileOptions, openProject } from "./project-options.js";
import { table } from "./table.js";
import type { Terminal } from "./terminal.js";
import { count, grouped } from "./train-progress.js";

interface Options extends FileOptions {
  readonly rows: number;
  readonly trials: number;
  readonly seed: number;
  readonly date?: string;
  readonly columns?: readonly string[];
  readonly strict?: boolean;
  readonly outputRoot?: string;
}

export const addPipelineAudit: AddCommand = (group, terminal, exit) => {
  const command = group
    .command("audit")
    .summary("prove point-in-time correctness on your own data")
    .description(
      "Derives a sample of the written rows, and of the spine's rows of the same days, again from the sources, by brute force and without the engine, and compares bit for bit; the files must have the contract's columns and order. Then perturbs the future of some rows in copies of the sources (changes, adds and deletes rows that they must not know), trains their days into a temporary folder and shows that nothing before it moves. Prints what it tried, what it skipped and why, and each counter-example with a small project that shows it; exit 1 if there is one. Your data are only read.",
    )
    .argument("<service>", "name of a feature service")
    .option(
      "--rows <n>",
      "written rows that are derived again, and as many of the spine",
      wholeNumber("--rows", 0),
      200,
    )
    .option("--trials <n>", "times that the future is perturbed", wholeNumber("--trials", 0), 20)
    .option("--seed <n>", "equal seeds try the same", wholeNumber("--seed", 0), 1)
    .option("--date <day>", "one day, YYYY-MM-DD, instead of any")
    .option("--columns <names>", "columns of the output, separated by commas; default: all", (text: string) =>
      text.split(",").map((name) => name.trim()),
    )
    .option("--strict", "also what is not causal by definition counts: latest views, session filter, qid")
    .option("--output-root <dir>", "folder of the days, instead of output_root");
  fileOptions(command).action(
    answering(terminal, exit, async (surroundings, options: Options, service: string) => {
      const opened = await openProject(surroundings, options);
      const { compileOpened } = await import("../app/compile-service.js");
      const { audit } = await import("../app/audit-service.js");
      const compiled = await compileOpened(opened, service);
      terminal.warn(compiled.warnings);
      const { rows, trials, seed, date, columns, strict, outputRoot } = options;
      const progress = showAudit(terminal);
      const report = await interruptible(
        (signal) => terminal.say(`${signal}: stopping; once more ends it at once`),
        (signal) =>
          audit(compiled, {
            rows,
            trials,
            seed,
            signal,
            onProgress: progress.show,
            ...(date === undefined ? {} : { date }),
            ...(columns === undefined ? {} : { columns }),
            ...(strict === undefined ? {} : { strict }),
            ...(outputRoot === undefined ? {} : { outputRoot }),
          }),
      ).finally(progress.end);
      const failed = report.counterExamples.length > 0 || !isChecked(report);
      return { json: report, text: reportText(report), ...(failed ? { exitCode: 1 as const } : {}) };
    }),
  );
};

/** On a terminal one line that is drawn over, elsewhere a line when something else begins. */
function showAudit(terminal: Terminal): { show: (event: AuditProgress) => void; end: () => void } {
  let last = "";
  return {
    show({ doing, done, total }) {
      const text = total === undefined ? doing : `${doing}: ${grouped(done)} of ${grouped(total)}`;
      if (terminal.interactive) terminal.draw(`\r\u001b[2K${text}`);
      else if (doing !== last) terminal.say(doing);
      last = doing;
    },
    end() {
      if (terminal.interactive && last !== "") terminal.draw("\r\u001b[2K");
    },
  };
}

/** Who has looked at nothing has found nothing. */
function isChecked({ derived, future, counterExamples }: AuditReport): boolean {
  const isTried = future.trials.some(({ outcome }) => outcome !== "skipped");
  return derived.rows > 0 || isTried || counterExamples.length > 0;
}

function reportText(report: AuditReport): string {
  const { service, outputRoot, seed, strict, derived, future, notCausal, counterExamples } = report;
  const compared = future.trials.filter(({ outcome }) => outcome !== "skipped");
  const rows = compared.reduce((sum, trial) => sum + trial.rows, 0);
  const found = counterExamples.length === 0 ? "no counter-example" : count(counterExamples.length, "counter-example");
  return [
    `${service} → ${relativePath(outputRoot)}, seed ${seed}: ${isChecked(report) ? found : "nothing could be checked"}`,
    "",
    `derived again from the sources: ${count(derived.rows, "row")} of ${count(derived.days.length, "day")}, ${count(derived.values, "value")}`,
    ...derived.skipped.map((why) => `  skipped: ${why}`),
    `future perturbed: ${count(compared.length, "trial")}, ${count(rows, "row")} at or before the instant compared in ${count(future.columns.length, "column")}`,
    ...future.skipped.map((why) => `  skipped: ${why}`),
    ...(future.trials.length === 0 ? [] : ["", trialTable(future.trials)]),
    ...(notCausal.length === 0
      ? []
      : [
          "",
          strict ? "not causal by definition, and counted (--strict):" : "not causal by definition, and not counted:",
          ...notCausal.map((line) => `  ${line}`),
        ]),
    ...counterExamples.slice(0, MOST_TOLD).flatMap((example, index) => ["", ...exampleText(example, index + 1)]),
    ...(counterExamples.length > MOST_TOLD
      ? ["", `and ${counterExamples.length - MOST_TOLD} more (--json has all)`]
      : []),
  ].join("\n");
}

/** Counter-examples that are told in full. */
const MOST_TOLD = 20;

function trialTable(trials: readonly Trial[]): string {
  return table(
    ["trial", "row", "perturbed from it on", "rows", "outcome"],
    trials.map(({ number, row, changes, rows, outcome, why }) => [
      number,
      row,
      changesText(changes),
      rows,
      why === undefined ? outcome : `${outcome}: ${why}`,
    ]),
  );
}

/** Each view; of many views the sums, since lines of terminals end (`--json` has all). */
function changesText(changes: Trial["changes"]): string {
  const told = (what: string, list: Trial["changes"]) => {
    const sum = (kind: "changed" | "added" | "deleted") =>
      grouped(list.reduce((total, change) => total + change[kind], 0));
    return `${what}: ${sum("changed")} changed, ${sum("added")} added, ${sum("deleted")} deleted`;
  };
  if (changes.length > MOST_VIEWS) return told(count(changes.length, "view"), changes);
  return changes.map((change) => told(change.view, [change])).join("; ");
}

/** Views of a trial that are told one by one. */
const MOST_VIEWS = 2;

function exampleText(example: CounterExample, number: number): readonly string[] {
  const { kind, row, trial, columns, presence, count: moved, project, rows, note } = example;
  const what =
    kind === "derived"
      ? "the file has other values than the sources give"
      : `moves when only its future changes (trial ${trial}, ${count(moved ?? 1, "row")} moved)`;
  return [
    `counter-example ${number}: ${row}`,
    `  ${presence ?? what}`,
    ...columns.map(
      ({ column, expected, found }) =>
        `  ${column}: ${kind === "derived" ? `${expected} by the sources, ${found} in the file` : `${expected} before, ${found} after`}`,
    ),
    ...(note === undefined ? [] : [`  ${note}`]),
    ...(project === undefined
      ? []
      : [`  a project of ${count(rows ?? 0, "row")} that shows it: ${relativePath(project)}`]),
  ];
}
