import { type Command, CommanderError } from "commander";
import { commandProblem } from "../errors/command.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { Interrupted } from "./interruption.js";
import { commandLine } from "./program.js";
import { Terminal } from "./terminal.js";

/** Runs one command line (without `node` and the script) and gives the exit code: 0 done, 1 failed, 2 bad usage or definitions. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  const terminal = new Terminal(words.includes("--json"));
  let exitCode = 0;
  const program = commandLine(terminal, (code) => {
    exitCode = code;
  });
  try {
    refuseNowhere();
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return usage(error, commandOf(program, words), terminal);
    if (error instanceof DaedalusError) {
      terminal.fail(error.problems, debugTrace(error));
      return error.exitCode;
    }
    if (error instanceof Interrupted) {
      terminal.fail([commandProblem("interrupted", { signal: error.signal })]);
      return error.exitCode;
    }
    const message = error instanceof Error ? error.message : String(error);
    terminal.fail([commandProblem("bug", { message: message.split("\n")[0] ?? "" })], debugTrace(error));
    return 1;
  }
}

/** Paths, and programs that are started, begin in the current folder: it may have been removed. */
function refuseNowhere(): void {
  try {
    process.cwd();
  } catch (error) {
    throw new DaedalusError([commandProblem("no-folder", {})], 2, { cause: error });
  }
}

/** What commander found wrong, in the words of our errors; help and version are no mistake. */
function usage(error: CommanderError, command: string, terminal: Terminal): number {
  if (error.exitCode === 0) return 0;
  if (error.code === "commander.help") return 2; // a group without its command: commander has printed its help
  terminal.fail([usageProblem(error.message, command)]);
  return 2;
}

function usageProblem(message: string, command: string): Problem {
  const [fact = "", hint = ""] = message.replace(/^error: /, "").split("\n");
  const nearest = /Did you mean (?:one of )?([^,?]+)/.exec(hint)?.[1];
  return commandProblem("usage", {
    message: fact,
    ...(nearest === undefined ? {} : { nearest }),
    command,
  });
}

/** The command that the words name, as far as there is one: `daeda pipeline train`. */
function commandOf(program: Command, words: readonly string[]): string {
  const path = ["daeda"];
  let command = program;
  for (const word of words) {
    const next = command.commands.find((known) => known.name() === word);
    if (next === undefined) continue;
    path.push(word);
    command = next;
  }
  return path.join(" ");
}

function debugTrace(error: unknown): string | undefined {
  const wanted = process.env["DAEDALUS_DEBUG"];
  if (wanted === undefined || wanted === "" || wanted === "0" || !(error instanceof Error)) return undefined;
  const cause = error.cause instanceof Error ? `\ncaused by: ${error.cause.stack ?? error.cause.message}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
