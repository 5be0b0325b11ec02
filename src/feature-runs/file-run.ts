import { join } from "node:path";
import { type ParquetChunk, textRunsChunk, ticksChunk } from "../columnar/parquet-chunks.js";
import type { ParquetColumn } from "../columnar/parquet-file.js";
import type { FeatureBackend } from "../definitions/feature-run.js";
import type { SqlSession } from "../engines/sql/session.js";
import { frameProblem } from "../errors/formula.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { type CompiledFeatures, problemsOfRun } from "../formulas/features/compile-features.js";
import { symbolUnknown } from "../formulas/features/crossings.js";
import { refuseFailed } from "../formulas/features/refuse-failed.js";
import { type Crossing, onClock, type Stage, scheduleOf } from "../formulas/features/stages.js";
import { EVENT_TIME, SYMBOL } from "../formulas/features/tables.js";
import type { IrNode } from "../formulas/ir/node.js";
import { computeGroups, type TakeGroup } from "./compute-groups.js";
import { columnsHeld, crossHeld, crossSorted } from "./cross-times.js";
import { GroupWriter } from "./group-writer.js";
import { latestRows } from "./latest-rows.js";
import { type Group, keptTicks, type Layout, layoutOf } from "./layout.js";
import { bytesOfRow, extentOf, type Plan, passesOf, reaching } from "./plan.js";
import type { OpenTable, SymbolCount } from "./run-table.js";
import type { StagedFile } from "./table-rows.js";

export interface FileRunOptions {
  readonly session: SqlSession;
  /** The first is the clock. */
  readonly tables: readonly OpenTable[];
  readonly compiled: CompiledFeatures;
  readonly backend: FeatureBackend;
  /** A feature that fails fails the run, and nothing is written. */
  readonly strict: boolean;
  /** The rows before the run's start are counted apart: they are only looked back at. */
  readonly hasStart: boolean;
  readonly threads: number;
  /** Bytes of what is under way beside DuckDB. */
  readonly memory: number;
  /** A folder for what is only needed during the run. */
  readonly staging: string;
  readonly signal?: AbortSignal | undefined;
  /** Told of rows that are written. */
  readonly onProgress?: ((written: number, rows: number) => void) | undefined;
}

export interface WrittenFeature {
  readonly name: string;
  readonly rows: number;
  readonly nulls: number;
  readonly status: "success" | "error";
  readonly problem?: Problem;
}

export interface WrittenFeatures {
  readonly rows: number;
  /** Those that have rows in it, where the clock has symbols. */
  readonly symbols: readonly string[];
  readonly features: readonly WrittenFeature[];
}

/** Rows of a row group of the file, and the least. */
const MOST_ROWS = 131_072;
const LEAST_ROWS = 4_096;

/**
 * Computes features over the tables of a run and writes the clock's rows, with a column for each feature, as one Parquet file. What
 * needs other rows than a symbol's own before it is cut out of the graph: what it is made of is staged.
 */
export class FileRun {
  readonly #tables: ReadonlyMap<string, OpenTable>;
  readonly #clock: OpenTable;
  readonly #symbols = new Map<string, readonly SymbolCount[]>();
  readonly #staged = new Map<string, StagedFile>();
  /** By the names of tables. */
  readonly #times = new Map<string, StagedFile>();
  readonly #failures = new Map<string, string>();
  #files = 0;

  constructor(private readonly options: FileRunOptions) {
    this.#tables = new Map(options.tables.map((table) => [table.columns.name, table]));
    this.#clock = options.tables[0] as OpenTable;
  }

  /** Throws DaedalusError: exit code 1 for values that cannot be read, and a clock without rows. */
  async write(path: string): Promise<WrittenFeatures> {
    const { graph, features } = this.options.compiled;
    const clock = this.#clock.columns.name;
    const nodes = features.map(({ node, table }) => node && onClock(graph, node, table, clock));
    const sinks = nodes.flatMap((node) => (node === undefined ? [] : [{ node, table: clock }]));
    const schedule = scheduleOf(graph.nodes, sinks);
    await this.#load(graph.nodes);
    const last = schedule[schedule.length - 1]?.stages.find(({ table }) => table === clock);
    for (const { stages, crossings } of schedule) {
      for (const stage of stages) if (stage !== last) await this.#stage(stage);
      await this.#cross(crossings);
    }
    const wanted = [...new Set(sinks.map(({ node }) => node))];
    return await this.#writeClock(path, this.#finalWork(last, wanted), nodes);
  }

  /** The last stage on the clock, and what features have been staged before it. */
  #finalWork(last: Stage | undefined, wanted: readonly IrNode[]): Plan {
    const own = new Set(last?.nodes.map(({ id }) => id));
    const brought = wanted.filter(({ id }) => !own.has(id));
    return {
      nodes: [...(last?.nodes ?? []), ...brought],
      given: [...(last?.given ?? []), ...brought],
      kept: wanted,
    };
  }

  /** The columns that anything takes, of every table; and how many rows its symbols have. */
  async #load(nodes: readonly IrNode[]): Promise<void> {
    for (const [name, table] of this.#tables) {
      const columns = nodes
        .filter(({ primitive, params }) => primitive === "SOURCE" && params["table"] === name)
        .map(({ params }) => String(params["column"]));
      this.#symbols.set(name, await table.symbols([...new Set(columns)]));
    }
    const rows = this.#symbolsOf(this.#clock).reduce((sum, one) => sum + one.rows - one.before, 0);
    if (rows === 0) throw new DaedalusError([frameProblem("no-rows", { table: this.#clock.columns.name })], 1);
  }

  #symbolsOf(table: OpenTable): readonly SymbolCount[] {
    return this.#symbols.get(table.columns.name) ?? [];
  }

  /** All rows of a table, those before the run's start too: later parts may look back at them. */
  #allRows(table: OpenTable): readonly SymbolCount[] {
    return this.#symbolsOf(table).map((one) => ({ ...one, before: 0 }));
  }

  async #stage({ table: name, nodes, given, kept }: Stage): Promise<void> {
    const table = this.#tables.get(name) as OpenTable;
    const able = this.#able({ nodes, given, kept });
    if (able.kept.length === 0) return;
    for (const plan of this.#passes(able, table)) await this.#stageColumns(table, plan);
  }

  async #stageColumns(table: OpenTable, plan: Plan): Promise<void> {
    const path = this.#nextPath();
    const columns: ParquetColumn[] = [{ name: "t", type: "BIGINT", nullable: false }, ...plan.kept.map(columnOf)];
    const writer = await GroupWriter.create(path, columns);
    try {
      const layout = this.#layoutOf(this.#allRows(table), this.#rowsOfGroup(plan), 0);
      const part = writer.part();
      await this.#compute(table, plan, layout, async (number, _, rows, answer) => {
        await part.add(number, [ticksChunk(rows.ticks), ...answer.chunks]);
      });
      await writer.finish(new Set(), {});
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    const file = { path, numbered: false };
    for (const { id } of plan.kept) this.#staged.set(id, file);
    this.#times.set(table.columns.name, file);
  }

  async #cross(crossings: readonly Crossing[]): Promise<void> {
    const able = crossings.filter(({ node, input }) => {
      const cause = this.#failures.get(input.id);
      if (cause !== undefined) this.#failures.set(node.id, cause);
      return cause === undefined;
    });
    const groups = new Map<string, Crossing[]>();
    for (const one of able) {
      const to = one.node.op === "latest" ? String(one.node.params["to"]) : "";
      const key = JSON.stringify([one.table, to]);
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    for (const group of groups.values()) {
      const [{ table: name, node }] = group as [Crossing];
      const from = this.#tables.get(name) as OpenTable;
      const path = this.#nextPath();
      let numbered = false;
      if (node.op === "latest") {
        const to = this.#tables.get(String(node.params["to"])) as OpenTable;
        const unknown = symbolUnknown(to.columns.name, to.hasSymbols, name, this.#symbolsOf(from).length);
        if (unknown !== undefined) {
          for (const { node: made } of group) this.#failures.set(made.id, unknown);
          continue;
        }
        await latestRows(this.options.session, this.#side(from), this.#side(to), group, this.#staged, path);
      } else {
        const symbols = this.#allRows(from);
        const work = {
          session: this.options.session,
          table: from,
          symbols,
          crossings: group,
          staged: this.#staged,
          path,
        };
        const most = columnsHeld(symbols, this.options.memory / 2);
        numbered = most === 0;
        if (most > 0) await crossHeld(work, most);
        else {
          const inputs = new Set(group.map(({ input }) => input));
          const bare = [...inputs].filter(({ id }) => !this.#staged.has(id));
          if (bare.length > 0) await this.#stageColumns(from, { nodes: bare, given: bare, kept: bare });
          await crossSorted(work, await this.#timesOf(from));
        }
      }
      for (const { node: made } of group) this.#staged.set(made.id, { path, numbered });
    }
  }

  /** A staged file with the times of all rows of a table, in its order: any that has been staged, else one of nothing else. */
  async #timesOf(table: OpenTable): Promise<StagedFile> {
    const name = table.columns.name;
    if (!this.#times.has(name)) await this.#stageColumns(table, { nodes: [], given: [], kept: [] });
    return this.#times.get(name) as StagedFile;
  }

  #side(table: OpenTable) {
    return { table, symbols: this.#allRows(table) };
  }

  async #writeClock(path: string, whole: Plan, nodes: readonly (IrNode | undefined)[]): Promise<WrittenFeatures> {
    const { compiled, onProgress } = this.options;
    const clock = this.#clock;
    const able = this.#able(whole);
    const passes = this.#passes(able, clock);
    const symbols = clock.hasSymbols ? [{ name: SYMBOL, type: "text", nullable: false } as const] : [];
    const time = { name: EVENT_TIME, type: `instant_${clock.resolution}`, nullable: false } as const;
    const own = compiled.features.map(({ name }, place) => ({ ...columnOf(nodes[place]), name }));
    const shift = symbols.length + 1;
    const writer = await GroupWriter.create(path, [...symbols, time, ...own]);
    try {
      // One for all passes: their columns lie side by side.
      const layout = this.#layoutOf(
        this.#symbolsOf(clock),
        Math.min(...passes.map((pass) => this.#rowsOfGroup(pass))),
        this.options.hasStart ? extentOf(able) : Number.POSITIVE_INFINITY,
      );
      let done = 0;
      for (const [index, pass] of passes.entries()) {
        const places = new Map(pass.kept.map(({ id }, place) => [id, place]));
        const made = nodes.flatMap((node, place) => (places.has(node?.id ?? "") ? [place] : []));
        const leading = index === 0 ? [...symbols, time].map((_, place) => place) : [];
        const part = writer.part([...leading, ...made.map((place) => place + shift)]);
        await this.#compute(clock, pass, layout, async (number, group, rows, answer) => {
          const first = [
            ...(clock.hasSymbols ? [this.#symbolsChunk(group)] : []),
            ticksChunk(keptTicks(group, rows.ticks)),
          ];
          const chunks = made.map((place) => answer.chunks[places.get(nodes[place]?.id ?? "") ?? -1]);
          await part.add(number, [...(index === 0 ? first : []), ...chunks]);
          done += group.keptRows;
          onProgress?.(Math.floor(done / passes.length), layout.keptRows);
        });
      }
      const problems = problemsOfRun(compiled.features, nodes, this.#failures);
      const told = compiled.features.map(({ name }, place) => withProblem({ name }, problems[place]));
      if (this.options.strict) refuseFailed(told);
      const failed = problems.flatMap((problem, place) => (problem === undefined ? [] : [place + shift]));
      const nulls = await writer.finish(new Set(failed), {});
      const rows = layout.keptRows;
      const features = told.map((feature, place) => {
        const status = feature.problem === undefined ? ("success" as const) : ("error" as const);
        return { ...feature, rows, nulls: nulls[place + shift] ?? 0, status };
      });
      const written = this.#symbolsOf(clock).filter((one) => one.rows > one.before);
      return { rows, symbols: written.flatMap(({ symbol }) => symbol ?? []), features };
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  #symbolsChunk({ segments }: Group): ParquetChunk {
    const symbols = this.#symbolsOf(this.#clock);
    return textRunsChunk(
      segments
        .filter(({ rows, warmUp }) => rows > warmUp)
        .map(({ symbol, rows, warmUp }) => ({ text: symbols[symbol]?.symbol ?? "", rows: rows - warmUp })),
    );
  }

  /** What fails is remembered. */
  #compute(table: OpenTable, plan: Plan, layout: Layout, take: TakeGroup): Promise<void> {
    const { session, signal, backend, memory, threads } = this.options;
    const request = {
      session,
      table,
      staged: this.#staged,
      plan,
      layout,
      backend,
      threads,
      memory: memory / 2,
      signal,
    };
    return computeGroups(request, (number, group, rows, answer) => {
      for (const [id, cause] of answer.failures) this.#failures.set(id, cause);
      return take(number, group, rows, answer);
    });
  }

  #layoutOf(symbols: readonly SymbolCount[], most: number, extent: number): Layout {
    return layoutOf(symbols, { most, extent, whole: this.options.backend === "polars" });
  }

  #rowsOfGroup(plan: Plan): number {
    const budget = this.options.memory / 8 / this.options.threads;
    return Math.max(LEAST_ROWS, Math.min(MOST_ROWS, Math.floor(budget / bytesOfRow(plan))));
  }

  #passes(plan: Plan, table: OpenTable): readonly Plan[] {
    const most = Math.max(0, ...this.#symbolsOf(table).map(({ rows }) => rows));
    return passesOf(plan, most, this.options.memory / 4 / this.options.threads);
  }

  /** Without what has failed, and what is made of it. */
  #able({ nodes, given, kept }: Plan): Plan {
    const brought = new Set(given);
    const able = nodes.filter((node) => {
      const inputs = brought.has(node) ? [] : node.inputs;
      const cause = this.#failures.get(node.id) ?? inputs.map((id) => this.#failures.get(id)).find(Boolean);
      if (cause !== undefined) this.#failures.set(node.id, cause);
      return cause === undefined;
    });
    const isAble = ({ id }: IrNode): boolean => !this.#failures.has(id);
    return reaching({ nodes: able, given: given.filter(isAble), kept }, kept.filter(isAble));
  }

  #nextPath(): string {
    this.#files += 1;
    return join(this.options.staging, `${this.#files}.parquet`);
  }
}

function withProblem<Told extends object>(
  told: Told,
  problem: Problem | undefined,
): Told & { readonly problem?: Problem } {
  return problem === undefined ? told : { ...told, problem };
}

function columnOf(node: IrNode | undefined): ParquetColumn {
  return { name: node?.id ?? "", type: node?.output === "Boolean" ? "BOOLEAN" : "DOUBLE", nullable: true };
}
