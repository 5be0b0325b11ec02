import type { Command } from "commander";
import { commandProblem } from "../errors/command.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError } from "../errors/problem.js";
import type { Answer, Terminal } from "./terminal.js";

/** What every command works with. */
export interface Surroundings {
  readonly terminal: Terminal;
  /** The folder that `--project` names, as given. */
  readonly project: string;
}

/** Adds one command to its group; the group's options are read when it runs. */
export type AddCommand = (group: Command, terminal: Terminal, exit: (code: number) => void) => void;

/** The action of a command: its arguments and options in, an answer out, printed. */
export function answering<Arguments extends readonly unknown[], Options>(
  terminal: Terminal,
  exit: (code: number) => void,
  run: (surroundings: Surroundings, options: Options, ...words: Arguments) => Promise<Answer>,
): (...given: [...Arguments, Options, Command]) => Promise<void> {
  return async (...given) => {
    const command = given[given.length - 1] as Command;
    const options = given[given.length - 2] as Options;
    const words = given.slice(0, -2) as readonly unknown[] as Arguments;
    const { project } = command.optsWithGlobals<{ project: string }>();
    const answer = await run({ terminal, project }, options, ...words);
    terminal.answer(answer);
    if (answer.exitCode !== undefined) exit(answer.exitCode);
  };
}

/** Commander's parser of a whole number in a range. Throws DaedalusError `command/bad-number`, exit code 2. */
export function wholeNumber(option: string, least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
    const problem = commandProblem("bad-number", { option, value: text, wanted: `a whole number ${range}` });
    throw new DaedalusError([problem], 2);
  };
}

/** Commander's parser of one of some words. Throws DaedalusError `command/unknown-choice`, exit code 2. */
export function oneOf<Choice extends string>(option: string, choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const chosen = choices.find((choice) => choice === text);
    if (chosen !== undefined) return chosen;
    const near = nearest(text, choices);
    const problem = commandProblem("unknown-choice", {
      option,
      value: text,
      choices,
      ...(near === undefined ? {} : { nearest: near }),
    });
    throw new DaedalusError([problem], 2);
  };
}

/** Throws DaedalusError `command/format-with-json`, exit code 2, where --json asks for one form and --format for another. */
export function refuseTwoForms(format: string): void {
  if (format !== "json") throw new DaedalusError([commandProblem("format-with-json", { format })], 2);
}
