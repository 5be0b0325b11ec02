import { family } from "../../errors/catalogue.js";
import { DaedalusError } from "../../errors/problem.js";
import { isOutOfMemory } from "../../errors/run.js";
import { udfProblem } from "../../errors/udf.js";

const problem = family("engine", {
  "integer-sum": ({ column }: { column: string }) => ({
    says: `the integer sum "${column}" does not fit 64 bits`,
    help: "use agg: mean, a shorter window, or a floating-point source column",
  }),
  "kernel-memory": ({ what }: { what: string }) => ({
    says: `${what} does not fit the 4 GiB of a WebAssembly memory`,
    help: "give a smaller `memory`, so that the history is indexed by smaller parts of the keys, or a shorter history",
  }),
  "key-memory": ({ operator, key, rows }: { operator: string; key: string; rows: string }) => ({
    says: `operator "${operator}" needs the ${rows} history rows of the key ${key} at once, more than its share of memory_limit holds`,
    help: "raise compute.duckdb_config.memory_limit, shorten the windows, drop this key by a filter of the view, or let the engine duckdb compute it (compute.engine or rolling_engine: duckdb, without engine: pythonic)",
  }),
  "kernel-thread": ({ message }: { message: string }) => ({
    says: `a thread of the kernels failed: ${message}`,
    help: "call again with threads: 1; if that fails too, please report it with this text",
  }),
  "null-value": ({ column }: { column: string }) => ({
    says: `column "${column}" is declared nullable: false, has no default, and a row has no value for it`,
    help: `give "${column}" a default, or drop such rows with content_filter`,
  }),
  "value-does-not-fit": ({ column, value, dtype }: { column: string; value: string; dtype: string }) => ({
    says: `the value ${value} of column "${column}" does not fit ${dtype}`,
    help: "declare a wider dtype for the column",
  }),
  "duplicate-key": ({ keys }: { keys: string }) => ({
    says: `a view without timestamp_field has ${keys}`,
    help: "give the view a timestamp_field, or make its rows unique by their keys",
  }),
  "out-of-memory": ({ operator, detail }: { operator: string; detail: string }) => ({
    says: `DuckDB ran out of memory in operator "${operator}": ${detail}`,
    help: "raise compute.duckdb_config.memory_limit, or set temp_directory to a disk with space",
  }),
  "disk-full": ({ operator, detail }: { operator: string; detail: string }) => ({
    says: `writing failed in operator "${operator}": ${detail}`,
    help: "free space on the output's disk or on compute.duckdb_config.temp_directory, then run again",
  }),
  "temporary-folder": ({ folder, detail }: { folder: string; detail: string }) => ({
    says: `the temporary folder ${folder} cannot be made: ${detail}`,
    help: "name a folder that can be written in compute.duckdb_config.temp_directory",
  }),
  "rule-failed": ({ operator, rule, detail }: { operator: string; rule: string; detail: string }) => ({
    says: `the rule ${rule} of operator "${operator}" failed: ${detail}`,
    help: "write it so that it holds for every row: TRY_CAST gives NULL for what cannot be cast, and NULL is not TRUE",
  }),
  "query-failed": ({ operator, detail }: { operator: string; detail: string }) => ({
    says: `operator "${operator}" failed: ${detail}`,
    help: "see `daeda pipeline explain` for what the operator reads and computes",
  }),
});

export function engineProblem(...parameters: Parameters<typeof problem>): DaedalusError {
  return new DaedalusError([problem(...parameters)], 1);
}

/** True if nothing is known but what DuckDB said of the whole statement. */
export function isUnexplained(error: DaedalusError): boolean {
  return error.problems.some(({ code }) => code === "engine/query-failed");
}

const MARKED =
  /daedalus:(integer-sum|null-value|duplicate-key|value-does-not-fit|udf-failed|udf-wrong-result):([^\n]*)/;

/** What DuckDB said of a failed statement, in the reader's words. */
export function problemOfFailure(operator: string, error: unknown): DaedalusError {
  if (error instanceof DaedalusError) return error;
  const detail = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  const marked = MARKED.exec(error instanceof Error ? error.message : "");
  if (marked) {
    const [, kind, rest = ""] = marked;
    if (kind === "integer-sum") return engineProblem("integer-sum", { column: rest.replace(/^rolling:/, "") });
    if (kind === "null-value") return engineProblem("null-value", { column: rest });
    if (kind === "duplicate-key") return engineProblem("duplicate-key", { keys: rest });
    const [column = "", dtype = "", ...value] = rest.split("|");
    const ofUdf = problemOfUdf(error);
    if (ofUdf !== undefined) return ofUdf;
    return engineProblem("value-does-not-fit", { column, dtype, value: value.join("|") });
  }
  if (isOutOfMemory(error)) return engineProblem("out-of-memory", { operator, detail });
  if (/no space left|disk.*full|file too large|could not write|cannot write|failed to write/i.test(detail))
    return engineProblem("disk-full", { operator, detail });
  return engineProblem("query-failed", { operator, detail });
}

/** What is to be told where a user's function failed; undefined for another failure. */
export function problemOfUdf(error: unknown): DaedalusError | undefined {
  const [, kind, rest = ""] = MARKED.exec(error instanceof Error ? error.message : "") ?? [];
  const [name = "", first = "", ...more] = rest.split("|");
  if (kind === "udf-failed")
    return new DaedalusError([udfProblem("failed", { name, message: [first, ...more].join("|") })], 1);
  if (kind === "udf-wrong-result")
    return new DaedalusError([udfProblem("wrong-result", { name, wanted: first, got: more.join("|") })], 1);
  return undefined;
}
