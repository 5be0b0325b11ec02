import { family } from "./catalogue.js";
import { nearest } from "./nearest.js";
import { DaedalusError } from "./problem.js";

interface Named {
  readonly name: string;
  readonly nearest?: string | undefined;
}

const OVERRIDABLE = "only engine, rolling_engine and inputs can be overridden";

const listed = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ");

/** What the compiler refuses: names that do not resolve, types that do not fit, overrides that would change the meaning. */
export const compilerProblem = family("compiler", {
  // Names
  "unknown-service": (p: Named) => ({
    says: `there is no feature service "${p.name}"`,
    suggestion: p.nearest,
    help: "services are the files of feature_services/",
  }),
  "view-not-referenced": (p: Named & { view: string }) => ({
    says: `"${p.name}" names the view "${p.view}", which is neither the spine nor in feature_refs`,
    suggestion: p.nearest,
    help: `add ${p.view} to feature_refs in runtime.yaml`,
  }),
  "unknown-column": (p: Named & { view: string }) => ({
    says: `view "${p.view}" has no column "${p.name}"`,
    suggestion: p.nearest,
  }),
  "unresolved-name": (p: Named & { where: string }) => ({
    says: `"${p.name}" is no column of ${p.where}`,
    suggestion: p.nearest,
  }),
  "ambiguous-column": (p: { name: string; views: readonly string[] }) => ({
    says: `"${p.name}" is a column of several views: ${p.views.join(", ")}`,
    help: `write ${p.views.map((view) => `${view}.${p.name}`).join(" or ")}`,
    suggestion: `${p.views[0]}.${p.name}`,
  }),
  "no-udfs": (p: { name: string }) => ({
    says: `"${p.name}" is to be a function of the project's own, and there is no project.udfs.ts`,
    help: "write it beside daedalus.yaml: export const <name> = defineUdf({arguments, returns, compute})",
  }),
  "unknown-udf": (p: Named & { known: readonly string[] }) => ({
    says: `project.udfs.ts exports no function "${p.name}"`,
    suggestion: p.nearest,
    help: p.known.length === 0 ? "it exports none at all" : `its functions: ${listed(p.known)}`,
  }),
  "udf-arguments": (p: { name: string; wanted: readonly string[]; given: number }) => ({
    says: `"${p.name}" takes ${p.wanted.length} arguments (${p.wanted.join(", ")}), and there are ${p.given}`,
  }),
  "udf-argument-type": (p: { name: string; wanted: string; column: string; dtype: string }) => ({
    says: `"${p.name}" takes ${p.wanted} here, and "${p.column}" is ${p.dtype}`,
    help: "declare the argument as what the column is, or as something that holds all of it",
  }),
  "udf-not-null": (p: { name: string }) => ({
    says: `column "${p.name}" is filled in after the rows are written, so nullable: false cannot be kept`,
    help: "remove nullable: false, or let the function run where the rows are written (engine: sql_arrow_udf)",
  }),
  "udf-argument-unknown": (p: Named) => ({
    says: `"${p.name}" is no column of the contract that a function with engine: pythonic can be called with`,
    suggestion: p.nearest,
    help: "such functions run when the rows are written: their arguments are columns of the service, embeddings too, but not each other's",
  }),
  "filled-in-later": (p: { name: string }) => ({
    says: `column "${p.name}" is filled in after the rows are written, so there is no value of it here`,
    help: "a function that takes it runs with the embeddings: engine: pythonic in udf_columns",
  }),
  "unproduced-column": (p: Named & { kind: string }) => ({
    says: `nothing produces the ${p.kind} column "${p.name}"`,
    suggestion: p.nearest,
    help: "correct the name, or give the column a default to fill it with",
  }),
  "filled-with-default": (p: { name: string; kind: string }) => ({
    says: `nothing produces the ${p.kind} column "${p.name}"; every row gets its default`,
  }),
  "not-a-key": (p: Named & { view: string; keys: readonly string[] }) => ({
    says: `"${p.name}" is no key column of the spine view "${p.view}" (${listed(p.keys)})`,
    suggestion: p.nearest,
  }),
  "not-spine-column": (p: Named & { spine: string }) => ({
    says: `"${p.name}" is no column of the spine view "${p.spine}"`,
    suggestion: p.nearest,
  }),
  "store-needed": (p: { stores: readonly string[] }) => ({
    says: `the coverage filter must say which store: there are ${p.stores.length}`,
    help:
      p.stores.length === 0
        ? "declare embedding_stores in aggregations.yaml"
        : `write store: one of ${p.stores.join(", ")}`,
  }),

  // The spine, keys and times
  "spine-without-time": (p: { view: string }) => ({
    says: `the spine view "${p.view}" has no timestamp_field`,
    help: "set source.timestamp_field",
  }),
  "time-needed": (p: { view: string; for: string }) => ({
    says: `${p.for} needs a time of view "${p.view}", which has no timestamp_field`,
    help: "set source.timestamp_field of the view",
  }),
  "available-on-spine": (p: { view: string }) => ({
    says: `the spine view "${p.view}" must not have an available_field`,
    help: "remove source.available_field; a spine row exists from its event time on",
  }),
  "cut-instants": (p: { column: string; view: string }) => ({
    says: `the column "${p.column}" of view "${p.view}" holds nanoseconds with a time zone, which are read as microseconds: instants that differ below are taken for one`,
    help: "write the file without a zone (times are UTC) if they do differ there",
  }),
  "unit-needed": (p: { column: string; type: string }) => ({
    says: `the time column "${p.column}" is ${p.type}, whose unit is not known`,
    help: "set source.timestamp_unit to s, ms, us or ns",
  }),
  "unit-refused": (p: { column: string; type: string }) => ({
    says: `the time column "${p.column}" is ${p.type}, which carries its own unit`,
    help: "remove source.timestamp_unit",
  }),
  "not-a-time": (p: { column: string; type: string }) => ({
    says: `"${p.column}" is ${p.type}; a time is an integer, a TIMESTAMP or a DATE`,
  }),
  "different-time-unit": (p: { column: string; type: string; view: string; time: string }) => ({
    says: `"${p.column}" is ${p.type}, and timestamp_field "${p.time}" of view "${p.view}" is of another unit`,
  }),
  "spine-in-feature-refs": (p: { view: string }) => ({
    says: `"${p.view}" is the spine view and cannot be joined onto itself`,
    help: "remove it from feature_refs; its columns are there already. To look into its past use a lookup or an aggregation",
  }),
  "key-not-in-spine": (p: Named & { view: string; spine: string }) => ({
    says: `the key column "${p.name}" of view "${p.view}" is no column of the spine view "${p.spine}"`,
    suggestion: p.nearest,
  }),
  "key-types-differ": (p: { left: string; leftType: string; right: string; rightType: string }) => ({
    says: `"${p.left}" is ${p.leftType} and "${p.right}" is ${p.rightType}; they cannot be matched`,
    help: "integers of any width match; other types must be equal",
  }),

  // Sources
  "address-not-supported": (p: { view: string; address: string; needs: string }) => ({
    says: `view "${p.view}" is read from ${p.address}, which needs ${p.needs}; this version does not execute it`,
    help: "use files on this machine (path) or a DuckDB file (database_path)",
  }),
  "missing-source-column": (p: Named & { view: string; address: string }) => ({
    says: `the source of view "${p.view}" (${p.address}) has no column "${p.name}"`,
    suggestion: p.nearest,
  }),
  "no-source-columns": (p: { view: string; address: string; known: readonly string[] }) => ({
    says:
      p.known.length === 0
        ? `the source of view "${p.view}" (${p.address}) has no columns at all`
        : `the source of view "${p.view}" (${p.address}) has none of the columns that the view names, but ${listed(p.known.slice(0, 20))}${p.known.length > 20 ? ", …" : ""}`,
    help:
      p.known.length === 1 && /[;\t|]/.test(p.known[0] ?? "")
        ? "a CSV file separates its columns by commas: write it so"
        : "name the source's own columns in fields (or field_mapping), or another source",
  }),
  "declare-text-column": (p: { column: string; view: string }) => ({
    says: `"${p.column}" of view "${p.view}" comes from text, whose types are never guessed`,
    help: `declare it in fields: {name: ${p.column}, dtype: …}`,
  }),
  "unsupported-source-type": (p: { column: string; view: string; type: string }) => ({
    says: `column "${p.column}" of view "${p.view}" is ${p.type} at its source, which no dtype holds`,
    help: "convert it in the source, or leave the column out",
  }),
  "source-type-differs": (p: { column: string; view: string; type: string; dtype: string }) => ({
    says: `column "${p.column}" of view "${p.view}" is declared ${p.dtype}, and ${p.type} at its source`,
    help: "declare the source's type; numbers are converted, float → integer and text are not",
  }),
  "mapped-onto-taken-name": (p: { source: string; canonical: string; view: string }) => ({
    says: `field_mapping of view "${p.view}" calls "${p.source}" "${p.canonical}", and the source has a column "${p.canonical}" too`,
    help: `map that one to another name as well: {${p.canonical}: …}`,
  }),

  // Types
  "dtype-differs": (p: { name: string; dtype: string; yields: string; by: string }) => ({
    says: `column "${p.name}" is declared ${p.dtype}, and ${p.by} yields ${p.yields}`,
    help: "numbers are converted to numbers, never float → integer; nothing is converted to or from TEXT",
    suggestion: p.yields,
  }),
  "literal-does-not-fit": (p: { value: string; dtype: string; of: string }) => ({
    says: `${p.value} is no ${p.dtype}, the dtype of ${p.of}`,
  }),
  "null-literal": (p: { of: string }) => ({
    says: `NULL cannot be listed in ${p.of}: it equals nothing`,
  }),
  "null-default": (p: { name: string }) => ({
    says: `the default of "${p.name}" is NULL, which nullable: false excludes`,
    help: "give another default, or leave out nullable: false",
  }),
  "aggregate-wants-numbers": (p: { agg: string; column: string; dtype: string }) => ({
    says: `${p.agg} wants numbers, and "${p.column}" is ${p.dtype}`,
  }),
  "aggregate-over-list": (p: { agg: string; column: string; dtype: string }) => ({
    says: `${p.agg} cannot be made of the list column "${p.column}" (${p.dtype})`,
    help: "set flatten_distinct: true (agg list or count_distinct), or use agg: count",
  }),
  "flatten-wants-list": (p: { column: string; dtype: string }) => ({
    says: `flatten_distinct wants a list column, and "${p.column}" is ${p.dtype}`,
  }),
  "collect-of-list": (p: { column: string; dtype: string }) => ({
    says: `collect makes a list of values, and "${p.column}" is ${p.dtype} already`,
  }),

  // Specs, lookups, rules
  "event-role-needed": (p: { for: string }) => ({
    says: `${p.for} needs to know the event column`,
    help: "set spine: {event: <column>} in runtime.yaml",
  }),
  "session-role-needed": (p: { for: string }) => ({
    says: `${p.for} needs to know the session column`,
    help: "set spine: {session: <column>} in runtime.yaml",
  }),
  "partition-needed": (p: { name: string }) => ({
    says: `aggregation spec "${p.name}" over the spine view needs partition_by`,
    help: "write partition_by: the column whose rows share a history",
  }),
  "refused-with-view": (p: { name: string; key: string; view: string; instead: string }) => ({
    says: `${p.key} of aggregation spec "${p.name}" is refused with view "${p.view}"`,
    help: p.instead,
  }),
  "refused-without-view": (p: { name: string; key: string }) => ({
    says: `${p.key} of aggregation spec "${p.name}" is only for a spec with another view`,
    help: `remove ${p.key}, or name the view`,
  }),
  "source-column-needed": (p: { name: string; for: string }) => ({
    says: `${p.for} of aggregation spec "${p.name}" needs a source_column`,
  }),
  "exclude-self-types-differ": (p: { left: string; leftType: string; right: string; rightType: string }) => ({
    says: `exclude_self compares "${p.left}" (${p.leftType}) with "${p.right}" (${p.rightType})`,
    help: "integers compare by value; other types must be equal",
  }),
  "unknown-ids": (p: Named & { spec: string }) => ({
    says: `ids of enrichment spec "${p.spec}": the contract has no column "${p.name}"`,
    suggestion: p.nearest,
  }),
  "ids-type-differs": (p: { spec: string; column: string; dtype: string; pool: boolean }) => ({
    says: `ids of enrichment spec "${p.spec}": "${p.column}" is ${p.dtype}`,
    help: p.pool ? "pool: mean is for a list of ids" : "a list of ids needs pool: mean; a scalar has none",
  }),
  "embedding-dtype": (p: { name: string; dtype: string }) => ({
    says: `embedding column "${p.name}" is declared ${p.dtype}`,
    help: "embeddings are FLOAT[]",
    suggestion: "FLOAT[]",
  }),
  "curation-of-joined-value": (p: { column: string; bare: string }) => ({
    says: `curation changes working columns, and "${p.column}" is the value as it was joined`,
    suggestion: p.bare,
  }),
  "output-column-missing": (p: { names: readonly string[] }) => ({
    says: `output_columns leaves out ${listed(p.names)}`,
    help: "every column of the service stands in output_columns exactly once",
  }),
  "output-column-unknown": (p: Named) => ({
    says: `output_columns names "${p.name}", which no service declares`,
    suggestion: p.nearest,
  }),

  // Predicates and SQL
  "predicate-syntax": (p: { message: string }) => ({
    says: `not a SQL expression: ${p.message}`,
    help: 'columns whose names are words of SQL (at, order, end) are written in double quotes: "at"',
  }),
  "predicate-refused": (p: { what: string }) => ({
    says: `${p.what} is not allowed here`,
    help: "a predicate is a boolean expression over one row that gives the same value whenever it is asked",
  }),
  "predicate-not-boolean": (p: { type: string }) => ({
    says: `the expression is ${p.type}, and a predicate is BOOLEAN`,
  }),
  "predicate-does-not-bind": (p: { message: string; nearest?: string | undefined }) => ({
    says: p.message,
    suggestion: p.nearest,
  }),
  "predicate-fails": (p: { message: string }) => ({
    says: `the expression fails whatever a row holds: ${p.message}`,
    help: "write a literal of the type that it is compared with",
  }),
  "default-not-constant": (p: { column: string }) => ({
    says: `default_sql must be constant, and it reads "${p.column}"`,
  }),
  "default-sql-type": (p: { type: string; dtype: string; name: string }) => ({
    says: `default_sql is ${p.type}, and column "${p.name}" is ${p.dtype}`,
    help: `write CAST(… AS ${p.dtype})`,
  }),
  "default-sql-value": (p: { message: string; dtype: string; name: string }) => ({
    says: `default_sql has no value that column "${p.name}" (${p.dtype}) can hold: ${p.message}`,
  }),

  // Operators and overrides
  "operator-column": (p: { operator: string; says: string }) => ({ says: `operator "${p.operator}" ${p.says}` }),
  "invalid-operator": (p: { path: string; expected: string; found: string }) => ({
    says: `${p.path || "the pipeline"}: expected ${p.expected}, found ${p.found}`,
  }),
  "invalid-pipeline-yaml": (p: { message: string }) => ({ says: `not a pipeline: ${p.message}` }),
  "unknown-operator": (p: Named) => ({
    says: `the pipeline has no operator "${p.name}"`,
    suggestion: p.nearest,
    help: "the operators stand in <service>.generated.yaml",
  }),
  "engine-cannot-run": (p: { name: string; kind: string; engine: string; canRunOn: readonly string[] }) => ({
    says: `${p.kind} "${p.name}" cannot run on ${p.engine}`,
    help: `it can run on ${p.canRunOn.join(", ")}`,
    suggestion: nearest(p.engine, p.canRunOn) ?? p.canRunOn[0],
  }),
  "udf-engine": (p: { name: string; engine: string }) => ({
    says: `"${p.name}" cannot be moved to ${p.engine}: where a function stands in the pipeline depends on it`,
    help: `write engine: ${p.engine} in udf_columns of runtime.yaml`,
  }),
  "rolling-engine-of-workers": (p: Named) => ({
    says: `"${p.name}" has engine: pythonic, so rolling_engine cannot be chosen: its workers compute with the kernel`,
    help: "remove one of the two",
  }),
  "rolling-engine-not-here": (p: {
    name: string;
    engine: string;
    here: readonly string[];
    nearest?: string | undefined;
  }) => ({
    says: `this version has no rolling engine "${p.engine}" for "${p.name}"`,
    help: `it has ${p.here.join(", ")}`,
    suggestion: p.nearest,
  }),
  "override-field-unknown": (p: Named & { operator: string }) => ({
    says: `operator "${p.operator}" has no field "${p.name}"`,
    suggestion: p.nearest,
    help: OVERRIDABLE,
  }),
  "override-differs": (p: { operator: string; field: string }) => ({
    says: `${p.field} of "${p.operator}" differs from the generated pipeline`,
    help: `${OVERRIDABLE}; run daeda pipeline compile and copy the entry anew`,
  }),
  "override-loosens-strictness": (p: { operator: string; field: string }) => ({
    says: `${p.field} of "${p.operator}" would let a row see what was not known strictly before it`,
    help: "history is always what lies strictly before a row; no override changes that",
  }),
  "override-drops-exclude-self": (p: { operator: string; spec: string }) => ({
    says: `"${p.operator}" would lose exclude_self of "${p.spec}"`,
    help: "exclude_self is changed in aggregations.yaml, not in an override",
  }),
  "override-value": (p: { operator: string; field: string; expected: string }) => ({
    says: `${p.field} of "${p.operator}" must be ${p.expected}`,
  }),
  "input-unknown": (p: Named & { operator: string }) => ({
    says: `input "${p.name}" of "${p.operator}" is no operator's output`,
    suggestion: p.nearest,
  }),
  "input-left-out": (p: { operator: string; left: string }) => ({
    says: `the inputs of "${p.operator}" leave "${p.left}" without a reader, and rows or columns would be lost`,
    help: "every operator but the sink feeds another one",
  }),
  "input-count": (p: { operator: string; count: number; wanted: number }) => ({
    says: `"${p.operator}" takes ${p.wanted} inputs, and ${p.count} are given`,
  }),
  cycle: (p: { operators: readonly string[] }) => ({
    says: `the inputs make a cycle: ${p.operators.join(" → ")}`,
  }),
  "filter-before-curation": (_: Record<never, never>) => ({
    says: "the content filter would run before the curation",
    help: "curation repairs the values that the content filter judges; it must come first",
  }),
});

/** An operator whose inputs lack what it reads. */
export function operatorColumn(parameters: { readonly operator: string; readonly says: string }): DaedalusError {
  return new DaedalusError([compilerProblem("operator-column", parameters)], 2);
}

/** An operator in YAML that is not in the form of its kind. */
export function invalidOperator(parameters: { path: string; expected: string; found: string }): DaedalusError {
  return new DaedalusError([compilerProblem("invalid-operator", parameters)], 2);
}
