import { definitionProblem } from "../errors/definition.js";
import { nearest } from "../errors/nearest.js";
import { type Schema, scalar, wrongType } from "./schema.js";
import { record } from "./schema-collections.js";

/** The settings of DuckDB that a project may choose: what a process may use of the machine, and nothing that shows. */
export const RESOURCE_SETTINGS: Readonly<Record<string, string>> = {
  threads: "threads that a process computes with",
  external_threads: "of these, how many are not DuckDB's own",
  pin_threads: "whether threads stay on their core: on, off, auto",
  scheduler_process_partial: "shares the threads more evenly between queries",
  memory_limit: "memory that a process may use: 8GB, 512MiB",
  max_memory: "another name of memory_limit",
  block_allocator_memory: "memory that is taken once and kept",
  allocator_background_threads: "whether freed memory is given back by a thread of its own",
  allocator_flush_threshold: "from which peak on freed memory is given back after a task",
  allocator_bulk_deallocation_flush_threshold: "from which size on freed memory is given back at once",
  streaming_buffer_size: "memory for results that are fetched piece by piece",
  temp_directory: "folder for what does not fit into memory",
  max_temp_directory_size: "how much may lie there",
  temp_file_encryption: "whether it is encrypted where the database is",
  storage_block_prefetch: "when blocks of DuckDB files are read ahead",
  disable_parquet_prefetching: "whether Parquet is never read ahead",
  prefetch_all_parquet_files: "whether local Parquet is read ahead too",
  parquet_metadata_cache: "whether footers of Parquet files are kept",
  enable_external_file_cache: "whether what was read of files is kept in memory",
  max_vacuum_tasks: "how many tasks clean up at a time",
};

/** Settings that change what a value is, how it compares, or in which order rows come. */
const MEANING =
  /^(calendar|timezone|binary_as_string|default_(collation|order|null_order)|null_order|disable_timestamptz_casts|enable_geoparquet_conversion|ieee_floating_point_ops|ignore_unknown_crs|integer_division|lambda_syntax|deprecated_using_key_syntax|old_implicit_casting|order_by_non_integer_literal|preserve_(identifier_case|insertion_order)|scalar_subquery_error_on_multiple_rows|validate_external_file_cache|disabled_optimizers)$/;

/** Others that DuckDB has: how it stores, plans, logs, loads extensions, what it may touch. */
const OWN_BUSINESS =
  /^(access_mode|allow.*|arrow_.*|.*auto_?checkpoint.*|auto(install|load)_.*|.*extension.*|catalog_error_.*|checkpoint_.*|current_transaction_.*|custom_.*|(__)?de(bug|lta)_.*|default_(block_size|secret_storage)|disable(d)?_.*|duckdb_api|enable(d)?_.*|errors_as_json|experimental_.*|explain_output|file_search_path|force_.*|geometry_.*|home_directory|https?_.*|immediate_.*|lock_.*|log.*|max_expression_depth|partitioned_write_.*|password|.*_threshold|pivot_.*|index_scan_.*|late_materialization_.*|prefer_.*|produce_.*|profil.*|progress_.*|schema|search_path|secret_.*|storage_compatibility_.*|user(name)?|vacuum_.*|variant_.*|warnings_.*|worker_threads|write_buffer_.*|zstd_.*)$/;

/** Why a setting is not taken; undefined if it is. */
export function refusalOfSetting(name: string): "meaning" | "own" | "unknown" | undefined {
  if (Object.hasOwn(RESOURCE_SETTINGS, name)) return undefined;
  const known = name.toLowerCase();
  if (MEANING.test(known)) return "meaning";
  return OWN_BUSINESS.test(known) ? "own" : "unknown";
}

const SETTING = "a text, a number, true or false";

const settingText: Schema<string> = scalar({
  expects: SETTING,
  json: { type: ["string", "number", "boolean"] },
  read({ value }, site) {
    return value === null ? wrongType(site, SETTING) : String(value);
  },
});

const settings = record(settingText, {
  keyIs: "setting",
  named: false,
  each: (name, _value, { keyNode }, reading) => {
    const why = refusalOfSetting(name);
    if (why === undefined) return;
    const known = Object.keys(RESOURCE_SETTINGS);
    const problem = definitionProblem("setting-refused", { name, why, nearest: nearest(name, known), known });
    reading.report(problem, reading.locate(keyNode));
  },
});

/** Far more than any machine has; a thread that computes nothing costs memory all the same. */
const MOST_THREADS = 1024;

/**
 * What a value must be that DuckDB would take as it is: it would start the threads (more than a minute for 100,000 of
 * them), and read the bytes as if there were no sign.
 */
export function rangeOfSetting(name: string, value: string): string | undefined {
  if (name === "threads" && Number(value) > MOST_THREADS) return `at most ${MOST_THREADS}`;
  if (SIZES.includes(name) && /^\s*-/.test(value)) return "a size above 0";
  return undefined;
}

const SIZES = ["memory_limit", "max_memory"];

/** `compute.duckdb_config`: names are checked here, values by DuckDB itself when a service is compiled. */
export const duckdbSettings: Schema<Readonly<Record<string, string>>> = {
  expects: settings.expects,
  json: {
    type: "object",
    title: "duckdb_config",
    properties: Object.fromEntries(
      Object.entries(RESOURCE_SETTINGS).map(([name, description]) => [name, { description, ...settingText.json }]),
    ),
    additionalProperties: false,
  },
  read(site) {
    const read = settings.read(site);
    if (read === undefined) return read;
    const { locations } = site.reading.context;
    for (const [key, value] of Object.entries(read)) {
      const expected = rangeOfSetting(key, value);
      if (expected === undefined) continue;
      const place = locations.of(read, key) ?? site.location;
      site.reading.report(definitionProblem("out-of-range", { key, value, expected }), place);
    }
    if (read["memory_limit"] === undefined || read["max_memory"] === undefined) return read;
    const parameters = { first: "memory_limit", second: "max_memory", help: "they are one setting: keep one" };
    site.reading.report(
      definitionProblem("one-of-two", parameters),
      locations.ofKey(read, "max_memory") ?? site.location,
    );
    return read;
  },
};
