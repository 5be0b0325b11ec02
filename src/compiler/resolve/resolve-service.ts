import type { AggregationSpec } from "../../definitions/aggregations.js";
import type { FeatureService } from "../../definitions/feature-service.js";
import type { Project } from "../../definitions/project.js";
import type { AgeColumn, Lookup, Runtime, UdfColumn } from "../../definitions/runtime.js";
import { compilerProblem } from "../../errors/compiler.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import { DaedalusError, type Problem } from "../../errors/problem.js";
import { deepFreeze } from "../../operators/operator-kind.js";
import type { CompilerPorts } from "../ports.js";
import type { Context } from "./context.js";
import { resolveContract, resolveEnrichments } from "./contract.js";
import { resolveAge, resolveLookup } from "./lookups.js";
import { Predicates } from "./predicates.js";
import { References } from "./references.js";
import { Reporter } from "./reporter.js";
import type { ResolvedAge, ResolvedLookup, ResolvedService, ResolvedSpec, ResolvedUdf } from "./resolved-service.js";
import { resolveContentFilter, resolveCoverage, resolveCuration, resolveRemap, resolveSessionFilter } from "./rules.js";
import { outputName, resolveSpec } from "./specs.js";
import { type ArgumentOf, contractArgument, resolveUdf } from "./udfs.js";
import { ViewBook } from "./views.js";
import { type Computed, type ComputedList, WorkingColumns } from "./working-columns.js";

export interface Resolution {
  /** Absent if there is a problem. */
  readonly service?: ResolvedService;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * Binds every name of a service: to views, to columns of their sources, to dtypes, to SQL. Reads schemas, never rows.
 * All mistakes are told at once, each with its place. Throws DaedalusError, exit code 1, if a source that something needs
 * cannot be read: what its columns are is then not known, nor what is wrong with those who use them.
 */
export async function resolveService(project: Project, serviceName: string, ports: CompilerPorts): Promise<Resolution> {
  const report = new Reporter(project);
  const service = project.services.get(serviceName);
  if (service === undefined) {
    const nearest = nearestName(serviceName, project.services.keys());
    return { problems: [compilerProblem("unknown-service", { name: serviceName, nearest })], warnings: [] };
  }
  const runtime = project.runtimeOf(serviceName);
  const specs = project.aggregations.aggregationSpecs;
  const views = await ViewBook.open(project, report, ports, [
    service.spine,
    ...runtime.featureRefs.map(({ view }) => view),
    ...runtime.lookups.map(({ view }) => view),
    ...specs.flatMap(({ view }) => view ?? []),
  ]);
  const context = await contextOf(project, service, runtime, views, report, ports);
  if (context === undefined) return { problems: report.problems, warnings: report.warnings };

  const computed = new ComputedColumns(context);
  const working = new WorkingColumns(context, computed);
  computed.argumentsOf = (name, at) => working.computedColumn(name, at);
  const columns = resolveContract(context, computed);
  const curation = resolveCuration(context, working);
  const contentFilter = resolveContentFilter(context, working);
  const remap = resolveRemap(context, working);
  const sessionFilter = resolveSessionFilter(context);
  const coverage = resolveCoverage(context);
  const enrichments = resolveEnrichments(context);
  computed.resolveThoseOfNobody();
  await context.predicates.bind();
  if (views.unreadable.length > 0) throw new DaedalusError(views.unreadable, 1);
  if (report.faults > 0) return { problems: report.problems, warnings: report.warnings };

  const resolved: ResolvedService = {
    name: service.name,
    version: service.version,
    spine: context.spine,
    ...(context.event === undefined ? {} : { event: context.event.name }),
    ...(context.session === undefined ? {} : { session: context.session.name }),
    refs: context.references.used,
    columns,
    hidden: working.hidden,
    specs: computed.specs,
    lookups: computed.lookups,
    ages: computed.ages,
    udfs: computed.udfs(false),
    curation,
    contentFilter,
    ...(remap === undefined ? {} : { remap }),
    ...(sessionFilter === undefined ? {} : { sessionFilter }),
    ...(coverage === undefined ? {} : { coverage }),
    enrichments,
    enrichingUdfs: computed.udfs(true),
    partRows: runtime.entitySpineChunkRows,
    rollingEngine: runtime.compute.engine,
    pitEngine: runtime.compute.pitEngine,
    ignoredFiles: views.ignoredFiles,
  };
  return { service: deepFreeze(resolved), problems: [], warnings: report.warnings };
}

async function contextOf(
  project: Project,
  service: FeatureService,
  runtime: Runtime,
  views: ViewBook,
  report: Reporter,
  ports: CompilerPorts,
): Promise<Context | undefined> {
  const spine = views.touch(service.spine);
  if (spine === undefined) {
    views.tellUnknown(service.spine, { definition: service, key: "spine" });
    return undefined;
  }
  const source = project.views.get(service.spine)?.source;
  if (source !== undefined && source.timestampField === undefined)
    report.problem(
      (place) => compilerProblem("spine-without-time", { view: spine.name }, place),
      { definition: source },
      views.mayLackTime(spine.name),
    );
  if (source?.availableField !== undefined)
    report.problem((place) => compilerProblem("available-on-spine", { view: spine.name }, place), {
      definition: source,
      key: "availableField",
    });
  for (const ref of runtime.featureRefs) {
    const at = { definition: ref, key: "view" };
    if (!project.views.has(ref.view)) views.tellUnknown(ref.view, at);
    else if (ref.view === spine.name)
      report.problem((place) => compilerProblem("spine-in-feature-refs", { view: ref.view }, place), at);
  }
  const references = new References(project, spine, runtime, views, report);
  const roles = runtime.spine;
  const role = (key: "event" | "session") => {
    const name = roles[key];
    return name === undefined ? undefined : references.ofSpine(name, { definition: roles, key });
  };
  const event = role("event");
  const session = role("session");
  const udfs = runtime.udfColumns.length === 0 ? undefined : await ports.udfs();
  const predicates = await Predicates.parse(ports.predicates, report, textsOf(project, runtime));
  return {
    project,
    service,
    runtime,
    spine,
    views,
    references,
    predicates,
    report,
    ...(udfs === undefined ? {} : { udfs }),
    ...(event === undefined ? {} : { event }),
    ...(session === undefined ? {} : { session }),
  };
}

function textsOf(project: Project, runtime: Runtime): readonly string[] {
  return [
    ...project.aggregations.aggregationSpecs.flatMap(({ where }) => where ?? []),
    ...runtime.lookups.flatMap(({ where }) => where ?? []),
    ...runtime.curation.map(({ where }) => where),
    ...runtime.contentFilter.map(({ dropWhere }) => dropWhere),
    ...(runtime.outputColumns ?? []).flatMap(({ defaultSql }) => defaultSql ?? []),
  ];
}

/** Specs, lookups and ages, each bound once, when the contract or a rule first names it. */
class ComputedColumns implements Computed {
  readonly #context: Context;
  readonly #specOf = new Map<string, AggregationSpec>();
  readonly #lookupOf: ReadonlyMap<string, Lookup>;
  readonly #ageOf: ReadonlyMap<string, AgeColumn>;
  readonly #specs = new Map<AggregationSpec, ResolvedSpec | "refused">();
  readonly #lookups = new Map<string, ResolvedLookup | "refused">();
  readonly #ages = new Map<string, ResolvedAge | "refused">();
  readonly #udfOf: ReadonlyMap<string, UdfColumn>;
  readonly #udfs = new Map<string, ResolvedUdf | "refused">();
  /** What arguments of functions name, where the rows are written. */
  argumentsOf: ArgumentOf = () => undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#lookupOf = new Map(context.runtime.lookups.map((lookup) => [lookup.name, lookup]));
    this.#ageOf = new Map(context.runtime.ageColumns.map((age) => [age.name, age]));
    this.#udfOf = new Map(context.runtime.udfColumns.map((udf) => [udf.name, udf]));
    for (const spec of context.project.aggregations.aggregationSpecs)
      for (const window of spec.windows) {
        const name = outputName(spec.name, window);
        this.#specOf.set(name, spec);
      }
  }

  rolling(name: string) {
    const spec = this.#specOf.get(name);
    if (spec === undefined) return undefined;
    const resolved = this.#spec(spec);
    return resolved === "refused" ? resolved : { dtype: resolved.dtype, spec: resolved };
  }

  #spec(spec: AggregationSpec): ResolvedSpec | "refused" {
    const resolved = this.#specs.get(spec) ?? resolveSpec(this.#context, spec) ?? "refused";
    this.#specs.set(spec, resolved);
    return resolved;
  }

  lookup(name: string) {
    const lookup = this.#lookupOf.get(name);
    if (lookup === undefined) return undefined;
    const resolved = this.#lookups.get(name) ?? resolveLookup(this.#context, lookup) ?? "refused";
    this.#lookups.set(name, resolved);
    return resolved;
  }

  age(name: string) {
    const age = this.#ageOf.get(name);
    if (age === undefined) return undefined;
    const resolved = this.#ages.get(name) ?? resolveAge(this.#context, age) ?? "refused";
    this.#ages.set(name, resolved);
    return resolved;
  }

  udf(name: string) {
    const udf = this.#udfOf.get(name);
    if (udf === undefined) return undefined;
    const late = udf.engine === "pythonic";
    const known = this.#udfs.get(name);
    if (known !== undefined) return known === "refused" ? known : { udf: known, late };
    // One that is named by its own arguments finds itself refused.
    this.#udfs.set(name, "refused");
    const argumentOf: ArgumentOf = late ? contractArgument(this.#context) : this.argumentsOf;
    const resolved = resolveUdf(this.#context, udf, argumentOf) ?? "refused";
    this.#udfs.set(name, resolved);
    return resolved === "refused" ? resolved : { udf: resolved, late };
  }

  names(): Iterable<string> {
    const { ageColumns, lookups, udfColumns } = this.#context.runtime;
    return [...this.#specOf.keys(), ...[...lookups, ...ageColumns, ...udfColumns].map(({ name }) => name)];
  }

  mayLack(list: ComputedList, name: string): boolean {
    const { project, runtime } = this.#context;
    if (list !== "rolling") return project.mayLack(runtime, list) || project.mayLack(runtime[list], name);
    const { aggregations } = project;
    const specs = aggregations.aggregationSpecs;
    const isOf = (spec: string): boolean => name === spec || name.startsWith(`${spec}_`);
    return (
      project.mayLack(aggregations, "aggregationSpecs") ||
      project.mayLack(specs, isOf) ||
      specs.some((spec) => isOf(spec.name) && (project.mayLack(spec, "windows") || project.mayLack(spec.windows)))
    );
  }

  /**
   * A spec, lookup or age that another service declares may speak of that service's spine and is left alone; one that no
   * service declares is checked here, so that its mistakes do not wait until somebody uses it.
   */
  resolveThoseOfNobody(): void {
    const { project, runtime, service } = this.#context;
    const elsewhere = new Set(
      [...project.services.values()]
        .filter((other) => other !== service)
        .flatMap(({ columns }) => columns.map(({ name }) => name)),
    );
    for (const spec of project.aggregations.aggregationSpecs)
      if (!spec.windows.some((window) => elsewhere.has(outputName(spec.name, window)))) this.#spec(spec);
    for (const { name } of runtime.lookups) if (!elsewhere.has(name)) this.lookup(name);
    for (const { name } of runtime.ageColumns) if (!elsewhere.has(name)) this.age(name);
    for (const { name } of runtime.udfColumns) if (!elsewhere.has(name)) this.udf(name);
  }

  get specs(): readonly ResolvedSpec[] {
    return this.#context.project.aggregations.aggregationSpecs.flatMap((spec) => settled(this.#specs.get(spec)));
  }

  get lookups(): readonly ResolvedLookup[] {
    return this.#context.runtime.lookups.flatMap(({ name }) => settled(this.#lookups.get(name)));
  }

  udfs(late: boolean): readonly ResolvedUdf[] {
    return this.#context.runtime.udfColumns
      .filter(({ engine }) => (engine === "pythonic") === late)
      .flatMap(({ name }) => settled(this.#udfs.get(name)));
  }

  get ages(): readonly ResolvedAge[] {
    return this.#context.runtime.ageColumns.flatMap(({ name }) => settled(this.#ages.get(name)));
  }
}

function settled<T extends object>(resolved: T | "refused" | undefined): readonly T[] {
  return resolved === undefined || resolved === "refused" ? [] : [resolved];
}
