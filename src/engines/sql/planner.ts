import { createHash } from "node:crypto";
import type { DType } from "../../columnar/dtypes.js";
import type { ArrowUdfTransform } from "../../operators/arrow-udf-transform.js";
import type { Filter } from "../../operators/filter.js";
import type { Column, ColumnName, KeyPair, RelationName } from "../../operators/operator.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Project } from "../../operators/project.js";
import type { Scan } from "../../operators/scan.js";
import type { Check } from "./culprit.js";
import type { Answers, KernelPlan, PlanStep, PolarsPlan, TablePlan } from "./plan.js";
import { identifier } from "./text.js";

/** A column of the rows: stored in the current row table, or computed from stored ones and joined tables. */
export interface RowColumn {
  /** Over `o` (the row table) and the aliases of `joins`. */
  readonly sql: string;
  readonly dtype: DType;
  readonly joins: readonly string[];
  /** Kernel functions whose answers it reads, as `o."@<name>"`. */
  readonly kernels?: readonly string[];
}

/** A table with one row per key id (0: the rows without a key), so that an inner join keeps every row. */
export interface KeyedTable {
  readonly alias: string;
  readonly table: string;
  /** SQL over the rows `o`. */
  readonly key: string;
  /** Its values are lists of history: joined where the rows are written, never before. */
  readonly wide?: boolean;
}

/** A relation beside the rows: a history or a view, as a FROM item, with its columns' dtypes. */
export interface SideRelation {
  readonly sql: string;
  readonly columns: ReadonlyMap<ColumnName, DType>;
  /** The scan whose rows it has. */
  readonly scan: Scan;
  /** The operators that whoever reads it runs: nothing of it is a table. */
  readonly composed: readonly string[];
}

type KeyIds = ReadonlyMap<string, { readonly table: string; readonly column: string }>;

/**
 * The state in which the cells of a day's operators meet. The rows of the target day are one narrow table `o`: spine
 * columns, a small key id per set of join keys, and the integers (window bounds) or values that probes into sorted
 * histories found. Wide values (lists, views' columns) are joined by key id where the rows are written, never before.
 */
export class Planner {
  readonly pipeline: Pipeline;
  readonly scans: Scan[] = [];
  readonly steps: PlanStep[] = [];
  readonly sides = new Map<RelationName, SideRelation>();
  readonly layers: (Project | Filter | ArrowUdfTransform)[] = [];
  /** Of expressions over relations beside the rows. */
  readonly checks: Check[] = [];
  /** Outputs of scans that are read once for all days of a run. */
  readonly ofRun = new Set<RelationName>();
  keysAnticipated = false;
  /** The operator whose cell is being composed. */
  working = "";
  /** The table that the rows began as. */
  target = "";
  #rows = "";
  #main: RelationName = "";
  readonly #columns = new Map<ColumnName, RowColumn>();
  /** The operator that computes a column. */
  readonly #makers = new Map<ColumnName, string>();
  readonly #joined = new Map<string, KeyedTable>();
  #keys: KeyIds = new Map();
  readonly #probes: {
    readonly operator: string;
    readonly join: string;
    readonly columns: { readonly name: ColumnName; readonly sql: string }[];
  }[] = [];
  #numbered = false;
  #count = 0;

  constructor(pipeline: Pipeline) {
    this.pipeline = pipeline;
  }

  /** The rows' table as it stands, probes included. */
  get rows(): string {
    this.#flush();
    return this.#rows;
  }

  /** A fresh name for a table or alias. */
  name(prefix: string): string {
    this.#count += 1;
    return `${prefix}_${this.#count}`;
  }

  /** A table of the day. */
  table(
    plan: Omit<TablePlan, "kind" | "keep" | "drops" | "composes"> & Partial<Pick<TablePlan, "drops" | "composes">>,
  ): string {
    const composes = others(plan.composes ?? [], plan.operator);
    this.steps.push({ kind: "table", keep: "day", drops: [], ...plan, composes });
    return plan.name;
  }

  /** A table that does not depend on the day; its name says its content, so that two who need the same share it. */
  runTable(prefix: string, operator: string, sql: string, composes: readonly string[]): string {
    const name = identifier(`${prefix}_${createHash("sha256").update(sql).digest("hex").slice(0, 12)}`);
    this.#shared({ kind: "table", name, operator, sql, composes: others(composes, operator), keep: "run", drops: [] });
    return name;
  }

  /** A kernel's function; its name says its content, since a session never forgets a function. */
  kernel({ composes, ...plan }: Omit<KernelPlan, "kind" | "name">): string {
    const content = JSON.stringify(plan, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
    const name = `kernel_${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
    this.#shared({ kind: "kernel", name, ...plan, composes: others(composes, plan.operator) });
    return name;
  }

  /** A table that Polars makes of the rows, a row for each of their numbers. */
  polars({ composes, ...plan }: Omit<PolarsPlan, "kind" | "name">): string {
    const name = this.name("windows");
    this.steps.push({ kind: "polars", name, ...plan, composes: others(composes, plan.operator) });
    return name;
  }

  /** A step that several operators may need; it is done once, by the first. */
  #shared(step: PlanStep): void {
    const place = this.steps.findIndex((known) => known.name === step.name);
    const known = this.steps[place];
    if (known === undefined) this.steps.push(step);
    else {
      const composes = others([...known.composes, step.operator, ...step.composes], known.operator);
      this.steps[place] = { ...known, composes };
    }
  }

  /** `FROM` item of the rows with the answers of the kernels: they are called, or have answered before. */
  withKernels(from: string, names: Iterable<string>, answers?: Answers): string {
    const columns: string[] = [];
    const joins: string[] = [];
    for (const name of new Set(names)) {
      const plan = this.steps.find((step) => step.name === name);
      if (plan?.kind !== "kernel") throw new RangeError(`no kernel function "${name}"`);
      const answered = answers?.of.get(name);
      let value = `${name}(${plan.arguments.join(", ")})`;
      if (answers !== undefined && answered !== undefined) {
        const alias = `a${joins.length}`;
        joins.push(` JOIN ${answered} ${alias} ON ${answers.row} = ${alias}."@row"`);
        value = `${alias}."@answer"`;
      }
      columns.push(`, ${value} AS ${identifier(`@${name}`)}`);
    }
    return columns.length === 0 ? from : `(SELECT o.*${columns.join("")} FROM ${from} o${joins.join("")})`;
  }

  /** The values of a kernel's answers are lists of history, or one row's: those are settled before the rows are ordered. */
  isWide(kernel: string): boolean {
    return this.steps.some((step) => step.name === kernel && step.kind === "kernel" && step.wide);
  }

  keyed(alias: string): KeyedTable {
    const keyed = this.#joined.get(alias);
    if (!keyed) throw new RangeError(`no joined table "${alias}"`);
    return keyed;
  }

  /** The rows with one more stored column, by a LEFT JOIN that finds at most one row of a table. */
  storeFound(
    name: ColumnName,
    dtype: DType,
    found: { readonly table: string; readonly on: string; readonly sql: string },
    operator: string,
  ): void {
    const before = this.rows;
    this.#rows = this.table({
      name: this.name("rows"),
      operator,
      sql: `SELECT o.*, ${found.sql} AS ${identifier(name)} FROM ${before} o LEFT JOIN ${found.table} ON ${found.on}`,
      drops: [before],
    });
    this.#columns.set(name, { sql: `o.${identifier(name)}`, dtype, joins: [] });
  }

  isMain(relation: RelationName): boolean {
    return relation === this.#main;
  }

  side(relation: RelationName): SideRelation {
    const side = this.sides.get(relation);
    if (!side) throw new RangeError(`"${relation}" is not a relation beside the rows`);
    return side;
  }

  /** The rows come from here on. */
  startRows(relation: RelationName, table: string, columns: readonly Column[]): void {
    this.#main = relation;
    this.#rows = table;
    this.target = table;
    for (const column of columns)
      this.#columns.set(column.name, { sql: `o.${identifier(column.name)}`, dtype: column.dtype, joins: [] });
  }

  /** The operator's output is the rows again, under its name. */
  continueRows(relation: RelationName): void {
    this.#main = relation;
  }

  /** The rows are another table of the same columns (a filter's). */
  replaceRows(table: string): void {
    this.#rows = table;
  }

  column(name: ColumnName): RowColumn {
    const column = this.#columns.get(name);
    if (!column) throw new RangeError(`the rows have no column "${name}"`);
    return column;
  }

  has(name: ColumnName): boolean {
    return this.#columns.has(name);
  }

  define(name: ColumnName, column: RowColumn): void {
    this.#columns.set(name, column);
    this.#makers.set(name, this.working);
  }

  /** The operators that compute these columns where they are read; stored ones need nobody. */
  makersOf(names: readonly ColumnName[]): readonly string[] {
    return names.filter((name) => !this.isStored(name)).flatMap((name) => this.#makers.get(name) ?? []);
  }

  /** An ASOF join of the rows `o`, to be made with others; what it finds is added by `addProbed`. */
  addProbeJoin(sql: string): void {
    this.#probes.push({ operator: this.working, join: sql, columns: [] });
  }

  /** A stored column that the last probe finds. */
  addProbed(name: ColumnName, sql: string, dtype: DType): void {
    const probe = this.#probes.at(-1);
    if (!probe) throw new RangeError(`no probe finds "${name}"`);
    probe.columns.push({ name, sql });
    this.#columns.set(name, { sql: `o.${identifier(name)}`, dtype, joins: [] });
  }

  joinKeyed(table: KeyedTable): void {
    this.#joined.set(table.alias, table);
  }

  /** `JOIN …` for the aliases, inner: every row finds exactly one row of each. */
  joinsOf(aliases: Iterable<string>): string {
    return [...new Set(aliases)]
      .map((alias) => {
        const keyed = this.keyed(alias);
        return ` JOIN ${keyed.table} ${alias} ON ${keyed.key} = ${alias}.kid`;
      })
      .join("");
  }

  /** Kernel answers are read, not stored. */
  #withoutAnswers(columns: readonly { readonly column: RowColumn }[]): string {
    const names = new Set(columns.flatMap(({ column }) => column.kernels ?? []));
    return names.size === 0 ? "" : ` EXCLUDE (${[...names].map((name) => identifier(`@${name}`)).join(", ")})`;
  }

  isStored(name: ColumnName): boolean {
    return this.column(name).sql === `o.${identifier(name)}`;
  }

  /** Makes the columns stored ones, so that they can be keys or probes. */
  store(names: readonly ColumnName[], operator: string): void {
    const computed = names.filter((name) => !this.isStored(name));
    if (computed.length === 0) return;
    const before = this.rows;
    const columns = computed.map((name) => ({ name, column: this.column(name) }));
    const kernels = columns.flatMap(({ column }) => column.kernels ?? []);
    const values = columns.map(({ name, column }) => `${column.sql} AS ${identifier(name)}`).join(", ");
    const joins = this.joinsOf(columns.flatMap(({ column }) => column.joins));
    const sql = (answers?: Answers): string =>
      `SELECT o.*${this.#withoutAnswers(columns)}, ${values} FROM ${this.withKernels(before, kernels, answers)} o${joins}`;
    this.#rows = this.table({
      name: this.name("rows"),
      operator,
      composes: this.makersOf(computed),
      sql: sql(),
      drops: [before],
      ...(kernels.length === 0 ? {} : { asks: { rows: before, kernels, sql } }),
    });
    for (const { name, column } of columns)
      this.define(name, { sql: `o.${identifier(name)}`, dtype: column.dtype, joins: [] });
  }

  /**
   * The key ids of several sets of the rows' columns at once; sets that exist are not made again. `users`: the operators
   * that need them.
   */
  makeKeys(sets: readonly (readonly ColumnName[])[], operator: string, users: readonly string[]): void {
    const fresh = new Map(sets.filter((set) => !this.#keys.has(keyOf(set))).map((set) => [keyOf(set), set] as const));
    if (fresh.size === 0) return;
    this.store([...fresh.values()].flat(), operator);
    const before = this.rows;
    const made = new Map(this.#keys);
    const joins: string[] = [];
    const columns: string[] = this.#numbered ? [] : ['row_number() OVER () AS "@row"'];
    this.#numbered = true;
    for (const [key, set] of fresh) {
      const table = this.name("keys");
      const names = set.map(identifier);
      const present = names.map((name) => `${name} IS NOT NULL`).join(" AND ");
      this.table({
        name: table,
        operator,
        composes: users,
        sql: `SELECT row_number() OVER () AS kid, * FROM (SELECT DISTINCT ${names.join(", ")} FROM ${before} WHERE ${present})`,
      });
      const column = `kid:${table}`;
      joins.push(` LEFT JOIN ${table} ON ${names.map((name) => `o.${name} = ${table}.${name}`).join(" AND ")}`);
      columns.push(`coalesce(${table}.kid, 0) AS ${identifier(column)}`);
      made.set(key, { table, column });
    }
    this.#rows = this.table({
      name: this.name("rows"),
      operator,
      composes: users,
      sql: `SELECT o.*, ${columns.join(", ")} FROM ${before} o${joins.join("")}`,
      drops: [before],
    });
    this.#keys = made;
  }

  keys(on: readonly KeyPair[], operator: string): { readonly table: string; readonly column: string } {
    const set = on.map((pair) => pair.left);
    this.makeKeys([set], operator, [operator]);
    const keys = this.#keys.get(keyOf(set));
    if (!keys) throw new RangeError(`no key ids of ${keyOf(set)}`);
    return keys;
  }

  #flush(): void {
    if (this.#probes.length === 0) return;
    const probes = this.#probes.splice(0);
    const before = this.#rows;
    const found: string[] = [];
    const joins: string[] = [];
    for (let first = 0; first < probes.length; first += PROBES_TOGETHER) {
      const together = probes.slice(first, first + PROBES_TOGETHER);
      const alias = this.name("found");
      const columns = together.flatMap((probe) => probe.columns);
      const selected = columns.map(({ name, sql }) => `${sql} AS ${identifier(name)}`).join(", ");
      const asof = together.map((probe) => probe.join).join("");
      joins.push(` JOIN (SELECT o."@row", ${selected} FROM ${before} o${asof}) ${alias} ON o."@row" = ${alias}."@row"`);
      found.push(...columns.map(({ name }) => `${alias}.${identifier(name)}`));
    }
    this.#rows = this.table({
      name: this.name("rows"),
      // The last that probes; the others' probes waited for it.
      operator: probes.at(-1)?.operator ?? this.#main,
      composes: probes.map((probe) => probe.operator),
      sql: `SELECT o.*, ${found.join(", ")} FROM ${before} o${joins.join("")}`,
      drops: [before],
    });
  }
}

/**
 * Probes that share a pass over the rows. Each sorts all columns that it carries, so probes carry only keys and instants,
 * and a few of each other's answers; the rest of the row is joined back by number.
 */
const PROBES_TOGETHER = 2;

function others(operators: readonly string[], own: string): readonly string[] {
  return [...new Set(operators)].filter((operator) => operator !== own);
}

function keyOf(set: readonly ColumnName[]): string {
  return JSON.stringify(set);
}

/** `l.a = r.b AND …` over the right side's alias and the key table's. */
export function onKeys(on: readonly KeyPair[], left: string, right: string): string {
  return on.map((pair) => `${left}.${identifier(pair.left)} = ${right}.${identifier(pair.right)}`).join(" AND ");
}
