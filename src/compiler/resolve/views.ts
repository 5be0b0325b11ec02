import { type DType, isInteger } from "../../columnar/dtypes.js";
import type { TimeUnit } from "../../columnar/instants.js";
import type { FeatureView } from "../../definitions/feature-view.js";
import type { Project } from "../../definitions/project.js";
import { compilerProblem } from "../../errors/compiler.js";
import { definitionProblem } from "../../errors/definition.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import { DaedalusError, type Problem } from "../../errors/problem.js";
import type { SourceColumn, SourceSchema } from "../../sources/source.js";
import type { CompilerPorts } from "../ports.js";
import { addressNotSupported } from "./addresses.js";
import { readsAs } from "./conversions.js";
import type { At, Reporter } from "./reporter.js";
import type { BoundColumn, BoundTime, BoundView } from "./resolved-service.js";

/** Views bound to their sources. A view's own mistakes are told when something needs the view, and once. */
export class ViewBook {
  readonly #project: Project;
  readonly #report: Reporter;
  readonly #schemas = new Map<string, SourceSchema | (() => void)>();
  readonly #bound = new Map<string, BoundView>();
  readonly #touched = new Set<string>();
  /** What was found of sources that something needs and that cannot be read at all: no mistake in the definitions. */
  readonly unreadable: Problem[] = [];

  private constructor(project: Project, report: Reporter) {
    this.#project = project;
    this.#report = report;
  }

  /** Asks the sources of these views for their schemas; those that cannot be read here are not opened. */
  static async open(
    project: Project,
    report: Reporter,
    ports: CompilerPorts,
    views: Iterable<string>,
  ): Promise<ViewBook> {
    const book = new ViewBook(project, report);
    for (const name of new Set(views)) {
      const view = project.views.get(name);
      if (view !== undefined) book.#schemas.set(name, await book.#schemaOf(view, ports));
    }
    return book;
  }

  async #schemaOf(view: FeatureView, ports: CompilerPorts): Promise<SourceSchema | (() => void)> {
    const { path, connection, databasePath } = view.source;
    if ((path ?? connection ?? databasePath) === undefined) return () => {}; // told by the reader of the definitions
    const refused = addressNotSupported(this.#project, view);
    if (refused !== undefined)
      return () =>
        this.#report.problem(
          (place) => compilerProblem("address-not-supported", { view: view.name, ...refused }, place),
          { definition: view.source, key: refused.key === "database_path" ? "databasePath" : refused.key },
        );
    try {
      return await ports.sources(view.name).schema();
    } catch (cause) {
      if (!(cause instanceof DaedalusError)) throw cause;
      if (cause.exitCode === 1) return () => this.unreadable.push(...cause.problems);
      return () => {
        for (const problem of cause.problems)
          this.#report.problem((place) => (problem.file === undefined ? { ...problem, ...place } : problem), {
            definition: view.source,
            key: keyOfProblem(view, problem.code),
          });
      };
    }
  }

  /** The view, with its mistakes told; undefined if the project has none of the name. */
  touch(name: string): BoundView | undefined {
    const view = this.#project.views.get(name);
    if (view === undefined) return undefined;
    const bound = this.bound(view, true);
    this.#touched.add(name);
    return bound;
  }

  /** Tells that no view has the name. */
  tellUnknown(name: string, at: At): void {
    const { views } = this.#project;
    const known = [...views.keys()];
    this.#report.problem(
      (place) => definitionProblem("unknown-view", { name, nearest: nearestName(name, known), known }, place),
      at,
      this.#project.mayLack(views),
    );
  }

  /** True if the view may lack the column (or exist at all) only because something of it was mistaken. */
  mayLack(name: string, column: string): boolean {
    const view = this.#project.views.get(name);
    if (view === undefined) return this.#project.mayLack(this.#project.views);
    const lacks = this.#project.mayLack.bind(this.#project);
    const { source, fields, fieldMapping } = view;
    return (
      ["fields", "fieldMapping", "source"].some((key) => lacks(view, key)) ||
      ["timestampField", "availableField"].some((key) => lacks(source, key)) ||
      lacks(fields, column) ||
      lacks(fieldMapping) ||
      this.mayLackKey(name)
    );
  }

  /** True if the view may lack a key column only because that was mistaken. */
  mayLackKey(name: string): boolean {
    const { views, base } = this.#project;
    const view = views.get(name);
    if (view === undefined) return false;
    const lacks = this.#project.mayLack.bind(this.#project);
    const inBase = lacks(base, "entities") || view.entity.some((one) => lacks(base.entities, one));
    return lacks(view, "entity") || lacks(view.entity) || inBase;
  }

  /** True if the view may lack a time only because that was mistaken. */
  mayLackTime(name: string): boolean {
    const view = this.#project.views.get(name);
    if (view === undefined) return false;
    return this.#project.mayLack(view, "source") || this.#project.mayLack(view.source, "timestampField");
  }

  /** True if it is not known in which unit the view's integers count, only because that was mistaken. */
  mayLackUnit(name: string): boolean {
    const view = this.#project.views.get(name);
    return view !== undefined && this.#project.mayLack(view.source, "timestampUnit");
  }

  /** The view to look at its column names, without telling its mistakes. */
  peek(name: string): BoundView | undefined {
    const view = this.#project.views.get(name);
    return view === undefined ? undefined : (this.#bound.get(name) ?? this.bound(view, false));
  }

  get ignoredFiles(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#touched].flatMap((name) => {
        const schema = this.#schemas.get(name);
        return schema !== undefined && typeof schema !== "function" && schema.ignoredFiles > 0
          ? [[name, schema.ignoredFiles] as const]
          : [];
      }),
    );
  }

  private bound(view: FeatureView, tell: boolean): BoundView {
    const known = this.#bound.get(view.name);
    if (known !== undefined && (!tell || this.#touched.has(view.name))) return known;
    const schema = this.#schemas.get(view.name);
    if (tell && typeof schema === "function") schema();
    const tellProblem: Tell = (make, at, follows) => {
      if (tell) this.#report.problem(make, at, follows);
    };
    const warn: Tell = (make, at) => {
      if (tell) this.#report.warning(make, at);
    };
    const bound = bindView(this.#project, view, typeof schema === "function" ? undefined : schema, tellProblem, warn);
    this.#bound.set(view.name, bound);
    return bound;
  }
}

/** The key of `source:` that a source's refusal is about. */
function keyOfProblem({ source }: FeatureView, code: string): string {
  if (source.path !== undefined) return "path";
  if (code === "source/bad-query" || code === "source/query-refused") return "query";
  if (code === "source/unknown-table") return source.table === undefined ? "query" : "table";
  return "databasePath";
}

type Tell = (make: Parameters<Reporter["problem"]>[0], at: At, follows?: boolean) => void;

function bindView(
  project: Project,
  view: FeatureView,
  schema: SourceSchema | undefined,
  tell: Tell,
  warn: Tell,
): BoundView {
  const keys = view.entity.map((entity) => project.base.entities[entity] ?? `${entity}_id`);
  const sourceOf = new Map(Object.entries(view.fieldMapping).map(([source, canonical]) => [canonical, source]));
  const sourceColumns = new Map(schema?.columns.map((column) => [column.name, column]));
  const { timestampField, availableField, timestampUnit } = view.source;
  const columns = new Map<string, BoundColumn>();
  const missing: Missing[] = [];
  const foundOf = (source: string): SourceColumn | undefined =>
    sourceColumns.get(source) ?? (schema?.open ? { name: source, type: "text", text: true } : undefined);
  const look = (source: string, at: At): SourceColumn | undefined => {
    const found = foundOf(source);
    if (found === undefined && schema !== undefined) missing.push({ source, at });
    return found;
  };
  const add = (name: string, declared: DType | undefined, at: At, mustDeclare: boolean): BoundColumn => {
    const source = sourceOf.get(name) ?? name;
    const mapped = source !== name && sourceColumns.has(name) && !Object.hasOwn(view.fieldMapping, name);
    if (mapped)
      tell((place) => compilerProblem("mapped-onto-taken-name", { source, canonical: name, view: view.name }, place), {
        definition: view.fieldMapping,
        key: source,
      });
    const found = look(source, at);
    const dtype = dtypeOf(project, view, name, found, declared, mustDeclare, tell, at);
    const unit = unitOf(found, declared, timestampUnit);
    const column: BoundColumn = {
      name,
      source,
      dtype: dtype ?? "BIGINT",
      ...(unit === undefined ? {} : { unit }),
      ...(dtype === undefined || (schema === undefined && declared === undefined) ? { unknown: true as const } : {}),
    };
    columns.set(name, column);
    return column;
  };

  view.fields.forEach((field) => {
    add(field.name, field.dtype, { definition: field, key: "name" }, false);
  });
  keys.forEach((key) => {
    if (!columns.has(key)) add(key, undefined, { definition: view, key: "entity" }, true);
  });
  const canonicalOf = (source: string) => view.fieldMapping[source] ?? source;
  const addTime = (source: string, key: "timestampField" | "availableField"): BoundTime | undefined => {
    const name = canonicalOf(source);
    const column = columns.get(name) ?? add(name, undefined, { definition: view.source, key }, true);
    const found = foundOf(source);
    if (found?.cut === true)
      warn((place) => compilerProblem("cut-instants", { column: source, view: view.name }, place), {
        definition: view.source,
        key,
      });
    return timeOf(project, view, column, found, key, tell);
  };
  const time = timestampField === undefined ? undefined : addTime(timestampField, "timestampField");
  const available = availableField === undefined ? undefined : addTime(availableField, "availableField");
  tellMissing(project, view, missing, columns.size, [...sourceColumns.keys()], tell);
  refuseIdleUnit(view, [timestampField, availableField], foundOf, columns, canonicalOf, tell);

  return {
    name: view.name,
    keys,
    columns,
    ties: [...new Set([...keys, ...view.fields.map(({ name }) => name)])],
    ...(time === undefined ? {} : { time }),
    ...(available === undefined ? {} : { available }),
    ...(view.ttl === undefined ? {} : { ttl: view.ttl }),
  };
}

interface Missing {
  readonly source: string;
  readonly at: At;
}

/** A source that has none of the `wanted` columns is told once: it is the wrong one, or not read as it is meant. */
function tellMissing(
  project: Project,
  view: FeatureView,
  missing: readonly Missing[],
  wanted: number,
  known: readonly string[],
  tell: Tell,
): void {
  const { path, databasePath, table } = view.source;
  const address = path ?? databasePath ?? table ?? "its source";
  const follows = project.mayLack(view, "fieldMapping") || project.mayLack(view.fieldMapping);
  if (missing.length > 1 && missing.length === wanted) {
    const at = { definition: view.source, key: path === undefined ? "databasePath" : "path" };
    tell((place) => compilerProblem("no-source-columns", { view: view.name, address, known }, place), at, follows);
    return;
  }
  for (const { source, at } of missing) {
    const parameters = { name: source, view: view.name, address, nearest: nearestName(source, known) };
    tell((place) => compilerProblem("missing-source-column", parameters, place), at, follows);
  }
}

function dtypeOf(
  project: Project,
  view: FeatureView,
  name: string,
  found: SourceColumn | undefined,
  declared: DType | undefined,
  mustDeclare: boolean,
  tell: Tell,
  at: At,
): DType | undefined {
  if (found === undefined) return declared;
  if (found.text) {
    if (declared === undefined && mustDeclare)
      tell(
        (place) => compilerProblem("declare-text-column", { column: name, view: view.name }, place),
        at,
        project.mayLack(view, "fields") || project.mayLack(view.fields, name),
      );
    return declared;
  }
  if (declared === undefined) {
    if (found.dtype === undefined)
      tell(
        (place) =>
          compilerProblem("unsupported-source-type", { column: name, view: view.name, type: found.type }, place),
        at,
      );
    return found.dtype;
  }
  if (found.dtype !== declared && !readsAs(found.type, declared)) {
    const parameters = { column: name, view: view.name, type: found.type, dtype: declared };
    tell(
      (place) =>
        found.dtype === undefined && !/^[A-Z_]+$/.test(found.type)
          ? compilerProblem("unsupported-source-type", parameters, place)
          : compilerProblem("source-type-differs", parameters, place),
      { definition: at.definition, key: "dtype" },
    );
  }
  return declared;
}

/** Of a source that cannot be read the declared dtype tells. */
function unitOf(
  found: SourceColumn | undefined,
  declared: DType | undefined,
  unit: TimeUnit | undefined,
): TimeUnit | undefined {
  if (found?.timeUnit !== undefined) return found.timeUnit;
  const dtype = declared ?? found?.dtype;
  if (dtype === "TIMESTAMP") return "timestamp";
  if (dtype === "DATE") return "date";
  return dtype !== undefined && isInteger(dtype) ? unit : undefined;
}

function timeOf(
  project: Project,
  view: FeatureView,
  column: BoundColumn,
  found: SourceColumn | undefined,
  key: "timestampField" | "availableField",
  tell: Tell,
): BoundTime {
  const at = { definition: view.source, key };
  if (found !== undefined && column.unit === undefined && !column.unknown) {
    const parameters = { column: column.source, type: found.text ? column.dtype : found.type };
    const mayLackUnit = project.mayLack(view.source, "timestampUnit");
    if (isInteger(column.dtype)) tell((place) => compilerProblem("unit-needed", parameters, place), at, mayLackUnit);
    else tell((place) => compilerProblem("not-a-time", parameters, place), at);
  }
  return { column: column.name, source: column.source, unit: column.unit ?? view.source.timestampUnit ?? "us" };
}

/** `timestamp_unit` speaks of integers: refused if the view's time columns carry their own unit. */
function refuseIdleUnit(
  view: FeatureView,
  times: readonly (string | undefined)[],
  foundOf: (source: string) => SourceColumn | undefined,
  columns: ReadonlyMap<string, BoundColumn>,
  canonicalOf: (source: string) => string,
  tell: Tell,
): void {
  if (view.source.timestampUnit === undefined) return;
  const known = times.flatMap((source) => {
    const column = source === undefined ? undefined : columns.get(canonicalOf(source));
    return source === undefined || column === undefined || column.unknown || foundOf(source) === undefined
      ? []
      : [column];
  });
  const [first] = known;
  if (first === undefined || known.length < times.filter((source) => source !== undefined).length) return;
  if (known.every(({ dtype }) => dtype === "TIMESTAMP" || dtype === "DATE"))
    tell((place) => compilerProblem("unit-refused", { column: first.source, type: first.dtype }, place), {
      definition: view.source,
      key: "timestampUnit",
    });
}
