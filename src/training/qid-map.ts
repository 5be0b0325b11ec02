import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Day, dayStartMicros, MICROS_PER_DAY } from "../columnar/instants.js";
import { identifier, text } from "../engines/sql/text.js";
import type { Problem } from "../errors/problem.js";
import { trainingProblem } from "../errors/training.js";
import type { Pipeline } from "../operators/pipeline.js";
import type { Scan } from "../operators/scan.js";
import type { OwnedRoot } from "../runs/owned-root.js";
import { checksum } from "../storage/day-manifest.js";
import { sourceOf, spineTime, type TrainingInputs } from "./inputs.js";

export const QID_MAP_FILE = "qid_map.parquet";
const NUMBERING_FILE = "qid_map.json";

/** `_daedalus/qid_map.json`: what the map is known to be. */
export interface Numbering {
  /** SHA-256 of the map; two while one replaces the other, so that a process may die in between. */
  readonly accepted: readonly string[];
  /** Days (by their manifest's run) that were written with an earlier numbering and must be written again. */
  readonly renumbered: Readonly<Record<Day, string>>;
}

/** What is remembered of a root's map; nothing is remembered of a root that has none. */
export async function readNumbering(root: string): Promise<Numbering> {
  try {
    const value: unknown = JSON.parse(await readFile(join(root, "_daedalus", NUMBERING_FILE), "utf8"));
    if (isNumbering(value)) return value;
  } catch {
    // Missing, or damaged: the map itself tells whether its numbers are sound.
  }
  return { accepted: [], renumbered: {} };
}

function isNumbering(value: unknown): value is Numbering {
  if (typeof value !== "object" || value === null || !("accepted" in value) || !("renumbered" in value)) return false;
  const { accepted, renumbered } = value;
  const areTexts = (values: readonly unknown[]): boolean => values.every((one) => typeof one === "string");
  if (!Array.isArray(accepted) || typeof renumbered !== "object" || renumbered === null) return false;
  return areTexts(accepted) && areTexts(Object.values(renumbered));
}

/**
 * The persistent numbers of sessions. A session gets the next number when a run first meets it: by its first time on the
 * target days of the run, then by id. Numbers are never given again; the file is replaced at once.
 */
export class QidMap {
  readonly path: string;
  readonly #root: OwnedRoot;
  readonly #inputs: TrainingInputs;
  readonly #session: Scan["columns"][number];
  #growing: Promise<void> = Promise.resolve();

  constructor(root: OwnedRoot, inputs: TrainingInputs) {
    this.path = join(root.directory, QID_MAP_FILE);
    this.#root = root;
    this.#inputs = inputs;
    this.#session = sessionColumn(inputs.pipeline);
  }

  /** Adds the sessions of the days that have no number yet; concurrent calls wait for each other. */
  grow(days: readonly Day[]): Promise<void> {
    const grown = this.#growing.then(() => this.#write(days, true, {}));
    this.#growing = grown.catch(() => undefined);
    return grown;
  }

  /** Numbers from 0; `existing` (day → run of its manifest) are stale from now on. */
  async renumber(days: readonly Day[], existing: Readonly<Record<Day, string>>): Promise<void> {
    await this.#write(days, false, existing);
  }

  async #write(days: readonly Day[], keep: boolean, existing: Readonly<Record<Day, string>>): Promise<void> {
    const { session: sql } = this.#inputs;
    const old = keep && (await exists(this.path)) ? `read_parquet(${text(this.path)})` : undefined;
    const [known] = old === undefined ? [] : await sql.query(`SELECT count(*) AS known FROM ${old}`);
    const first = BigInt(String(known?.["known"] ?? 0));
    // `first_time` is in the instant's own resolution, so that nanoseconds order too.
    await sql.run(
      `CREATE OR REPLACE TEMP TABLE daedalus_new_sessions AS
         SELECT session_id, CAST(row_number() OVER (ORDER BY first_time ASC NULLS FIRST, session_id ASC NULLS FIRST) AS BIGINT) - 1 + ${first} AS qid
         FROM (${await this.#firstTimes(days)}) met
         ${old === undefined ? "" : `WHERE NOT EXISTS (SELECT 1 FROM ${old} known WHERE known.session_id = met.session_id)`}`,
    );
    try {
      const [added] = await sql.query("SELECT count(*) AS added FROM daedalus_new_sessions");
      if (old !== undefined && BigInt(String(added?.["added"] ?? 0)) === 0n) return;
      const folder = await this.#root.stage(QID_MAP_FILE);
      const staged = join(folder, QID_MAP_FILE);
      const all = old === undefined ? "" : `SELECT session_id, qid FROM ${old} UNION ALL `;
      await sql.run(
        `COPY (SELECT * FROM (${all}SELECT session_id, qid FROM daedalus_new_sessions) ORDER BY qid ASC NULLS FIRST)
           TO ${text(staged)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await this.#replace(staged, existing);
    } finally {
      await sql.run("DROP TABLE IF EXISTS daedalus_new_sessions");
    }
  }

  /** The record accepts both maps before the new one takes the old one's place, and only the new one afterwards. */
  async #replace(staged: string, existing: Readonly<Record<Day, string>>): Promise<void> {
    const { sha256 } = await checksum(staged);
    const before = await readNumbering(this.#root.directory);
    const renumbered = { ...before.renumbered, ...existing };
    const remember = (accepted: readonly string[]) =>
      this.#root.remember(NUMBERING_FILE, `${JSON.stringify({ accepted, renumbered }, null, 2)}\n`);
    await remember([...before.accepted, sha256]);
    await this.#root.commitFile(QID_MAP_FILE, staged);
    await remember([sha256]);
  }

  async #firstTimes(days: readonly Day[]): Promise<string> {
    const { pipeline } = this.#inputs;
    const time = spineTime(pipeline);
    const source = sourceOf(this.#inputs, pipeline.spine.view);
    const { name, source: column, dtype } = this.#session;
    const instant = pipeline.spine.time.column;
    const relations: string[] = [];
    for (const [from, to] of consecutive(days)) {
      const { sql } = await source.scan({
        columns: [{ name, source: column, dtype }],
        instants: [{ name: instant, source: time.source, unit: time.unit }],
        range: { time, from, to },
      });
      relations.push(`SELECT ${identifier(name)} AS session_id, ${identifier(instant)} AS time FROM (${sql})`);
    }
    return `SELECT session_id, min(time) AS first_time FROM (${relations.join(" UNION ALL ")})
      WHERE session_id IS NOT NULL GROUP BY session_id`;
  }
}

/** Whether the contract has a `qid`. */
export function needsQid(pipeline: Pipeline): boolean {
  return pipeline.operators.some(
    (operator) => operator.kind === "project" && operator.steps.some((step) => step.value.type === "qid"),
  );
}

/** What is wrong with a root's map that gave `written` days their numbers: it is missing, or not the one that was written. */
export async function damageOfMap(inputs: TrainingInputs, root: string, written: number): Promise<Problem | undefined> {
  const path = join(root, QID_MAP_FILE);
  if (!(await exists(path)))
    return written === 0 ? undefined : trainingProblem("qid-map-missing", { path, days: written });
  const how = await howDamaged(inputs, root, path);
  return how === undefined ? undefined : trainingProblem("qid-map-damaged", { path, how });
}

async function howDamaged(inputs: TrainingInputs, root: string, path: string): Promise<string | undefined> {
  const { accepted } = await readNumbering(root);
  if (accepted.length > 0 && !accepted.includes((await checksum(path)).sha256))
    return "its checksum is not that of the file that was written";
  const map = `read_parquet(${text(path)})`;
  try {
    const columns = await inputs.session.query(`DESCRIBE SELECT session_id, qid FROM ${map}`);
    const [session, qid] = columns.map((column) => String(column["column_type"]));
    const { dtype } = sessionColumn(inputs.pipeline);
    const wanted = dtype === "TEXT" ? "VARCHAR" : dtype;
    if (session !== wanted) return `its session_id is ${session}, the session column is ${wanted}`;
    if (qid !== "BIGINT") return `its qid is ${qid}, not BIGINT`;
    if (accepted.length > 0) return undefined;
    const [sound] = await inputs.session.query(
      `SELECT count(*) = count(DISTINCT session_id) AND coalesce(min(qid) = 0 AND max(qid) = count(*) - 1, TRUE)
         AND count(*) = count(DISTINCT qid) AS sound FROM ${map}`,
    );
    return sound?.["sound"] === true ? undefined : "its numbers are not 0, 1, 2, … of different sessions";
  } catch (error) {
    return `it cannot be read (${error instanceof Error ? error.message.split("\n")[0] : String(error)})`;
  }
}

function sessionColumn({ spine, operators }: Pipeline): Scan["columns"][number] {
  for (const operator of operators) {
    if (operator.kind !== "scan" || operator.view !== spine.view) continue;
    const column = operator.columns.find(({ name }) => name === spine.session);
    if (column !== undefined) return column;
  }
  throw new Error(`no scan of view ${spine.view} has the session column ${spine.session}`);
}

/** The days, ascending, as ranges of microseconds without gaps. */
function consecutive(days: readonly Day[]): readonly (readonly [from: bigint, to: bigint])[] {
  const ranges: [bigint, bigint][] = [];
  for (const start of [...days].sort().map(dayStartMicros)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === start) last[1] = start + MICROS_PER_DAY;
    else ranges.push([start, start + MICROS_PER_DAY]);
  }
  return ranges;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
