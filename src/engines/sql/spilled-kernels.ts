import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DaedalusError } from "../../errors/problem.js";
import type { RollingPart, RollingWorkers } from "../../training/day.js";
import { fits, type KernelFunctions } from "../kernel/kernel-functions.js";
import type { Answers, KernelPlan } from "./plan.js";
import { engineProblem } from "./problems.js";
import type { SqlSession } from "./session.js";
import { makeSpillFolder, spillFolder } from "./spill-folder.js";
import { identifier, inPattern, text } from "./text.js";

/** Files that a history is split into by the hash of its key. */
const BUCKETS = 64;
/** Answers may be long lists: few rows are held until a group of them is written. */
const ANSWER_GROUP_ROWS = 24_576;
/** A dictionary takes −0 and +0 for one value. */
const PARQUET = "FORMAT parquet, DICTIONARY_SIZE_LIMIT 0";

const MIB = 2 ** 20;
/** What DuckDB needs to read and write a part, MiB. */
const LEAST_OF_A_WORKER = 256;

/** Which keys a part has: those of some buckets, or a slice of one bucket. */
interface Part {
  readonly buckets: readonly number[];
  readonly slice?: { readonly of: number; readonly at: number };
}

interface Size {
  readonly rows: number;
  readonly keys: number;
}

interface SpilledHistory {
  readonly plan: KernelPlan;
  readonly folder: string;
  /** Of the buckets that have rows. */
  readonly sizes: ReadonlyMap<number, Size>;
}

/**
 * Kernels whose histories do not fit their share of the memory, or which workers ask. Such a history lies in files by the hash
 * of its key; where rows ask, parts of the keys are loaded, one after the other or each by a worker, and answer the rows that
 * have their keys; what they answered lies in files as well, to be joined by the row.
 */
export class SpilledKernels {
  readonly #session: SqlSession;
  readonly #kernels: KernelFunctions;
  readonly #workers: RollingWorkers;
  readonly #spilled = new Map<string, SpilledHistory>();
  #folder: string | undefined;
  #made = 0;

  constructor(session: SqlSession, kernels: KernelFunctions, workers: RollingWorkers) {
    this.#session = session;
    this.#kernels = kernels;
    this.#workers = workers;
  }

  /** Writes the plan's history to files. Returns their bytes. */
  async spill(plan: KernelPlan): Promise<number> {
    this.forget(plan);
    const folder = this.#newFolder();
    await this.#session.run(
      `COPY (SELECT *, ${bucketOf("key")} AS bucket FROM (${plan.unique ?? plan.history}))` +
        ` TO ${text(folder)} (${PARQUET}, PARTITION_BY (bucket))`,
    );
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const sizes = new Map<number, Size>();
    if (files.length > 0)
      for (const { bucket, rows, keys } of await this.#session.query(
        `SELECT CAST(bucket AS INTEGER) AS bucket, count(*) AS rows, approx_count_distinct(key) AS keys` +
          ` FROM read_parquet(${text(join(inPattern(folder), "*", "*.parquet"))}, hive_partitioning = true) GROUP BY ALL`,
      ))
        sizes.set(Number(bucket), { rows: Number(rows), keys: Number(keys) });
    this.#spilled.set(plan.name, { plan, folder, sizes });
    return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
  }

  has({ name }: KernelPlan): boolean {
    return this.#spilled.has(name);
  }

  /**
   * Asks those of the kernels that are spilled about all rows of a table, and hands their answers to `use`: `undefined` if
   * none is spilled. `room`: the bytes that a part may take; `log`: for workers. The answers end with `use`.
   */
  async answer<T>(
    kernels: readonly string[],
    table: string,
    { room, log }: { readonly room: number; readonly log: string | undefined },
    use: (answers: Answers | undefined) => Promise<T>,
  ): Promise<T> {
    const spilled = [...new Set(kernels)].flatMap((name) => this.#spilled.get(name) ?? []);
    if (spilled.length === 0) return use(undefined);
    const folder = this.#newFolder();
    try {
      const files = new Map<string, readonly string[]>();
      for (const history of spilled) {
        const byWorkers = history.plan.inWorkers && (await this.#askWorkers(history, table, room, folder, log));
        files.set(history.plan.name, byWorkers || (await this.#ask(history, table, room, folder)));
      }
      return await use({ row: "o.rowid", of: new Map([...files].map(([name, of]) => [name, reading(of)])) });
    } finally {
      remove(folder);
    }
  }

  /** Removes a plan's history. */
  forget({ name }: KernelPlan): void {
    const known = this.#spilled.get(name);
    if (known !== undefined) remove(known.folder);
    this.#spilled.delete(name);
  }

  interrupt(): void {
    this.#workers.interrupt();
  }

  close(): void {
    this.#workers.close();
    if (this.#folder !== undefined) remove(this.#folder);
  }

  #newFolder(): string {
    this.#folder ??= spillFolder(this.#session.temporary);
    this.#made += 1;
    const folder = join(this.#folder, String(this.#made));
    makeSpillFolder(folder);
    return folder;
  }

  /** The files of a kernel's answers: `@row`, `@answer`; each in the order of rows. */
  async #ask(history: SpilledHistory, table: string, room: number, folder: string): Promise<readonly string[]> {
    const { plan } = history;
    const files: string[] = [];
    try {
      for (const part of await this.#partsOf(history, room)) {
        const isLoaded = await this.#kernels.load(plan, Number.POSITIVE_INFINITY, rowsOf(history, part));
        if (isLoaded === undefined) throw new RangeError(`a part of ${plan.name} is larger than it was found to be`);
        const file = join(folder, `${plan.name}-${files.length}.parquet`);
        await this.#session.run(
          answersInto(
            file,
            `SELECT o.rowid AS "@row", ${plan.name}(${plan.arguments.join(", ")}) AS "@answer" FROM ${table} o` +
              ` WHERE ${isIn(part, plan.arguments[0] ?? "")}`,
          ),
        );
        files.push(file);
      }
    } finally {
      this.#kernels.forget(plan);
    }
    return files;
  }

  /** The same by workers, which get the rows in files too; undefined if there are no rows, or a key is too large for a worker. */
  async #askWorkers(
    history: SpilledHistory,
    table: string,
    room: number,
    folder: string,
    log: string | undefined,
  ): Promise<readonly string[] | undefined> {
    const { plan, sizes } = history;
    const rows = join(folder, `${plan.name}-rows`);
    const given = plan.arguments.map((sql, place) => `${sql} AS a${place}`);
    await this.#session.run(
      `COPY (SELECT o.rowid AS "@row", ${given.join(", ")}, ${bucketOf(plan.arguments[0] ?? "")} AS bucket FROM ${table} o)` +
        ` TO ${text(rows)} (${PARQUET}, PARTITION_BY (bucket))`,
    );
    const asking = new Set(existsSync(rows) ? readdirSync(rows) : []);
    const { count } = this.#workers;
    // Of what a worker may take one half is for its index, the other for DuckDB.
    const share = room / count / 2;
    const all = [...sizes.values()].reduce((sum, size) => sum + size.rows, 0);
    const parts: RollingPart[] = [];
    const ofKeys = await this.#partsOf(history, share, Math.ceil(all / count)).catch(nothingIfTooLarge);
    for (const part of ofKeys) {
      const buckets = part.buckets.filter((bucket) => asking.has(`bucket=${bucket}`));
      if (buckets.length === 0) continue;
      const sliced = part.slice === undefined ? "" : ` WHERE ${isInSlice(part.slice, "a0")}`;
      parts.push({
        kernel: plan,
        history: rowsOf(history, part),
        rows: `SELECT * FROM ${readingBuckets(rows, buckets)}${sliced}`,
        output: join(folder, `${plan.name}-${parts.length}.parquet`),
        duckdbConfig: {
          threads: "1",
          memory_limit: `${Math.max(LEAST_OF_A_WORKER, Math.floor(share / MIB))}MiB`,
          ...(this.#session.temporary === undefined ? {} : { temp_directory: this.#session.temporary }),
        },
      });
    }
    if (parts.length === 0) return undefined;
    await this.#workers.run(parts, log);
    return parts.map(({ output }) => output);
  }

  /** Every key is of one part; each part fits the room, and those of several buckets have at most so many rows of history. */
  async #partsOf(history: SpilledHistory, room: number, mostRows = Number.POSITIVE_INFINITY): Promise<readonly Part[]> {
    const { plan, sizes } = history;
    const parts: Part[] = [];
    let buckets: number[] = [];
    let together: Size = { rows: 0, keys: 0 };
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const size = sizes.get(bucket) ?? { rows: 0, keys: 0 };
      if (!fits(plan, room, size)) {
        parts.push(...(await this.#slicesOf(history, bucket, room)));
        continue;
      }
      const sum = { rows: together.rows + size.rows, keys: together.keys + size.keys };
      if (buckets.length > 0 && (sum.rows > mostRows || !fits(plan, room, sum))) {
        parts.push({ buckets });
        buckets = [];
        together = size;
      } else together = sum;
      buckets.push(bucket);
    }
    if (buckets.length > 0) parts.push({ buckets });
    return parts;
  }

  /** The slices of a bucket that does not fit, as few as do. Throws if one key alone does not. */
  async #slicesOf(history: SpilledHistory, bucket: number, room: number): Promise<readonly Part[]> {
    const { plan } = history;
    const rows = rowsOf(history, { buckets: [bucket] });
    const [largest] = await this.#session.query(
      `SELECT key, count(*) AS rows FROM (${rows}) GROUP BY key ORDER BY rows DESC NULLS LAST, key ASC NULLS FIRST LIMIT 1`,
    );
    const most = Number(largest?.["rows"] ?? 0);
    if (!fits(plan, room, { rows: most, keys: 1 })) throw await this.#tooLarge(plan, largest?.["key"], most);
    for (let of = 2; ; of *= 2) {
      const slices = await this.#session.query(
        `SELECT count(*) AS rows, approx_count_distinct(key) AS keys FROM (${rows}) GROUP BY ${sliceOf("key", of)}`,
      );
      if (slices.every((size) => fits(plan, room, { rows: Number(size["rows"]), keys: Number(size["keys"]) })))
        return Array.from({ length: of }, (_, at) => ({ buckets: [bucket], slice: { of, at } }));
    }
  }

  async #tooLarge({ operator, keys, keyTable }: KernelPlan, key: unknown, rows: number) {
    const [row = {}] =
      keyTable === undefined
        ? [{ [keys[0] ?? ""]: key }]
        : await this.#session.query(
            `SELECT ${keys.map(identifier).join(", ")} FROM ${keyTable} WHERE kid = ${String(key)}`,
          );
    const named = Object.entries(row).map(([name, value]) => `${name} = ${String(value)}`);
    return engineProblem("key-memory", {
      operator,
      key: named.join(", "),
      rows: String(rows),
    });
  }
}

/** `FROM` item of answers whose row is at least `first` and below `end`. */
export function answersBetween(answers: Answers, first: number, end: number): Answers {
  const of = [...answers.of].map(
    ([name, item]) => [name, `(SELECT * FROM ${item} WHERE "@row" >= ${first} AND "@row" < ${end})`] as const,
  );
  return { ...answers, of: new Map(of) };
}

function reading(files: readonly string[]): string {
  return `read_parquet([${files.map(text).join(", ")}])`;
}

/** No parts, for an error that says that a key is too large; throws any other. */
function nothingIfTooLarge(error: unknown): readonly Part[] {
  if (error instanceof DaedalusError && error.problems.some(({ code }) => code === "engine/key-memory")) return [];
  throw error;
}

/** A statement that writes answers: `SELECT` of `@row` and `@answer`. */
export function answersInto(file: string, select: string): string {
  return `COPY (${select}) TO ${text(file)} (${PARQUET}, ROW_GROUP_SIZE ${ANSWER_GROUP_ROWS})`;
}

/** `SELECT` of a part's history. */
function rowsOf({ plan, folder, sizes }: SpilledHistory, part: Part): string {
  const buckets = part.buckets.filter((bucket) => sizes.has(bucket));
  if (buckets.length === 0) return emptyHistory(plan);
  const sliced = part.slice === undefined ? "" : ` WHERE ${isInSlice(part.slice, "key")}`;
  return `SELECT * FROM ${readingBuckets(folder, buckets)}${sliced}`;
}

/** No rows; nobody looks at the types then. */
function emptyHistory({ group }: KernelPlan): string {
  const values = group.columns.map((_, place) => `v${place}`);
  const names = ["key", "time", ...(group.available ? ["available"] : []), ...values];
  return `SELECT ${names.map((name) => `0 AS ${name}`).join(", ")} LIMIT 0`;
}

/** The number of the bucket that a key (SQL) is of; also a NULL is of one. */
function bucketOf(key: string): string {
  return `CAST(hash(${key}) % ${BUCKETS} AS UTINYINT)`;
}

function readingBuckets(folder: string, buckets: readonly number[]): string {
  const files = buckets.map((bucket) => text(join(inPattern(folder), `bucket=${bucket}`, "*.parquet")));
  return `read_parquet([${files.join(", ")}], hive_partitioning = false)`;
}

/** Whether a key (SQL) is of the part. */
function isIn({ buckets, slice }: Part, key: string): string {
  const inBuckets = `${bucketOf(key)} IN (${buckets.join(", ")})`;
  return slice === undefined ? inBuckets : `${inBuckets} AND ${isInSlice(slice, key)}`;
}

function isInSlice({ of, at }: NonNullable<Part["slice"]>, key: string): string {
  return `${sliceOf(key, of)} = ${at}`;
}

/** Not of the bits that make the bucket. */
function sliceOf(key: string, of: number): string {
  return `(hash(${key}) // ${BUCKETS}) % ${of}`;
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
