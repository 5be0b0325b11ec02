import { toJson } from "../app/plain-json.js";
import { commandProblem } from "../errors/command.js";
import { formatProblem, type Problem } from "../errors/problem.js";
import { Masking } from "./masking.js";

/** What a command gives back: plain data for `--json`, lines for people. */
export interface Answer {
  readonly json: unknown;
  readonly text: string;
  /** 1 if the command ran, but what it tells is a failure. */
  readonly exitCode?: 1;
}

/** The two streams. stdout holds the answer and nothing else; everything that is said on the way goes to stderr. */
export class Terminal {
  readonly json: boolean;
  readonly #masking = new Masking();

  constructor(json: boolean) {
    this.json = json;
    // A reader that goes away (`| head`) is no fault: what is left to say is said to nobody. Nor is a full disk under stderr:
    // the work goes on. An answer that is lost is one.
    process.stderr.on("error", () => undefined);
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return;
      this.say(formatProblem(commandProblem("answer-lost", { cause: error.message })));
      process.once("exit", () => {
        process.exitCode = 1;
      });
    });
  }

  /** Values that are never printed from now on. */
  hide(secrets: Iterable<string>): void {
    this.#masking.hide(secrets);
  }

  get interactive(): boolean {
    return process.stderr.isTTY === true && !this.json;
  }

  answer(answer: Answer): void {
    const text = this.json ? toJson(answer.json, this.#masking.mask) : this.#masking.mask(answer.text);
    process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Text that may leave the program by another way than the streams: a file. */
  masked(text: string): string {
    return this.#masking.mask(text);
  }

  /** A line on stderr. */
  say(line: string): void {
    process.stderr.write(`${this.#masking.mask(line)}\n`);
  }

  /** Text on stderr as it is: progress that is drawn over. */
  draw(text: string): void {
    process.stderr.write(this.#masking.mask(text));
  }

  warn(problems: readonly Problem[]): void {
    if (problems.length > 0 && !this.json)
      this.say(problems.map((problem) => `warning: ${formatProblem(problem)}`).join("\n"));
  }

  /** Errors: for people on stderr; with `--json` as JSON on stdout. */
  fail(problems: readonly Problem[], trace?: string): void {
    if (this.json) this.answer({ json: { error: { problems } }, text: "" });
    else {
      this.say(problems.map((problem) => formatProblem(problem)).join("\n\n"));
      if (problems.length > 1) this.say(`\n${problems.length} problems`);
    }
    if (trace !== undefined) this.say(trace);
  }
}
