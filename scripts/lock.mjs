// A lock between processes that survives a dead holder: a file with the holder's token, kept young by a heartbeat.
import { linkSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const HEARTBEAT_MS = 1_000;
/** A holder that was not heard of for so long is dead, or its process number now belongs to another. */
const DEAD_AFTER_MS = 60_000;
const POLL_MS = 100;

/** Runs `work` while no other process does. */
export async function withLock(path, { onWait = () => {} } = {}, work) {
  const token = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    since: `${Date.now()}-${process.hrtime.bigint()}`,
  });
  const mine = `${path}.${process.pid}-${process.hrtime.bigint()}`;
  writeFileSync(mine, token);
  try {
    for (let waits = 0; !take(mine, path); waits += 1) {
      if (waits === 1) onWait();
      if (isDead(path)) clear(path);
      else await sleep(POLL_MS);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  const heartbeat = setInterval(() => {
    if (read(path) === token) utimesSync(path, new Date(), new Date());
  }, HEARTBEAT_MS);
  const release = () => {
    if (read(path) === token) rmSync(path, { force: true });
  };
  const stop = (signal) => {
    release();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.off("SIGINT", stop).off("SIGTERM", stop);
    release();
  }
}

/** A hard link appears whole or not at all, and never over another. */
function take(mine, path) {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function isDead(path) {
  try {
    const { pid, host } = JSON.parse(readFileSync(path, "utf8"));
    if (host === hostname() && !isAlive(pid)) return true;
    return Date.now() - statSync(path).mtimeMs > DEAD_AFTER_MS;
  } catch (error) {
    if (error.code === "ENOENT") return false; // released meanwhile
    return true; // not one of ours: nothing that holds it could be asked
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/**
 * Removes a dead holder's lock. Of several that saw it dead only the one that makes the claim (named after that very
 * holder) removes it, so that none removes the lock of a successor.
 */
function clear(path) {
  const dead = read(path);
  if (dead === undefined) return;
  const claim = `${path}.dead-${Buffer.from(dead).toString("base64url").slice(0, 120)}`;
  try {
    writeFileSync(claim, "", { flag: "wx" });
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    // Its maker removes the lock within milliseconds, unless it died itself.
    if (ageOf(claim) > DEAD_AFTER_MS) rmSync(claim, { force: true });
    return;
  }
  if (read(path) === dead) rmSync(path, { force: true });
  rmSync(claim, { force: true });
}

function ageOf(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
