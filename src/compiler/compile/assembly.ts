import type { Instant } from "../../columnar/instants.js";
import { type ArrowUdfTransform, arrowUdfTransform } from "../../operators/arrow-udf-transform.js";
import { type Filter, filter } from "../../operators/filter.js";
import type { AnyOperator } from "../../operators/pipeline.js";
import { type Assignment, type Expression, project } from "../../operators/project.js";
import { type RayUdfTransform, rayUdfTransform } from "../../operators/ray-udf-transform.js";
import { type Sink, sink } from "../../operators/sink.js";
import { ageColumn, instantOf, udfColumn } from "../names.js";
import type { ResolvedColumn, ResolvedEnrichment, ResolvedService, ResolvedUdf } from "../resolve/resolved-service.js";
import type { Needs } from "./needs.js";

/** From the joined and computed columns to the file: ages, working columns, rules, defaults, embeddings, sink. */
export function assemblyOperators(
  service: ResolvedService,
  needs: Needs,
  rows: string,
  time: Instant,
): readonly AnyOperator[] {
  const made: AnyOperator[] = [];
  const input = () => made.at(-1)?.output ?? rows;
  const add = (name: string, steps: readonly Assignment[], select?: readonly string[]) => {
    const shape = select === undefined ? {} : { select };
    if (steps.length > 0 || select !== undefined)
      made.push(project.of({ name, engine: "sql", inputs: [input()], output: name, steps, ...shape }));
  };

  add(
    "ages",
    needs.ages.map(({ name, view, created, unit }) => ({
      column: ageColumn(name),
      dtype: "DOUBLE",
      value: { type: "age", time, created: instantOf(view, created), unit },
    })),
  );
  for (const udf of needs.udfs) made.push(udfOperator(udf, "sql_arrow_udf", udfColumn(udf.name), input()));
  add("assembly", [
    ...service.columns.flatMap((column) => workingColumn(service, needs, column, time)),
    ...needs.rules.hidden.map(({ name, dtype, column }) => ({
      column: name,
      dtype,
      value: { type: "column" as const, column },
    })),
  ]);
  // Curation repairs the values that the content filter judges, so it must come first.
  add(
    "curation",
    needs.rules.curation.map(({ column, dtype, where, value }) => ({
      column,
      dtype,
      value: { type: "curate", where, value, column },
    })),
  );
  if (service.contentFilter.length > 0) made.push(contentFilter(service, input()));
  add(
    "output",
    outputSteps(service, needs),
    service.columns.map(({ name }) => name),
  );
  for (const enrich of enrichments(service.enrichments, input())) made.push(enrich);
  for (const udf of service.enrichingUdfs)
    if (service.columns.some(({ name }) => name === udf.name))
      made.push(udfOperator(udf, "pythonic", udf.name, input()));
  made.push(sinkOf(service, input(), time));
  return made;
}

/** A contract column as it stands before the rules; columns of no operator only where a rule speaks of them. */
function workingColumn(
  service: ResolvedService,
  needs: Needs,
  { name, dtype, from }: ResolvedColumn,
  time: Instant,
): readonly Assignment[] {
  const value = ((): Expression | undefined => {
    if (from.type === "column") return from;
    if (from.type === "timestamp") return { type: "timestamp", instant: time };
    if (!needs.rules.touched.has(name)) return undefined;
    return from.type === "qid" && service.session !== undefined
      ? { type: "qid", session: service.session }
      : { type: "literal", value: null };
  })();
  return value === undefined ? [] : [{ column: name, dtype, value }];
}

function contentFilter(service: ResolvedService, input: string): Filter {
  const name = "content_filter";
  const rule = { type: "drop_where" as const, anyOf: service.contentFilter };
  return filter.of({ name, engine: "sql", inputs: [input], output: name, rule });
}

/** Remap, then what no operator produced, then NULL cells of columns that have none. */
function outputSteps(service: ResolvedService, needs: Needs): readonly Assignment[] {
  const { remap } = service;
  return service.columns.flatMap((column): readonly Assignment[] => {
    const { name, dtype, nullable, from } = column;
    const steps: Assignment[] = [];
    const assign = (value: Expression) => steps.push({ column: name, dtype, value });
    const present = needs.rules.touched.has(name) || from.type === "column" || from.type === "timestamp";
    if (from.type === "qid" && service.session !== undefined && !present)
      assign({ type: "qid", session: service.session });
    if (needs.rules.remap && remap?.column === name) {
      if (!present && from.type !== "qid") assign({ type: "literal", value: null });
      const { map, otherwise } = remap;
      assign({ type: "remap", column: name, map, ...(otherwise === undefined ? {} : { otherwise }) });
    }
    const exists = present || steps.length > 0;
    const given = column.defaultSql !== undefined || column.default !== undefined;
    if (exists && (from.type === "default" ? given : !nullable && from.type !== "enriched"))
      assign({
        type: "not_null",
        column: name,
        ...(column.default === undefined ? {} : { default: column.default }),
        ...(column.defaultSql === undefined ? {} : { defaultSql: column.defaultSql }),
      });
    if (!exists)
      assign(
        column.defaultSql === undefined
          ? { type: "literal", value: column.default ?? null }
          : { type: "sql", sql: column.defaultSql },
      );
    return steps;
  });
}

function enrichments(columns: readonly ResolvedEnrichment[], rows: string): readonly RayUdfTransform[] {
  const made: RayUdfTransform[] = [];
  for (const store of new Set(columns.map((column) => column.store.name))) {
    const own = columns.filter((column) => column.store.name === store);
    const [first] = own;
    if (first === undefined) continue;
    const name = `enrich_${store}`;
    made.push(
      rayUdfTransform.of({
        name,
        engine: "pythonic",
        inputs: [made.at(-1)?.output ?? rows],
        output: name,
        store: first.store,
        columns: own.map(({ column, ids, pool }) => ({
          name: column,
          dtype: "FLOAT[]",
          ids,
          ...(pool === undefined ? {} : { pool }),
        })),
      }),
    );
  }
  return made;
}

function udfOperator(
  udf: ResolvedUdf,
  engine: "sql_arrow_udf" | "pythonic",
  column: string,
  rows: string,
): ArrowUdfTransform {
  const name = `udf_${udf.name}`;
  return arrowUdfTransform.of({
    name,
    engine,
    inputs: [rows],
    output: name,
    function: udf.function,
    bundle: udf.bundle,
    arguments: udf.arguments,
    column: { name: column, dtype: udf.returns },
  });
}

function sinkOf(service: ResolvedService, input: string, time: Instant): Sink {
  const keys = service.columns.filter(({ kind }) => kind === "key");
  const others = service.columns.filter(({ kind }) => kind !== "key");
  return sink.of({
    name: "sink",
    engine: "sql",
    inputs: [input],
    output: "sink",
    orderBy: [time.column, ...[...keys, ...others].map(({ name }) => name)],
    partRows: service.partRows,
    format: "parquet",
    compression: "zstd",
  });
}
