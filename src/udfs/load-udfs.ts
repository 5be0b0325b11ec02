import * as arrow from "apache-arrow";
import { type DType, parseDType } from "../columnar/dtypes.js";
import { DaedalusError } from "../errors/problem.js";
import { udfProblem } from "../errors/udf.js";
import type { Udf } from "./udf.js";

/** Under this symbol a bundle finds the `apache-arrow` of the process that loads it, so that vectors are of one kind. */
export const ARROW = "daedalus.apache-arrow";

const loaded = new Map<string, Promise<ReadonlyMap<string, Udf>>>();

/**
 * The functions that a bundle exports, by name. Throws DaedalusError `udf/…`, exit code 2, for one that cannot be run, or exports
 * something else.
 */
export function loadUdfs(bundle: { readonly text: string; readonly hash: string }): Promise<ReadonlyMap<string, Udf>> {
  const known = loaded.get(bundle.hash) ?? load(bundle.text);
  loaded.set(bundle.hash, known);
  return known;
}

async function load(text: string): Promise<ReadonlyMap<string, Udf>> {
  Object.assign(globalThis, { [Symbol.for(ARROW)]: arrow });
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DaedalusError([udfProblem("not-loaded", { message })], 2, { cause: error });
  }
  const checked = Object.entries(exported).map(([name, value]) => [name, checkedUdf(name, value)] as const);
  return new Map(checked);
}

function checkedUdf(name: string, value: unknown): Udf {
  const wrong = (what: string): never => {
    throw new DaedalusError([udfProblem("not-a-udf", { name, what })], 2);
  };
  if (typeof value !== "object" || value === null) return wrong("it is no object");
  const { arguments: taken, returns, compute } = value as Readonly<Record<string, unknown>>;
  if (!Array.isArray(taken) || taken.length === 0) return wrong("`arguments` must be a list of dtypes, one at least");
  if (typeof compute !== "function") return wrong("`compute` must be a function");
  const dtypeOf = (written: unknown): DType => {
    const dtype = typeof written === "string" ? parseDType(written) : undefined;
    return dtype ?? wrong(`${JSON.stringify(written)} is no dtype such as BIGINT or TEXT[]`);
  };
  return { arguments: taken.map(dtypeOf), returns: dtypeOf(returns), compute: compute as Udf["compute"] };
}
