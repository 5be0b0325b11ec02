import { family } from "./catalogue.js";

/** True for what DuckDB throws when its memory limit is reached: whatever it was doing is not to blame. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && /^out of memory/i.test(error.message);
}

/** What goes wrong while units of work run; see `catalogue.ts`. */
export const runProblem = family("run", {
  "root-in-use": (p: { root: string; host: string; pid: number; since: string; command: string }) => ({
    says: `${p.root} is in use by process ${p.pid} on ${p.host} since ${p.since}: ${p.command}`,
    help: "wait until it has ended, or stop it; a second run in one folder is never right",
  }),
  "root-owner-unreadable": (p: { path: string }) => ({
    says: `${p.path} is not the owner record of a run`,
    help: "if no run uses the folder, delete this file",
  }),
  "ownership-lost": (p: { root: string; host: string; pid: number }) => ({
    says: `${p.root} was taken over by process ${p.pid} on ${p.host}, because this run gave no sign of life for a minute`,
    help: "run it again when the other run has ended",
  }),
  unwritable: (p: { path: string; cause: string }) => ({
    says: `${p.path} cannot be written: ${p.cause}`,
    help: "make the folder writable, or choose another one with --output-root",
  }),
  "disk-full": (p: { path: string; cause: string }) => ({
    says: `there is no room left while writing ${p.path}: ${p.cause}`,
    help: "free space (or point duckdb_config.temp_directory at a larger disk) and run again; what was complete before stays as it is",
  }),
  "out-of-memory": (p: { cause: string }) => ({
    says: `DuckDB ran out of memory: ${p.cause}`,
    help: "raise compute.duckdb_config.memory_limit, or set temp_directory to a disk with space",
  }),
  uncaught: (p: { what: string }) => ({
    says: `the process that worked was ended from within: ${p.what}`,
    help: "functions of project.udfs.ts compute before they return: what they start and leave (timers, promises) is nobody's, and they must not end the process",
  }),
  "worker-lost": (p: { how: string; attempts: number }) => ({
    says: `the worker process ended in the middle of the work (${p.how}), ${p.attempts} ${p.attempts === 1 ? "time" : "times"}`,
    help: "if the system ended it for want of memory, lower duckdb_config.memory_limit or day_workers",
  }),
  unexpected: (p: { message: string }) => ({
    says: p.message,
    help: "this is a fault of Daedalus or of a library that it uses; please report it with the command and this text (DAEDALUS_DEBUG=1 adds where it happened)",
  }),
  "damaged-journal": (p: { path: string }) => ({
    says: `${p.path} is not the journal of a commit`,
    help: "move this file away after looking at the unit that it names; the unit is either its old or its new version",
  }),
});
