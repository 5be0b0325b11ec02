import { type FileHandle, link, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaedalusError } from "../errors/problem.js";
import { runProblem } from "../errors/run.js";
import { writeNew } from "./durable.js";
import { isAlive, newId, type ProcessIdentity, thisProcess } from "./identity.js";

/** Who owns a root folder. The file's modification time is the heartbeat. */
export interface Owner extends ProcessIdentity {
  readonly id: string;
  readonly since: string;
  readonly command: string;
}

const HEARTBEAT_MILLIS = 5_000;
/** An owner on another host is given up after this long without heartbeat. */
const SILENCE_MILLIS = 60_000;
const OWNER_FILE = "owner.json";

/**
 * One run owns a root at a time. `owner.json` appears by `link`, with all of its content or not at all. A dead owner is
 * never deleted by those who want to follow (two could delete each other): the follower of owner X is whoever creates
 * `owner-after-<X>.json`, which only one can; it then puts its own record in the place of `owner.json`. The owner is the
 * end of the chain that starts at `owner.json`, also when a follower dies in between.
 */
export class OwnerLock {
  readonly owner: Owner;
  readonly #folder: string;
  readonly #handle: FileHandle;
  readonly #inode: bigint;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  private constructor(folder: string, owner: Owner, handle: FileHandle, inode: bigint) {
    this.#folder = folder;
    this.owner = owner;
    this.#handle = handle;
    this.#inode = inode;
  }

  /**
   * `folder`: existing, `<root>/_daedalus`. Throws DaedalusError `run/root-in-use` (exit code 1) if a live run owns it.
   */
  static async acquire(folder: string, root: string, command: string): Promise<OwnerLock> {
    const owner: Owner = { id: newId(), ...thisProcess(), since: new Date().toISOString(), command };
    const record = join(folder, `.owner-${owner.id}.tmp`);
    // What this run has put into the folder, the last first: without a lock nothing of it may stay, or a process that lives
    // on (a program that uses the library) would own a root that it failed to open, on a full disk for example.
    const placed = [record];
    try {
      await writeNew(record, `${JSON.stringify(owner, null, 2)}\n`);
      for (;;) {
        const last = await endOfChain(folder);
        if (last !== undefined) {
          if (await lives(folder, last)) throw new DaedalusError([inUse(root, last.owner)], 1);
        }
        const place = join(folder, last === undefined ? OWNER_FILE : afterFile(last.owner.id));
        if (!(await linked(record, place))) continue;
        // The chain may have been shortened between looking and linking: the new record must be at its end.
        const now = await endOfChain(folder);
        if (now?.owner.id !== owner.id) {
          if (last !== undefined) await unlink(place).catch(() => undefined);
          await sleep(Math.random() * 20);
          continue;
        }
        placed.unshift(place);
        await rename(await copied(record, folder), join(folder, OWNER_FILE));
        placed.unshift(join(folder, OWNER_FILE));
        break;
      }
      await unlink(record).catch(() => undefined);
      await removeFollowers(folder);
      // The record that stands in owner.json has its own inode: heartbeats go there, and to nobody else's.
      const own = await open(join(folder, OWNER_FILE), "r+");
      const lock = new OwnerLock(folder, owner, own, (await own.stat({ bigint: true })).ino);
      lock.#timer = setInterval(() => void lock.#beat(), HEARTBEAT_MILLIS).unref();
      return lock;
    } catch (error) {
      for (const path of placed) await unlink(path).catch(() => undefined);
      throw error;
    }
  }

  /** Aborted when another run has taken the root over; its reason is the DaedalusError. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Throws DaedalusError `run/ownership-lost` if another run has taken the root over. */
  async assertHeld(): Promise<void> {
    const here = await stat(join(this.#folder, OWNER_FILE), { bigint: true }).catch(() => undefined);
    if (here?.ino === this.#inode && (await exists(join(this.#folder, afterFile(this.owner.id)))) === false) return;
    const last = await endOfChain(this.#folder);
    const problem = runProblem("ownership-lost", {
      root: join(this.#folder, ".."),
      host: last?.owner.host ?? "?",
      pid: last?.owner.pid ?? 0,
    });
    const error = new DaedalusError([problem], 1);
    this.#lost.abort(error);
    throw error;
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    const held = await this.assertHeld().then(
      () => true,
      () => false,
    );
    if (held) await unlink(join(this.#folder, OWNER_FILE)).catch(() => undefined);
    await this.#handle.close();
  }

  async #beat(): Promise<void> {
    try {
      const now = new Date();
      await this.#handle.utimes(now, now);
      await this.assertHeld();
    } catch {
      // A failed heartbeat is no reason to stop; `lost` tells if the root is another's now.
    }
  }
}

interface Link {
  readonly owner: Owner;
  readonly file: string;
}

async function endOfChain(folder: string): Promise<Link | undefined> {
  let file = OWNER_FILE;
  let last: Link | undefined;
  for (;;) {
    const owner = await readOwner(join(folder, file));
    if (owner === undefined) return last;
    last = { owner, file };
    file = afterFile(owner.id);
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const owner: unknown = JSON.parse(text);
    if (isOwner(owner)) return owner;
  } catch {
    // Told below.
  }
  throw new DaedalusError([runProblem("root-owner-unreadable", { path })], 1);
}

function isOwner(value: unknown): value is Owner {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    /^[0-9a-z]+$/.test(value.id) &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "host" in value &&
    typeof value.host === "string"
  );
}

async function lives(folder: string, { owner, file }: Link): Promise<boolean> {
  const here = isAlive(owner);
  if (here !== undefined) return here;
  const heartbeat = await stat(join(folder, file)).catch(() => undefined);
  return heartbeat !== undefined && Date.now() - heartbeat.mtimeMs < SILENCE_MILLIS;
}

/** False if the place is taken. */
async function linked(record: string, place: string): Promise<boolean> {
  try {
    await link(record, place);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** A second file with the record's content, so that renaming it is not a no-op between two links of one file. */
async function copied(record: string, folder: string): Promise<string> {
  const path = join(folder, `.owner-${newId()}.tmp`);
  await writeNew(path, await readFile(record, "utf8"));
  return path;
}

/** Records of those who died while they followed; unfinished ones only when they are old, since others may be at it. */
async function removeFollowers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const old = async () => Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? 0) > SILENCE_MILLIS;
    if (name.startsWith("owner-after-") || (name.endsWith(".tmp") && (await old())))
      await unlink(path).catch(() => undefined);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function afterFile(id: string): string {
  return `owner-after-${id}.json`;
}

function inUse(root: string, owner: Owner) {
  return runProblem("root-in-use", {
    root,
    host: owner.host,
    pid: owner.pid,
    since: owner.since,
    command: owner.command,
  });
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
