import { type DType, elementOf, isInteger, isList } from "../../columnar/dtypes.js";
import type { ServiceColumn } from "../../definitions/feature-service.js";
import type { Literal } from "../../definitions/literal.js";
import type { OutputColumn } from "../../definitions/runtime.js";
import { compilerProblem } from "../../errors/compiler.js";
import { definitionProblem } from "../../errors/definition.js";
import { nearest as nearestName } from "../../errors/nearest.js";
import { ageColumn, lookupColumn, rollingColumn, udfColumn, viewColumn } from "../names.js";
import { type Context, fittingLiteral, mayLackRole } from "./context.js";
import { converts } from "./conversions.js";
import type { ColumnOrigin, ResolvedColumn, ResolvedEnrichment } from "./resolved-service.js";
import type { Computed } from "./working-columns.js";

interface Produced {
  readonly origin: ColumnOrigin;
  readonly dtype?: DType;
  readonly by: string;
}

/** The contract with each column's origin, in `output_columns` order. */
export function resolveContract(context: Context, computed: Computed): readonly ResolvedColumn[] {
  const written = outputColumns(context);
  const declared = new Map(context.service.columns.map((column) => [column.name, column]));
  return written.flatMap(({ name, output }) => {
    const column = declared.get(name);
    const resolved = column === undefined ? undefined : resolveColumn(context, computed, column, output);
    return resolved === undefined ? [] : [resolved];
  });
}

/** `output_columns`, those of other services left out; without it the service's own order. */
function outputColumns(context: Context): readonly { readonly name: string; readonly output?: OutputColumn }[] {
  const { project, report, runtime, service } = context;
  if (runtime.outputColumns === undefined) return service.columns.map(({ name }) => ({ name }));
  const own = new Set(service.columns.map(({ name }) => name));
  const all = new Set([...project.services.values()].flatMap(({ columns }) => columns.map(({ name }) => name)));
  const seen = new Set<string>();
  const result: { readonly name: string; readonly output: OutputColumn }[] = [];
  for (const output of runtime.outputColumns) {
    const { name } = output;
    const at = { definition: output, key: "name" };
    if (!own.has(name)) {
      if (!all.has(name))
        report.problem(
          (place) => compilerProblem("output-column-unknown", { name, nearest: nearestName(name, own) }, place),
          at,
          [...project.services.values()].some(
            (one) => project.mayLack(one, "columns") || project.mayLack(one.columns, name),
          ),
        );
    } else if (!seen.has(name)) {
      seen.add(name);
      result.push({ name, output });
    }
  }
  const left = [...own].filter((name) => !seen.has(name));
  const names = left.filter((name) => !project.mayLack(runtime.outputColumns ?? {}, name));
  if (names.length > 0)
    report.problem((place) => compilerProblem("output-column-missing", { names }, place), {
      definition: runtime.outputColumns,
    });
  return [...result, ...left.map((name) => ({ name }))];
}

function resolveColumn(
  context: Context,
  computed: Computed,
  column: ServiceColumn,
  output: OutputColumn | undefined,
): ResolvedColumn | undefined {
  const defaults = defaultsOf(context, column, output);
  const hasDefault = output?.defaultSql !== undefined || output?.default !== undefined || column.default !== undefined;
  const produced = producerOf(context, computed, column, hasDefault);
  if (produced === undefined) return undefined;
  if (produced.origin.type === "default") {
    const { name, kind } = column;
    context.report.warning((place) => compilerProblem("filled-with-default", { name, kind }, place), {
      definition: column,
      key: "name",
    });
  }
  const { dtype } = produced;
  // A spine without a time is told elsewhere: which of its columns was meant to be the time cannot be known.
  const isSpineTime =
    produced.origin.type === "column" &&
    (context.spine.time === undefined
      ? column.kind === "spine"
      : produced.origin.column === viewColumn(context.spine.name, context.spine.time.column));
  const asTimestamp = isSpineTime && column.dtype === "TIMESTAMP" && dtype !== undefined && isInteger(dtype);
  if (dtype !== undefined && !asTimestamp && !converts(dtype, column.dtype))
    context.report.problem(
      (place) =>
        compilerProblem(
          "dtype-differs",
          { name: column.name, dtype: column.dtype, yields: dtype, by: produced.by },
          place,
        ),
      { definition: column, key: "dtype" },
    );
  const { name, kind, nullable } = column;
  const from: ColumnOrigin = asTimestamp ? { type: "timestamp" } : produced.origin;
  const resolved: ResolvedColumn = { name, kind, dtype: column.dtype, nullable, from, ...defaults };
  if (output?.defaultSql === undefined) return resolved;
  const withSql = { ...resolved, defaultSql: "" };
  context.predicates.constant(output.defaultSql, column, { definition: output, key: "defaultSql" }, (sql) => {
    withSql.defaultSql = sql;
  });
  return withSql;
}

/** The default that holds: of `output_columns`, else of the contract; as a value of the column's dtype. */
function defaultsOf(
  context: Context,
  column: ServiceColumn,
  output: OutputColumn | undefined,
): { readonly default?: Literal } {
  const own = column.default === undefined ? undefined : fitDefault(context, column, column.default, column);
  const outer = output?.default === undefined ? undefined : fitDefault(context, column, output.default, output);
  if (output?.defaultSql !== undefined) return {};
  const value = output?.default === undefined ? own : outer;
  return value === undefined ? {} : { default: value };
}

function fitDefault(context: Context, column: ServiceColumn, value: Literal, definition: object): Literal | undefined {
  const at = { definition, key: "default" };
  if (value === null && !column.nullable) {
    context.report.problem((place) => compilerProblem("null-default", { name: column.name }, place), at);
    return undefined;
  }
  return fittingLiteral(context, value, column.dtype, `column "${column.name}"`, at);
}

/** What produces a column; told and undefined if nothing does and it has no default. */
function producerOf(
  context: Context,
  computed: Computed,
  column: ServiceColumn,
  hasDefault: boolean,
): Produced | undefined {
  const { references, report, service, spine, runtime } = context;
  const { kind, name } = column;
  const at = { definition: column, key: column.column === undefined ? "name" : "column" };
  const text = column.column ?? name;
  const nothing = (candidates: Iterable<string>, follows: boolean): Produced | undefined => {
    if (hasDefault) return { origin: { type: "default" }, by: "its default" };
    report.problem(
      (place) =>
        compilerProblem("unproduced-column", { name: text, kind, nearest: nearestName(text, candidates) }, place),
      at,
      follows,
    );
    return undefined;
  };
  const fromReference = (found: ReturnType<typeof references.find>): Produced | undefined =>
    found && {
      origin: { type: "column", column: found.name },
      ...(found.unknown ? {} : { dtype: found.dtype }),
      by: `"${found.name}"`,
    };
  switch (kind) {
    case "key": {
      if (spine.keys.includes(name)) return fromReference(references.ofSpine(name, at));
      const parameters = { name, view: spine.name, keys: spine.keys, nearest: nearestName(name, spine.keys) };
      report.problem(
        (place) => compilerProblem("not-a-key", parameters, place),
        { definition: column, key: "name" },
        context.views.mayLackKey(spine.name),
      );
      return undefined;
    }
    case "spine": {
      const bare = text.startsWith(`${spine.name}.`) ? text.slice(spine.name.length + 1) : text;
      // A default stands in for a column that is not there, not for a reference into another view.
      if (!spine.columns.has(bare) && !text.includes("."))
        return nothing(spine.columns.keys(), context.views.mayLack(spine.name, bare));
      return fromReference(references.ofSpine(text, at));
    }
    case "static": {
      if (!text.includes(".") && references.viewsHaving(text).length === 0)
        return nothing(references.otherNames(), references.mayLackOther(text));
      if (text.startsWith(`${spine.name}.`)) {
        report.problem(
          (place) =>
            compilerProblem(
              "unresolved-name",
              { name: text, where: "the views in feature_refs: the spine view's columns are of kind spine" },
              place,
            ),
          at,
        );
        return undefined;
      }
      return fromReference(references.other(text, at));
    }
    case "derived": {
      if (name === "qid") {
        if (context.session !== undefined) return { origin: { type: "qid" }, dtype: "BIGINT", by: "qid" };
        if (runtime.spine.session !== undefined) return undefined; // told with the role
        if (hasDefault) return nothing([], false);
        report.problem(
          (place) => compilerProblem("session-role-needed", { for: "qid" }, place),
          at,
          mayLackRole(context, "session"),
        );
        return undefined;
      }
      const udf = computed.udf(name);
      if (udf === "refused") return undefined;
      if (udf?.late && !column.nullable)
        report.problem((place) => compilerProblem("udf-not-null", { name }, place), {
          definition: column,
          key: "nullable",
        });
      if (udf !== undefined)
        return {
          origin: udf.late ? { type: "enriched" } : { type: "column", column: udfColumn(name) },
          dtype: udf.udf.returns,
          by: `function "${udf.udf.function}"`,
        };
      const age = computed.age(name);
      if (age === undefined)
        return nothing(
          ["qid", ...[...runtime.ageColumns, ...runtime.udfColumns].map((entry) => entry.name)],
          computed.mayLack("ageColumns", name) || computed.mayLack("udfColumns", name),
        );
      return age === "refused"
        ? undefined
        : { origin: { type: "column", column: ageColumn(name) }, dtype: "DOUBLE", by: `age column "${name}"` };
    }
    case "rolling": {
      const rolling = computed.rolling(name);
      if (rolling === undefined) return nothing(computed.names(), computed.mayLack("rolling", name));
      if (rolling === "refused") return undefined;
      const by = `aggregation spec "${rolling.spec.name}"`;
      return { origin: { type: "column", column: rollingColumn(name) }, dtype: rolling.dtype, by };
    }
    case "lookup": {
      const lookup = computed.lookup(name);
      if (lookup === undefined)
        return nothing(
          runtime.lookups.map((entry) => entry.name),
          computed.mayLack("lookups", name),
        );
      return lookup === "refused"
        ? undefined
        : { origin: { type: "column", column: lookupColumn(name) }, dtype: lookup.dtype, by: `lookup "${name}"` };
    }
    case "embedding": {
      if (column.dtype !== "FLOAT[]")
        report.problem((place) => compilerProblem("embedding-dtype", { name, dtype: column.dtype }, place), {
          definition: column,
          key: "dtype",
        });
      const { project } = context;
      const specs = project.aggregations.enrichmentSpecs;
      if (!specs.some((spec) => spec.name === name))
        return nothing(
          specs.map((spec) => spec.name),
          project.mayLack(project.aggregations, "enrichmentSpecs") || project.mayLack(specs, name),
        );
      return { origin: { type: "enriched" }, by: `the embeddings of service "${service.name}"` };
    }
  }
}

/** The service's embedding columns with their stores. */
export function resolveEnrichments(context: Context): readonly ResolvedEnrichment[] {
  const { project, report, service } = context;
  const { embeddingStores, enrichmentSpecs } = project.aggregations;
  const contract = new Map(service.columns.map((column) => [column.name, column.dtype]));
  return service.columns.flatMap((column): readonly ResolvedEnrichment[] => {
    const spec = column.kind === "embedding" ? enrichmentSpecs.find(({ name }) => name === column.name) : undefined;
    if (spec === undefined) return [];
    const store = embeddingStores[spec.store];
    if (store === undefined)
      report.problem(
        (place) =>
          definitionProblem(
            "unknown-store",
            {
              name: spec.store,
              nearest: nearestName(spec.store, Object.keys(embeddingStores)),
              known: Object.keys(embeddingStores),
            },
            place,
          ),
        { definition: spec, key: "store" },
      );
    const ids = contract.get(spec.ids);
    const at = { definition: spec, key: "ids" };
    if (ids === undefined)
      report.problem(
        (place) =>
          compilerProblem(
            "unknown-ids",
            { name: spec.ids, spec: spec.name, nearest: nearestName(spec.ids, contract.keys()) },
            place,
          ),
        at,
        project.mayLack(service, "columns") || project.mayLack(service.columns, spec.ids),
      );
    else if (isList(ids) !== (spec.pool !== undefined) || !(isInteger(elementOf(ids)) || elementOf(ids) === "TEXT"))
      report.problem(
        (place) =>
          compilerProblem(
            "ids-type-differs",
            { spec: spec.name, column: spec.ids, dtype: ids, pool: spec.pool !== undefined },
            place,
          ),
        at,
      );
    if (store === undefined || ids === undefined) return [];
    return [
      {
        column: column.name,
        ids: spec.ids,
        ...(spec.pool === undefined ? {} : { pool: spec.pool }),
        store: { name: spec.store, uri: store.uri, key: store.key, vector: store.vector, dim: store.dim },
      },
    ];
  });
}
