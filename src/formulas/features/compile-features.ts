import type { FeatureSpec } from "../../definitions/feature-run.js";
import type { FeatureType } from "../../definitions/feature-type.js";
import { formulaProblem } from "../../errors/formula.js";
import { nearest } from "../../errors/nearest.js";
import { DaedalusError, type Problem } from "../../errors/problem.js";
import { type ColumnName, type Formula, foldFormula } from "../grammar/ast.js";
import { FormulaError, placedIn } from "../grammar/formula-error.js";
import { buildFormula } from "../ir/build-formula.js";
import { Graph, type IrNode } from "../ir/node.js";
import { Aliases } from "./aliases.js";
import { FeatureError, type FeatureFormula, formulaOf } from "./feature-formula.js";
import { EVENT_TIME, SYMBOL, type TableColumns } from "./tables.js";

/** A feature of a run: the node that has its values, or why it has none. */
export interface CompiledFeature {
  readonly name: string;
  /** The table on whose rows it is computed. */
  readonly table: string;
  readonly node?: IrNode;
  /** Features that its formula names. */
  readonly takes?: readonly string[];
  readonly problem?: Problem;
}

/**
 * What is wrong with each feature after a run: what was wrong before, or that its node failed. `nodes`: of the features, on the
 * rows of the clock; `failures`: causes by the ids of nodes.
 */
export function problemsOfRun(
  features: readonly CompiledFeature[],
  nodes: readonly (IrNode | undefined)[],
  failures: ReadonlyMap<string, string>,
): readonly (Problem | undefined)[] {
  const causes = features.map((_, place) => failures.get(nodes[place]?.id ?? ""));
  const failed = new Set(features.flatMap(({ name }, place) => (causes[place] === undefined ? [] : name)));
  return features.map(({ problem, takes = [] }, place) => {
    const cause = causes[place];
    if (problem !== undefined || cause === undefined) return problem;
    const taken = takes.find((name) => failed.has(name));
    return taken === undefined
      ? formulaProblem("failed", { cause })
      : formulaProblem("depends-on-failed", { name: taken });
  });
}

export interface CompiledFeatures {
  readonly graph: Graph;
  /** In the order of the specs. */
  readonly features: readonly CompiledFeature[];
}

export interface FeatureRequest {
  readonly specs: readonly FeatureSpec[];
  readonly types: ReadonlyMap<string, FeatureType>;
  /** The first one's rows are the run's. */
  readonly tables: readonly TableColumns[];
  readonly aliases?: Readonly<Record<string, string>>;
}

/**
 * One graph for all features. What is wrong with one is told with it, and with what is made of it; the others are whole. Throws
 * DaedalusError (exit code 2) where two features have one name, or there is no table.
 */
export function compileFeatures(request: FeatureRequest): CompiledFeatures {
  checkNames(request);
  return new Compilation(request).compile();
}

function checkNames({ specs, tables }: FeatureRequest): void {
  const problems: Problem[] = [];
  if (tables.length === 0) problems.push(formulaProblem("no-table", {}));
  const seen = new Set<string>();
  for (const { name } of specs) {
    if (seen.has(name)) problems.push(formulaProblem("doubled-feature", { name }));
    if (name === SYMBOL || name === EVENT_TIME) problems.push(formulaProblem("reserved-feature", { name }));
    seen.add(name);
  }
  if (problems.length > 0) throw new DaedalusError(problems, 2);
}

const LIKE_COLUMN = "formula/feature-like-column";

class Compilation {
  readonly #graph = new Graph();
  readonly #aliases: Aliases;
  readonly #tables: ReadonlyMap<string, TableColumns>;
  readonly #specs: ReadonlyMap<string, FeatureSpec>;
  readonly #done = new Map<string, CompiledFeature>();
  /** Features that the formula names which is being built. */
  readonly #placedNodes = new Map<string, IrNode>();
  readonly #free = new Map<string, boolean>();
  readonly #taken = new Set<string>();

  constructor(private readonly request: FeatureRequest) {
    this.#aliases = new Aliases(request.aliases);
    this.#tables = new Map(request.tables.map((table) => [table.name, table]));
    this.#specs = new Map(request.specs.map((spec) => [spec.name, spec]));
  }

  compile(): CompiledFeatures {
    const formulas = new Map<string, FeatureFormula>();
    for (const spec of this.request.specs)
      this.#guarded(spec, () => {
        this.#checkPlace(spec);
        formulas.set(spec.name, formulaOf(spec, this.request.types));
      });
    for (const name of this.#inOrder(formulas)) {
      const [spec, formula] = [this.#specs.get(name) as FeatureSpec, formulas.get(name) as FeatureFormula];
      this.#taken.clear();
      this.#guarded(spec, () => {
        const node = this.#nodeOf(spec, formula);
        this.#settle(spec, { node, takes: [...this.#taken] });
      });
    }
    const features = this.request.specs.map(({ name }) => this.#done.get(name) as CompiledFeature);
    return { graph: this.#graph, features };
  }

  /** Runs what may be mistaken; a mistake is the feature's. */
  #guarded(spec: FeatureSpec, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof FeatureError)) throw error;
      this.#settle(spec, { problem: error.problem });
    }
  }

  #settle(spec: FeatureSpec, outcome: Pick<CompiledFeature, "node" | "takes" | "problem">): void {
    this.#done.set(spec.name, Object.freeze({ name: spec.name, table: this.#tableOf(spec), ...outcome }));
  }

  #tableOf({ table }: FeatureSpec): string {
    return table ?? this.request.tables[0]?.name ?? "";
  }

  #checkPlace(spec: FeatureSpec): void {
    const table = this.#tables.get(this.#tableOf(spec));
    if (table === undefined) {
      const name = this.#tableOf(spec);
      throw new FeatureError(formulaProblem("unknown-table", { name, nearest: nearest(name, this.#tables.keys()) }));
    }
    if (table.columns.has(spec.name))
      throw new FeatureError(formulaProblem("feature-like-column", { name: spec.name, table: table.name }));
  }

  /** Kahn's order: features after those that they take; members of cycles are settled as mistaken. */
  #inOrder(formulas: ReadonlyMap<string, FeatureFormula>): readonly string[] {
    const takes = new Map([...formulas].map(([name, formula]) => [name, featuresIn(formula, this.#specs)]));
    const order: string[] = [];
    const waiting = new Set(formulas.keys());
    for (let moved = true; moved; ) {
      moved = false;
      for (const name of waiting) {
        // One that could not be read is waited for by nobody: it is told when it is taken.
        if ([...(takes.get(name) ?? [])].some((other) => waiting.has(other))) continue;
        waiting.delete(name);
        order.push(name);
        moved = true;
      }
    }
    const circling = new Set(waiting);
    for (const name of circling) {
      if (!waiting.has(name)) continue;
      const members = cycleFrom(name, takes, circling);
      for (const [place, member] of members.entries()) {
        if (!waiting.delete(member)) continue;
        const problem = formulaProblem("cycle", { members: [...members.slice(place), ...members.slice(0, place)] });
        this.#settle(this.#specs.get(member) as FeatureSpec, { problem });
      }
    }
    // What only takes from a cycle is told so.
    for (const name of waiting) order.push(name);
    return order;
  }

  #nodeOf(spec: FeatureSpec, { parts, parameters, inputs, required }: FeatureFormula): IrNode {
    const table = this.#tables.get(this.#tableOf(spec)) as TableColumns;
    const earlier = new Map<string, IrNode>();
    let last: IrNode | undefined;
    for (const { name, text, tree } of parts) {
      try {
        const known = [...earlier.keys(), ...parameters.keys()];
        last = buildFormula(this.#graph, tree, {
          parameters,
          resolve: (column) => {
            const step = column.table === undefined ? earlier.get(column.name) : undefined;
            if (step !== undefined) return step;
            const bound = column.table === undefined ? inputs.get(column.name) : undefined;
            try {
              return this.#resolve(bound === undefined ? column : { ...bound, span: column.span }, table, known);
            } catch (error) {
              if (error instanceof FormulaError && required.has(column.name)) throw ofInput(spec, column.name, error);
              throw error;
            }
          },
          isKnown: (one) => this.#specs.has(one) || table.columns.has(one),
        });
      } catch (error) {
        if (error instanceof FormulaError) throw new FeatureError(placedIn(text, error));
        throw error;
      }
      if (name !== undefined) earlier.set(name, last);
    }
    if (last === undefined) throw new FeatureError(formulaProblem("empty", {}));
    return this.#tables.size > 1 ? this.#placed(last, table.name) : last;
  }

  /**
   * The node, whose parts that are made of no column say on whose rows they are: `cumsum(1)` of one table is not that of another. A
   * constant beside columns is wherever these are.
   */
  #placed(node: IrNode, table: string): IrNode {
    if (node.primitive === "SOURCE" || node.op === "latest") return node;
    const key = JSON.stringify([table, node.id]);
    const known = this.#placedNodes.get(key);
    if (known !== undefined) return known;
    const inputs = node.inputs.map((id) => this.#graph.node(id));
    const isFree = inputs.every((input) => this.#isFree(input));
    const own = inputs.map((input) => (isFree || input.op !== "constant" ? this.#placed(input, table) : input));
    const params = node.op === "constant" ? { ...node.params, table } : node.params;
    const made = this.#graph.add(node.primitive, node.op, params, own, node.output);
    this.#placedNodes.set(key, made);
    this.#placedNodes.set(JSON.stringify([table, made.id]), made);
    return made;
  }

  /** Whether it is made of no column. */
  #isFree({ id, primitive, inputs }: IrNode): boolean {
    const known = this.#free.get(id);
    if (known !== undefined) return known;
    const isFree = primitive !== "SOURCE" && inputs.every((input) => this.#isFree(this.#graph.node(input)));
    this.#free.set(id, isFree);
    return isFree;
  }

  /** `names`: of earlier steps and parameters, to tell what is near. */
  #resolve(column: ColumnName, table: TableColumns, names: readonly string[]): IrNode {
    if (column.table !== undefined) return this.#columnOf(column.table, column, table);
    const feature = this.#specs.get(column.name);
    // A feature that is refused for its name takes the column of that name from nobody.
    const isColumn = this.#done.get(column.name)?.problem?.code === LIKE_COLUMN && table.columns.has(column.name);
    if (feature !== undefined && !isColumn) return this.#featureNode(feature, column, table);
    const columns = this.#aliases.columnsFor(column.name, (name) => table.columns.has(name));
    if (columns.length > 1)
      throw new FormulaError(formulaProblem("ambiguous-name", { name: column.name, columns }), column.span);
    const [found] = columns;
    if (found !== undefined) return this.#source(table, found, column);
    const known = [...names, ...this.#specs.keys(), ...table.columns.keys()];
    throw new FormulaError(
      formulaProblem("unknown-name", {
        name: column.name,
        nearest: nearest(column.name, [...known, "True", "False", "None"]),
        known: `table "${table.name}" has the columns ${[...table.columns.keys()].join(", ")}`,
      }),
      column.span,
    );
  }

  #featureNode(feature: FeatureSpec, { span }: ColumnName, table: TableColumns): IrNode {
    const { node, table: own } = this.#done.get(feature.name) ?? {};
    if (node === undefined || own === undefined)
      throw new FormulaError(formulaProblem("depends-on-failed", { name: feature.name }), span);
    this.#taken.add(feature.name);
    return own === table.name ? node : this.#latest(node, own, table);
  }

  #columnOf(name: string, column: ColumnName, table: TableColumns): IrNode {
    const other = this.#tables.get(name);
    if (other === undefined)
      throw new FormulaError(
        formulaProblem("unknown-table", { name, nearest: nearest(name, this.#tables.keys()) }),
        column.span,
      );
    const columns = this.#aliases.columnsFor(column.name, (one) => other.columns.has(one));
    if (columns.length > 1)
      throw new FormulaError(formulaProblem("ambiguous-name", { name: column.name, columns }), column.span);
    const [found] = columns;
    if (found === undefined) {
      const suggestion = nearest(column.name, other.columns.keys());
      throw new FormulaError(
        formulaProblem("unknown-column", { table: name, name: column.name, nearest: suggestion }),
        column.span,
      );
    }
    const source = this.#source(other, found, column);
    return other === table ? source : this.#latest(source, name, table);
  }

  #source(table: TableColumns, name: string, { span }: ColumnName): IrNode {
    const type = table.columns.get(name);
    if (type === undefined || typeof type === "object")
      throw new FormulaError(formulaProblem("wrong-column", { name, type: type?.refused ?? "missing" }), span);
    return this.#graph.add("SOURCE", "column", { table: table.name, column: name }, [], type);
  }

  /** The value of the other table's last row of the symbol before each row's time. */
  #latest(node: IrNode, from: string, { name: to }: TableColumns): IrNode {
    return this.#graph.add("EVENT", "latest", { from, to }, [node], node.output);
  }
}

/** The features that a formula names. */
function featuresIn(
  { parts, parameters, inputs }: FeatureFormula,
  specs: ReadonlyMap<string, FeatureSpec>,
): ReadonlySet<string> {
  const found = new Set<string>();
  const earlier = new Set<string>();
  const look = (column: ColumnName): void => {
    if (column.table === undefined && specs.has(column.name)) found.add(column.name);
  };
  for (const { name, tree } of parts) {
    foldFormula<void>(tree, (node: Formula) => {
      if (node.kind !== "column" || (node.table === undefined && (parameters.has(node.name) || earlier.has(node.name))))
        return;
      look((node.table === undefined ? inputs.get(node.name) : undefined) ?? node);
    });
    if (name !== undefined) earlier.add(name);
  }
  return found;
}

/** The shortest way from a feature along what it takes back to itself; empty if there is none. */
function cycleFrom(
  name: string,
  takes: ReadonlyMap<string, ReadonlySet<string>>,
  among: ReadonlySet<string>,
): readonly string[] {
  const cameFrom = new Map<string, string>();
  const reached = [name];
  for (const last of reached)
    for (const other of takes.get(last) ?? []) {
      if (other === name) {
        const way = [last];
        for (let at = cameFrom.get(last); at !== undefined; at = cameFrom.get(at)) way.push(at);
        return way.reverse();
      }
      if (!among.has(other) || cameFrom.has(other)) continue;
      cameFrom.set(other, last);
      reached.push(other);
    }
  return [];
}

/** A name that there is not is the mistake of who binds the input, or does not, not of the type's formula. */
function ofInput({ type, inputs }: FeatureSpec, name: string, error: FormulaError): FormulaError | FeatureError {
  const { code, says, help } = error.problem;
  if (!/\/(?:unknown|ambiguous)-/.test(code)) return error;
  const bound = inputs?.[name];
  if (bound !== undefined)
    return new FeatureError({ ...error.problem, says: `the input "${name}" is bound to "${bound}": ${says}` });
  const bind = `bind it to what it is called: inputs: {${name}: …}`;
  return new FeatureError({
    ...error.problem,
    says: `the type "${type}" takes "${name}": ${says}`,
    help: help === undefined ? bind : `${bind}; ${help}`,
  });
}
