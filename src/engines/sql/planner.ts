import { createHash } from "node:crypto";
import type { DType } from "../../columnar/dtypes.js";
import type { Filter } from "../../operators/filter.js";
import type { Column, ColumnName, KeyPair, RelationName } from "../../operators/operator.js";
import type { Pipeline } from "../../operators/pipeline.js";
import type { Project } from "../../operators/project.js";
import type { Scan } from "../../operators/scan.js";
import type { TablePlan } from "./plan.js";
import { identifier } from "./text.js";

/** A column of the rows: stored in the current row table, or computed from stored ones and joined tables. */
export interface RowColumn {
  /** Over `o` (the row table) and the aliases of `joins`. */
  readonly sql: string;
  readonly dtype: DType;
  readonly joins: readonly string[];
}

/** A table with one row per key id (0: the rows without a key), so that an inner join keeps every row. */
export interface KeyedTable {
  readonly alias: string;
  readonly table: string;
  readonly keyColumn: string;
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
  readonly tables: TablePlan[] = [];
  readonly sides = new Map<RelationName, SideRelation>();
  readonly layers: (Project | Filter)[] = [];
  /** Outputs of scans that must be read whole. */
  readonly unbounded = new Set<RelationName>();
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
  table(plan: Omit<TablePlan, "keep" | "drops" | "composes"> & Partial<Pick<TablePlan, "drops" | "composes">>): string {
    const composes = others(plan.composes ?? [], plan.operator);
    this.tables.push({ keep: "day", drops: [], ...plan, composes });
    return plan.name;
  }

  /** A table that does not depend on the day; its name says its content, so that two who need the same share it. */
  runTable(prefix: string, operator: string, sql: string, composes: readonly string[]): string {
    const name = identifier(`${prefix}_${createHash("sha256").update(sql).digest("hex").slice(0, 12)}`);
    const place = this.tables.findIndex((known) => known.name === name);
    const known = this.tables[place];
    if (known === undefined)
      this.tables.push({ name, operator, sql, composes: others(composes, operator), keep: "run", drops: [] });
    else
      this.tables[place] = {
        ...known,
        composes: others([...known.composes, operator, ...composes], known.operator),
      };
    return name;
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
    return names.filter((name) => !isStored(this.column(name))).flatMap((name) => this.#makers.get(name) ?? []);
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
        const keyed = this.#joined.get(alias);
        if (!keyed) throw new RangeError(`no joined table "${alias}"`);
        return ` JOIN ${keyed.table} ${alias} ON o.${identifier(keyed.keyColumn)} = ${alias}.kid`;
      })
      .join("");
  }

  /** Makes the columns stored ones, so that they can be keys or probes. */
  store(names: readonly ColumnName[], operator: string): void {
    const computed = names.filter((name) => !isStored(this.column(name)));
    if (computed.length === 0) return;
    const before = this.rows;
    const columns = computed.map((name) => ({ name, column: this.column(name) }));
    this.#rows = this.table({
      name: this.name("rows"),
      operator,
      composes: this.makersOf(computed),
      sql: `SELECT o.*, ${columns.map(({ name, column }) => `${column.sql} AS ${identifier(name)}`).join(", ")} FROM ${before} o${this.joinsOf(columns.flatMap(({ column }) => column.joins))}`,
      drops: [before],
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

/** Whether the row table has the column as it is. */
function isStored(column: RowColumn): boolean {
  return column.joins.length === 0 && column.sql.startsWith("o.");
}

function keyOf(set: readonly ColumnName[]): string {
  return JSON.stringify(set);
}

/** `l.a = r.b AND …` over the right side's alias and the key table's. */
export function onKeys(on: readonly KeyPair[], left: string, right: string): string {
  return on.map((pair) => `${left}.${identifier(pair.left)} = ${right}.${identifier(pair.right)}`).join(" AND ");
}
