import type { FeatureBackend } from "../definitions/feature-run.js";
import type { SqlSession } from "../engines/sql/session.js";
import { type Answer, ComputePool, type Lane } from "../formulas/features/compute-pool.js";
import { type Work, within } from "../formulas/features/row-groups.js";
import type { Group, Layout } from "./layout.js";
import { bytesOfRow, type Plan } from "./plan.js";
import type { Rows } from "./row-stream.js";
import type { OpenTable } from "./run-table.js";
import { type StagedFile, TableRows } from "./table-rows.js";

export interface GroupsRequest {
  readonly session: SqlSession;
  readonly table: OpenTable;
  readonly staged: ReadonlyMap<string, StagedFile>;
  readonly plan: Plan;
  readonly layout: Layout;
  readonly backend: FeatureBackend;
  readonly threads: number;
  /** Bytes of the groups that are read, computed or not yet written. */
  readonly memory: number;
  readonly signal?: AbortSignal | undefined;
}

/** Is given every group as it is made, in any order; the memory of its chunks is used again when it is done. */
export type TakeGroup = (number: number, group: Group, rows: Rows, answer: Answer) => Promise<void>;

/** Reads the rows of a table group by group, and lets threads compute them. */
export async function computeGroups(request: GroupsRequest, take: TakeGroup): Promise<void> {
  const { session, table, staged, plan, layout, backend, signal } = request;
  const brought = new Set(plan.given);
  const work: Work = {
    backend,
    nodes: plan.nodes.map((node) => (brought.has(node) ? node : within(node, layout.most))),
    given: plan.given.map(({ id }) => id),
    complete: [],
    kept: plan.kept.map(({ id }) => id),
  };
  const pool = await ComputePool.open(work, request.threads, layout.units.length);
  try {
    const reader = new GroupReader(await TableRows.open(session, table, plan.given, staged), layout);
    try {
      const underWay = new UnderWay(mostUnderWay(request));
      let number = 0;
      for (const groups of layout.units) {
        const lane = pool.lane();
        for (const group of groups) {
          signal?.throwIfAborted();
          const rows = await reader.read(group);
          const own = number;
          number += 1;
          await underWay.add(
            computed(lane, group, rows, work).then((answer) =>
              take(own, group, rows, answer).then(() => lane.release(answer)),
            ),
          );
        }
      }
      await underWay.end();
    } finally {
      await reader.close();
    }
  } finally {
    await pool.close();
  }
}

/** Enough that every thread has a unit, as far as the memory holds them. */
function mostUnderWay({ plan, layout: { units }, memory, threads: most }: GroupsRequest): number {
  const threads = Math.min(most, Math.max(1, units.length));
  const widest = Math.max(1, ...units.flatMap((groups) => groups.map(({ rows }) => rows)));
  const longest = Math.max(1, ...units.map(({ length }) => length));
  return Math.max(threads + 1, Math.min(Math.floor(memory / (widest * bytesOfRow(plan))), longest * threads + 1));
}

/** Groups that are read, computed or not yet written. The first that fails is told at once: those behind it may wait for it. */
class UnderWay {
  readonly #groups = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  readonly #failed: Promise<void>;
  #fail: () => void = () => undefined;

  constructor(private readonly most: number) {
    this.#failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /** Waits until there is room for another one. Throws what one of them has thrown. */
  async add(work: Promise<void>): Promise<void> {
    const group = work
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#fail();
      })
      .finally(() => this.#groups.delete(group));
    this.#groups.add(group);
    if (this.#groups.size >= this.most) await Promise.race([this.#failed, ...this.#groups]);
    this.#check();
  }

  /** Waits for all. */
  async end(): Promise<void> {
    await Promise.race([this.#failed, Promise.all(this.#groups)]);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** The rows of groups, one after the other; those that no group has are left out. */
class GroupReader {
  #symbol = -1;

  constructor(
    private readonly rows: TableRows,
    private readonly layout: Layout,
  ) {}

  async read(group: Group): Promise<Rows> {
    const room = this.rows.room(group.rows);
    let at = 0;
    for (const segment of group.segments) {
      while (this.#symbol < segment.symbol) {
        this.#symbol += 1;
        await this.rows.skip(this.layout.skipped[this.#symbol] ?? 0);
      }
      await this.rows.fill(room, at, segment.rows);
      at += segment.rows;
    }
    return room;
  }

  close(): Promise<void> {
    return this.rows.close();
  }
}

function computed(lane: Lane, group: Group, rows: Rows, work: Work): Promise<Answer> {
  const begins: number[] = [];
  let at = 0;
  for (const segment of group.segments) {
    if (segment.begins) begins.push(at);
    at += segment.rows;
  }
  const given = work.given.map((id, place) => [id, rows.columns[place] as Rows["columns"][number]] as const);
  const moved = rows.columns.flatMap(({ values, valid }) => [values.buffer, valid.buffer]);
  return lane.compute({ form: "chunks", rows: group.rows, begins, kept: group.kept, given }, moved);
}
