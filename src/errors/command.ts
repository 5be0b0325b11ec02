import { family } from "./catalogue.js";

/** What is wrong with a command as it was typed, or with the surroundings that it was typed in; see `catalogue.ts`. */
export const commandProblem = family("command", {
  usage: (p: { message: string; nearest?: string; command: string }) => ({
    says: p.message,
    suggestion: p.nearest,
    help: `see "${p.command} --help"`,
  }),
  "no-folder": (_: object) => ({
    says: "the folder that this runs in is not there any more",
    help: "go to one that is there (cd) and run it again",
  }),
  "unknown-service": (p: { service: string; nearest?: string; known: readonly string[] }) => ({
    says: `there is no service "${p.service}" in this project`,
    suggestion: p.nearest,
    help: known("services", p.known),
  }),
  "unknown-entry": (p: { name: string; nearest?: string; known: readonly string[] }) => ({
    says: `there is no feature view and no service "${p.name}" in this project`,
    suggestion: p.nearest,
    help: known("names", p.known),
  }),
  "bad-number": (p: { option: string; value: string; wanted: string }) => ({
    says: `${p.option} ${p.value} is not ${p.wanted}`,
  }),
  "unknown-choice": (p: { option: string; value: string; nearest?: string; choices: readonly string[] }) => ({
    says: `${p.option} knows no "${p.value}"`,
    suggestion: p.nearest,
    help: `choose one of ${p.choices.join(", ")}`,
  }),
  "format-with-json": (p: { format: string }) => ({
    says: `--json asks for JSON, and --format ${p.format} for something else`,
    help: "leave out one of them",
  }),
  "analyze-without-day": (p: { service: string }) => ({
    says: "--analyze runs one day, and none is named",
    help: `write which: daeda pipeline explain ${p.service} --analyze --target-date YYYY-MM-DD`,
  }),
  "day-without-analyze": (p: { service: string; day: string }) => ({
    says: "--target-date names the day that --analyze runs, and --analyze is not there",
    help: `write both: daeda pipeline explain ${p.service} --analyze --target-date ${p.day}`,
  }),
  "not-a-demo": (p: { path: string }) => ({
    says: `${p.path} holds files that "daeda demo" did not make`,
    help: "name an empty or new folder: daeda demo <dir>",
  }),
  "answer-lost": (p: { cause: string }) => ({
    says: `the answer could not be written to stdout: ${p.cause}`,
    help: "the command itself has run; make room there, or send the output somewhere else",
  }),
  "cannot-write": (p: { path: string; cause: string }) => ({
    says: `${p.path} cannot be written: ${p.cause}`,
    help: "choose another folder, or make this one writable",
  }),
  interrupted: (p: { signal: string }) => ({
    says: `stopped by ${p.signal}; nothing is half-written, and what was complete stays`,
    help: "run the same command again to go on",
  }),
  bug: (p: { message: string }) => ({
    says: `something went wrong that Daedalus did not foresee, so this is a bug in it: ${p.message}`,
    help: "please report it with the command that you ran and your definitions; DAEDALUS_DEBUG=1 shows where it happened",
  }),
});

function known(what: string, names: readonly string[]): string {
  return names.length === 0 ? `it has no ${what} at all` : `its ${what}: ${names.join(", ")}`;
}
