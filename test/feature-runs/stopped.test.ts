import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAIN } from "../runs/processes.js";
import { canMount, mountMemory, unmountAll } from "../training/mounts.js";
import { ask } from "./run-folder.js";

// A run that is stopped at any instant leaves the older file, or the new one, whole; the next one clears up what is left.

let folder: string;
let whole: string;

/** The command in a process group of its own. */
function compute(...options: string[]) {
  return spawn(process.execPath, [MAIN, "features", "compute", ...options], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function ended(
  child: ReturnType<typeof compute>,
): Promise<{ code: number | null; signal: string | null; said: string }> {
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  child.stdout.resume();
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { code, signal, said: Buffer.concat(said).toString() };
}

async function sum(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

const left = (): string[] =>
  readdirSync(folder).filter((name) => !["bars.parquet", "features.yaml", "wide.parquet"].includes(name));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "daedalus-stopped-"));
  const formulas = Array.from(
    { length: 40 },
    (_, place) => `  - {name: f${place}, formula: "rolling_std(x, ${place + 3}) + cs_rank(ema(x, ${place + 2}))"}`,
  );
  writeFileSync(
    join(folder, "features.yaml"),
    `name: r\ntables: [{name: bars, source: {path: bars.parquet}}]\noutput: {wide: wide.parquet}\nconcurrency: 2\nfeatures:\n${formulas.join("\n")}\n`,
  );
  await ask(
    `COPY (SELECT 'S' || (i % 7) AS symbol, make_timestamp(i // 7 * 1000000) AS event_time, sin(i) * 10 AS x FROM range(140000) t(i)) TO '${join(folder, "bars.parquet")}' (FORMAT parquet)`,
  );
  expect((await ended(compute())).code).toBe(0);
  whole = await sum(join(folder, "wide.parquet"));
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the same run writes the same bytes", async () => {
  expect((await ended(compute("--concurrency", "1"))).code).toBe(0);
  expect(await sum(join(folder, "wide.parquet"))).toBe(whole);
  expect(left()).toEqual([]);
}, 60_000);

/** Until it has staged something: what comes then finds a run in the middle. */
async function begun(child: ReturnType<typeof compute>): Promise<void> {
  while (left().length === 0 && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
}

test("Ctrl-C and SIGTERM at any instant: told, nothing left, the older file as it was", async () => {
  for (const [signal, exit] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    for (const wait of [0, 300, 700, 1200]) {
      const child = compute();
      const end = ended(child);
      await begun(child);
      await new Promise((done) => setTimeout(done, wait));
      child.kill(signal);
      const { code, said } = await end;
      // The later ones may find it done.
      expect([signal, wait, code]).toEqual([signal, wait, wait > 0 && code === 0 ? 0 : exit]);
      if (code === exit) expect(said).toContain(`stopped by ${signal}`);
      expect(left()).toEqual([]);
      expect(await sum(join(folder, "wide.parquet"))).toBe(whole);
    }
}, 120_000);

test("killed at random instants: the older file as it was, and the next run clears up", async () => {
  let found = 0;
  for (let round = 0; round < 6; round++) {
    const child = compute();
    const end = ended(child);
    await begun(child);
    await new Promise((done) => setTimeout(done, round * 250 * Math.random()));
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    await end;
    found += left().length;
    expect(await sum(join(folder, "wide.parquet"))).toBe(whole);
  }
  expect(found).toBeGreaterThan(0);
  expect((await ended(compute())).code).toBe(0);
  expect(left()).toEqual([]);
  expect(await sum(join(folder, "wide.parquet"))).toBe(whole);
}, 120_000);

// Without file systems of its own (no root, or a container that forbids mounting) nothing can be full.
if (canMount())
  test("a disk that gets full: told, the older file as it was, nothing left", async () => {
    const disk = join(folder, "disk");
    mountMemory(disk, "size=4m");
    const small = ["--wide", join(disk, "wide.parquet")];
    expect((await ended(compute(...small, "--end", "1970-01-01T00:01:00"))).code).toBe(0);
    const before = await sum(join(disk, "wide.parquet"));
    const { code, said } = await ended(compute(...small));
    expect([code, said]).toEqual([1, expect.stringMatching(/no space left on device|No space left/i)]);
    expect(said).not.toContain("command/bug");
    expect(readdirSync(disk)).toEqual(["wide.parquet"]);
    expect(await sum(join(disk, "wide.parquet"))).toBe(before);
    unmountAll();
    rmSync(disk, { recursive: true });
  }, 60_000);

test("two runs into one file at once: both write it, whole", async () => {
  const codes = (await Promise.all([ended(compute()), ended(compute())])).map(({ code }) => code);
  expect(codes).toEqual([0, 0]);
  expect(await sum(join(folder, "wide.parquet"))).toBe(whole);
  expect(left()).toEqual([]);
}, 120_000);

test("a folder that cannot be written to is told", async () => {
  const { code, said } = await ended(compute("--wide", "/proc/nothing/wide.parquet"));
  expect(code).toBe(1);
  expect(said).toContain("command/cannot-write");
  expect(existsSync(join(folder, "wide.parquet"))).toBe(true);
  expect(readFileSync(join(folder, "features.yaml"), "utf8")).toContain("name: r");
}, 60_000);
