import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** The one place where the machine room asks for time and chance; neither reaches a data file. */
export function newId(): string {
  return randomBytes(8).toString("hex");
}

/** `20240131T235959Z-<random>`: sorts by start. */
export function newRunId(now = new Date()): string {
  return `${now.toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${newId()}`;
}

/** A process, told apart from a later one that the system gave the same number. */
export interface ProcessIdentity {
  readonly host: string;
  /** Identity of the machine's start and of its process numbers; absent where the system does not tell. */
  readonly boot?: string;
  readonly pid: number;
  /** Clock ticks since the machine's start; absent where the system does not tell. */
  readonly started?: string;
}

export function thisProcess(): ProcessIdentity {
  const boot = bootIdentity();
  const started = startOf(process.pid);
  return {
    host: hostname(),
    ...(boot === undefined ? {} : { boot }),
    pid: process.pid,
    ...(started === undefined ? {} : { started }),
  };
}

/** Whether the process lives; undefined if it is (or may be) one of another machine, about which this one knows nothing. */
export function isAlive(other: ProcessIdentity): boolean | undefined {
  const here = thisProcess();
  if (other.host !== here.host || other.boot !== here.boot) return undefined;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  return other.started === undefined || other.started === startOf(other.pid);
}

function bootIdentity(): string | undefined {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

function startOf(pid: number): string | undefined {
  try {
    // The second field is the command in parentheses and may hold blanks; the start time is the 22nd.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const state = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent has not looked yet.
    return state[0] === "Z" ? "ended" : state[19];
  } catch {
    return undefined;
  }
}
