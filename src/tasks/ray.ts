import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { DaedalusError } from "../errors/problem.js";
import { rayProblem } from "../errors/ray.js";
import { Interrupted, WorkerLost } from "../runs/failure.js";
import { isAlive, type ProcessIdentity, thisProcess } from "../runs/identity.js";
import { resultOf } from "./answers.js";
import { decode, encode } from "./exact-json.js";
import { onMessages } from "./message-stream.js";
import type { FinalAnswer } from "./messages.js";
import { inTurn } from "./run-all.js";
import type { TaskDocument, TaskExecutor, TaskLimits, TaskOutcome } from "./task.js";
import { logLost } from "./task-log.js";

export interface RayOptions extends TaskLimits {
  /** An interpreter that can import `ray.data`. */
  readonly python: string;
  /** `driver.py` of this package. */
  readonly driver: URL;
  /** A module that calls `serveTasks`; every node has it at this place. */
  readonly entry: URL;
  /** `host:port` of a cluster that this machine is a node of; absent: one is started on this machine and ends with the driver. */
  readonly address?: string;
  /** Of a cluster that is started: CPUs that it hands out, and bytes of its object store. */
  readonly cpus?: number;
  readonly objectStoreBytes?: number;
  /** What a worker asks of the node that it runs on. */
  readonly worker: {
    readonly cpus: number;
    readonly memoryBytes?: number;
    readonly resources?: Readonly<Record<string, number>>;
  };
}

/** How long an interrupted task may take to end before its process is killed. */
const GRACE_SECONDS = 5;
/** How long a worker may take to start: a node must have room for it, and Python and Node.js must come up. */
const START_SECONDS = 60;
/** How long a driver may take: a cluster must come up or be joined. */
const DRIVER_SECONDS = 120;
/** The least that Ray takes; documents and answers are all that passes through it. */
const OBJECT_STORE_BYTES = 100_000_000;

/** What the driver tells; see `ray/driver.py`. */
type Event =
  | { readonly event: "ready"; readonly ray: string; readonly nodes: number; readonly cpus: number }
  | { readonly event: "refused"; readonly kind: "init"; readonly how: string }
  | {
      readonly event: "refused";
      readonly kind: "resources";
      readonly wanted: Readonly<Record<string, number>>;
      readonly nodes: readonly Readonly<Record<string, number>>[];
    }
  | { readonly event: "started"; readonly id: string; readonly node: string; readonly pid: number }
  | { readonly event: "report"; readonly id: string; readonly report: string }
  | { readonly event: "done"; readonly id: string; readonly answer: FinalAnswer }
  | {
      readonly event: "failed";
      readonly id: string;
      readonly kind: string;
      readonly how: string;
      readonly attempt: number;
    }
  | { readonly event: "cancelled"; readonly id: string }
  | { readonly event: "bye" };

/**
 * A Ray cluster, joined or started by a Python driver that starts with the first task. A driver that dies loses what runs
 * (`WorkerLost`); the next task starts another.
 */
export class RayCluster {
  readonly #options: RayOptions;
  /** The one that is there or starts; one that was refused stays, so that it is told every time. */
  #driver: Promise<RayDriver> | undefined;
  #started: RayDriver | undefined;
  #tasks = 0;

  constructor(options: RayOptions) {
    this.#options = options;
  }

  /** Of so many workers at a time; the one before is closed by then. `output`: a file for what Ray and the workers print. */
  executor(workers: number, output: string): TaskExecutor {
    const { attempts } = this.#options;
    let pool: RayDriver | undefined;
    return {
      workers,
      ready: async (signal) => {
        await this.#running(output, signal);
      },
      run: async (task, signal, onReport) => {
        const driver = await this.#running(output);
        if (pool !== driver) driver.openPool(workers);
        pool = driver;
        return driver.run(this.#nextId(), task, signal, onReport);
      },
      runAll: async (tasks, signal, settle) => {
        let left = [...tasks.keys()];
        for (let attempt = 1; left.length > 0; attempt++) {
          const driver = await this.#running(output);
          const places = left;
          const again: number[] = [];
          const asked = places.flatMap((place) => tasks[place] ?? []);
          const ids = asked.map(() => this.#nextId());
          await driver.runAll(ids, asked, attempts, signal, async (index, outcome) => {
            const place = places[index] ?? Number.NaN;
            if ("error" in outcome && outcome.error instanceof DriverLost && attempt < attempts) again.push(place);
            else await settle(place, outcome);
          });
          left = again;
        }
      },
      close: async () => {
        const driver = await this.#driver?.catch(() => undefined);
        if (driver === pool) driver?.closePool();
      },
    };
  }

  /** Ends the driver, and the cluster if it was started for it. */
  async close(): Promise<void> {
    const driver = await this.#driver?.catch(() => undefined);
    await driver?.close();
  }

  #nextId(): string {
    this.#tasks += 1;
    return String(this.#tasks);
  }

  /** Without a wait before the start: of two that ask at once, only one may start a driver. Throws DaedalusError if Ray cannot be had. */
  #running(output: string, signal?: AbortSignal): Promise<RayDriver> {
    if (this.#driver !== undefined && this.#started?.alive !== false) return this.#driver;
    this.#started = undefined;
    this.#driver = RayDriver.start(this.#options, output, signal).then((driver) => {
      this.#started = driver;
      return driver;
    });
    return this.#driver;
  }
}

/** With it goes all that it knew of; its workers may live on for a while. */
class DriverLost extends WorkerLost {}

interface Waiting {
  readonly task: TaskDocument;
  onReport(report: string): void;
  onEnd(end: FinalAnswer | WorkerLost | "cancelled"): void;
}

/** The Python process, from its start to its end. */
class RayDriver {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<string, Waiting>();
  readonly #ended: Promise<void>;
  alive = true;

  private constructor(process: ChildProcess, temporary: string) {
    this.#process = process;
    // A driver that has just died is told by its end, not by the failing order.
    process.stdin?.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      process.on("error", () => resolve());
      process.on("close", () => resolve());
    });
    void this.#ended.then(async () => {
      this.alive = false;
      const lost = new DriverLost(`the Ray driver ended (${endOf(process)})`);
      for (const { onEnd } of this.#waiting.values()) onEnd(lost);
      this.#waiting.clear();
      // Of a cluster that it had started and could not stop, some processes would live on for a minute.
      killGroup(process.pid);
      // What is still dying may write into it.
      await rm(temporary, { recursive: true, force: true, maxRetries: 10 }).catch(() => undefined);
    });
  }

  static async start(options: RayOptions, output: string, signal?: AbortSignal): Promise<RayDriver> {
    if (signal?.aborted) throw new Interrupted();
    const { python, driver: script, address, cpus, objectStoreBytes = OBJECT_STORE_BYTES } = options;
    const temporary = await rayFolder();
    const printed = openSync(output, "a");
    const child = spawn(python, [fileURLToPath(script)], {
      stdio: ["pipe", printed, printed, "pipe"],
      env: {
        ...process.env,
        RAY_USAGE_STATS_ENABLED: "0",
        PYTHONUNBUFFERED: "1",
        // Whoever reaches the ports of a cluster may run what he wants on it: only this run can.
        ...(address === undefined ? { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: randomBytes(32).toString("hex") } : {}),
      },
      // Ctrl-C reaches the whole group of processes; it is the coordinator that decides what it means.
      detached: true,
    });
    closeSync(printed);
    const driver = new RayDriver(child, temporary);
    const kill = () => child.kill("SIGKILL");
    const timer = setTimeout(kill, DRIVER_SECONDS * 1000);
    signal?.addEventListener("abort", kill);
    const first = new Promise<Event | Error | undefined>((resolve) => {
      onMessages<Event>(child.stdio[3] as Readable, (event) => {
        if (event.event === "ready" || event.event === "refused") resolve(event);
        else driver.#hear(event);
      });
      child.on("error", resolve);
      child.on("close", () => resolve(undefined));
    });
    const own = {
      address: "local",
      include_dashboard: false,
      object_store_memory: objectStoreBytes,
      _temp_dir: temporary,
      ...(cpus === undefined ? {} : { num_cpus: cpus }),
    };
    driver.#send({ init: address === undefined ? own : { address }, ...settingsOf(options), output });
    const event = await first;
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    if (signal?.aborted) throw new Interrupted();
    refuse(event, options, () => `it ended before it had begun (${endOf(child)}), saying: ${lastLine(output)}`);
    return driver;
  }

  openPool(workers: number): void {
    this.#send({ op: "pool", workers });
  }

  closePool(): void {
    this.#send({ op: "close-pool" });
  }

  run(
    id: string,
    task: TaskDocument,
    signal: AbortSignal,
    onReport: (report: unknown) => void = () => undefined,
  ): Promise<unknown> {
    return this.#ending(
      id,
      task,
      signal,
      (report) => onReport(decode(report)),
      () => this.#send({ op: "submit", id, task: encode(task), lane: task.lane ?? null }),
    );
  }

  async runAll(
    ids: readonly string[],
    tasks: readonly TaskDocument[],
    attempts: number,
    signal: AbortSignal,
    settle: (place: number, outcome: TaskOutcome) => Promise<void>,
  ): Promise<void> {
    const settler = inTurn(settle);
    const stop = AbortSignal.any([signal, settler.failed]);
    const ends = tasks.map(async (task, place) => {
      const outcome = await this.#ending(
        ids[place] ?? "",
        task,
        stop,
        () => undefined,
        () => undefined,
      ).then(
        (answer) => ({ answer }),
        (error: unknown) => ({ error }),
      );
      if (!stop.aborted) await settler.settle(place, outcome);
    });
    this.#send({ op: "enrich", ids, tasks: tasks.map((task) => encode(task)), attempts });
    await Promise.all(ends);
    if (signal.aborted) throw new Interrupted();
  }

  async close(): Promise<void> {
    this.#send({ op: "shutdown" });
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 4 * GRACE_SECONDS * 1000);
    await this.#ended;
    clearTimeout(timer);
  }

  async #ending(
    id: string,
    task: TaskDocument,
    signal: AbortSignal,
    onReport: (report: string) => void,
    begin: () => void,
  ): Promise<unknown> {
    if (signal.aborted) throw new Interrupted();
    const cancel = () => this.#send({ op: "cancel", id });
    signal.addEventListener("abort", cancel);
    try {
      const end = await new Promise<Parameters<Waiting["onEnd"]>[0]>((resolve) => {
        if (!this.alive) {
          resolve(new DriverLost("the Ray driver ended"));
          return;
        }
        const hear = (report: string) => {
          if (!signal.aborted) onReport(report);
        };
        this.#waiting.set(id, { task, onReport: hear, onEnd: resolve });
        begin();
      });
      if (signal.aborted || end === "cancelled") throw new Interrupted();
      if (!(end instanceof WorkerLost)) return resultOf(end);
      logLost(task.log, end.message);
      throw end;
    } finally {
      this.#waiting.delete(id);
      signal.removeEventListener("abort", cancel);
    }
  }

  #hear(event: Event): void {
    if (!("id" in event)) return;
    const waiting = this.#waiting.get(event.id);
    if (waiting === undefined) return;
    if (event.event === "report") waiting.onReport(event.report);
    if (event.event === "done") waiting.onEnd(event.answer);
    if (event.event === "cancelled") waiting.onEnd("cancelled");
    if (event.event === "failed") waiting.onEnd(new WorkerLost(event.how, event.attempt));
  }

  #send(order: object): void {
    if (this.alive) this.#process.stdin?.write(`${JSON.stringify(order)}\n`);
  }
}

/** What the driver needs to know to start workers. */
function settingsOf({ entry, worker, timeoutSeconds }: RayOptions): object {
  const { cpus, memoryBytes, resources } = worker;
  return {
    node: process.execPath,
    entry: fileURLToPath(entry),
    cwd: process.cwd(),
    environment: Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("DAEDALUS_"))),
    worker: {
      num_cpus: cpus,
      ...(memoryBytes === undefined ? {} : { memory: memoryBytes }),
      ...(resources === undefined ? {} : { resources }),
    },
    grace_seconds: GRACE_SECONDS,
    start_seconds: START_SECONDS,
    ...(timeoutSeconds === undefined ? {} : { timeout_seconds: timeoutSeconds }),
  };
}

function refuse(event: Event | Error | undefined, { python, address }: RayOptions, end: () => string): void {
  if (event instanceof Error || event === undefined) {
    const cause = event?.message ?? end();
    throw new DaedalusError([rayProblem("python-unusable", { python, cause })], 2);
  }
  if (event.event !== "refused") return;
  if (event.kind === "init") throw new DaedalusError([rayProblem("cannot-start", { address, cause: event.how })], 1);
  const nodes = event.nodes.map((node) => listed(node));
  throw new DaedalusError([rayProblem("no-room", { wanted: listed(event.wanted), nodes })], 2);
}

function listed(resources: Readonly<Record<string, number>>): string {
  return Object.entries(resources)
    .map(([name, amount]) => `${name} ${amount}`)
    .join(", ");
}

function lastLine(file: string): string {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return lines.at(-1) ?? "";
}

function killGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
}

/** In the folder of a cluster's session: the process that it is of. */
const OWNER_FILE = "owner.json";

/** A new folder for a cluster's session, with a short name, since sockets lie in it. What killed processes of this machine have left goes. */
async function rayFolder(): Promise<string> {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (name.startsWith("dr-") && isLeftover(folder))
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
  const folder = await mkdtemp(join(tmpdir(), "dr-"));
  writeFileSync(join(folder, OWNER_FILE), encode(thisProcess()));
  return folder;
}

function isLeftover(folder: string): boolean {
  try {
    return isAlive(decode(readFileSync(join(folder, OWNER_FILE), "utf8")) as ProcessIdentity) === false;
  } catch {
    // No folder of ours.
    return false;
  }
}
