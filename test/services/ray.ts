import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isRayPythonThere, rayPython } from "#daedalus/app/ray-python.js";

/** The interpreter with Ray that the test script has made with `daeda setup ray`; undefined where it could not. */
export const RAY_PYTHON = isRayPythonThere() ? rayPython() : undefined;

export interface TestCluster {
  /** `host:port`. */
  readonly address: string;
  /** Ends the raylet (and all that runs on it) of the second node, without a farewell. */
  killSecond(): Promise<void>;
  /** Starts another second one, unless it is there. */
  addSecond(): Promise<void>;
  close(): Promise<void>;
}

/** A real cluster of two raylets on this machine, a CPU each; the head has the resource `head`, the other one `second`. */
export async function startCluster(python: string): Promise<TestCluster> {
  const temporary = await mkdtemp(join(tmpdir(), "dr-"));
  // Ray writes the address of a cluster into a folder below RAY_TMPDIR that must be there.
  await mkdir(join(temporary, "ray"));
  const child = spawn(python, [join(import.meta.dirname, "ray_cluster.py")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, RAY_USAGE_STATS_ENABLED: "0", RAY_TMPDIR: temporary },
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
  const said = (): Promise<string> =>
    new Promise((resolve, reject) => {
      waiting.push(resolve);
      void ended.then(() => reject(new Error("the cluster ended")));
    });
  const address = await said();
  const ordered = async (order: string): Promise<void> => {
    const done = said();
    child.stdin.write(`${order}\n`);
    await done;
  };
  return {
    address,
    killSecond: () => ordered("kill-second"),
    addSecond: () => ordered("add-second"),
    async close() {
      child.stdin.end();
      await ended;
      await rm(temporary, { recursive: true, force: true });
    },
  };
}
