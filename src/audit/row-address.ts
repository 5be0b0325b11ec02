import type { DType } from "../columnar/dtypes.js";
import { parseIso, type TimeUnit } from "../columnar/instants.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import { nearest } from "../errors/nearest.js";
import { DaedalusError, type Problem } from "../errors/problem.js";
import { traceProblem } from "../errors/trace.js";
import { isoInstant, type Nanos, unitNanos } from "../trace/instants.js";
import { converted, fitsInteger, shown, type Value } from "../trace/values.js";

/** A row of the spine as a user names it. */
export interface RowAddress {
  /** By key column of the spine view; `NULL` for none. */
  readonly keys: Readonly<Record<string, string>>;
  /** ISO 8601, or an integer of the spine's timestamp unit. */
  readonly time: string;
}

/** The same, understood. */
export interface TypedAddress {
  readonly keys: ReadonlyMap<string, { readonly dtype: DType; readonly value: Value }>;
  readonly time: Nanos;
}

/** Reads `key=value,key=value@time`. Throws DaedalusError `trace/bad-row`, exit code 2. */
export function parseRowAddress(text: string, service: ResolvedService): RowAddress {
  const refuse = (why: string) =>
    new DaedalusError([traceProblem("bad-row", { text, why, example: exampleOf(service) })], 2);
  const keys: Record<string, string> = {};
  const pair = /([^=,@]+)=('(?:[^']|'')*'|[^,@]*)([,@]|$)/y;
  let end = "";
  while (end !== "@") {
    const [whole, key = "", value = "", then = ""] = pair.exec(text) ?? [];
    if (whole === undefined) throw refuse(`key=value is expected at "${text.slice(pair.lastIndex)}"`);
    if (Object.hasOwn(keys, key.trim())) throw refuse(`the key ${key.trim()} is there twice`);
    keys[key.trim()] = value;
    if (then === "") throw refuse("@ and a time are missing");
    end = then;
  }
  return { keys, time: text.slice(pair.lastIndex) };
}

/**
 * The address with the dtypes of the spine's columns. Throws DaedalusError, exit code 2, with all that is wrong:
 * `trace/unknown-key`, `trace/missing-key`, `trace/bad-key-value`, `trace/bad-time`.
 */
export function typedAddress(address: RowAddress, service: ResolvedService): TypedAddress {
  const { spine } = service;
  const problems: Problem[] = [];
  const keys = new Map<string, { dtype: DType; value: Value }>();
  for (const [key, text] of Object.entries(address.keys)) {
    const column = spine.keys.includes(key) ? spine.columns.get(key) : undefined;
    if (column === undefined) {
      const near = nearest(key, spine.keys);
      const known = spine.keys;
      problems.push(
        traceProblem("unknown-key", { key, view: spine.name, known, ...(near === undefined ? {} : { nearest: near }) }),
      );
      continue;
    }
    const value = keyValue(text, column.dtype);
    if (value === undefined) problems.push(traceProblem("bad-key-value", { key, value: text, dtype: column.dtype }));
    else keys.set(key, { dtype: column.dtype, value });
  }
  const missing = requiredKeys(service).filter((key) => !(key in address.keys));
  if (missing.length > 0) problems.push(traceProblem("missing-key", { missing, example: exampleOf(service) }));
  const unit = spine.time?.unit ?? "us";
  const time = timeOf(address.time, unit);
  if (time === undefined) problems.push(traceProblem("bad-time", { text: address.time, wanted: timeForms(unit) }));
  if (problems.length > 0 || time === undefined) throw new DaedalusError(problems, 2);
  return { keys, time };
}

/** The key columns of the contract, which name a row together with its time. */
export function requiredKeys(service: ResolvedService): readonly string[] {
  return service.columns.filter(({ kind }) => kind === "key").map(({ name }) => name);
}

function exampleOf(service: ResolvedService): string {
  return `${requiredKeys(service)
    .map((key) => `${key}=…`)
    .join(",")}@2024-01-31T12:00:00Z`;
}

function keyValue(text: string, dtype: DType): Value | undefined {
  if (text === "NULL") return null;
  const quoted = /^'(.*)'$/s.exec(text)?.[1]?.replaceAll("''", "'");
  const plain = quoted ?? text;
  switch (dtype) {
    case "TEXT":
      return plain;
    case "BOOLEAN":
      return /^(true|false)$/i.test(plain) ? plain.toLowerCase() === "true" : undefined;
    case "FLOAT":
    case "DOUBLE":
      return /^(NaN|[+-]?(Infinity|\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/.test(plain)
        ? converted(Number(plain), "DOUBLE", dtype)
        : undefined;
    case "DATE": {
      const nanos = /^\d{4}-\d{2}-\d{2}$/.test(plain) ? parseIso(plain) : undefined;
      return nanos === undefined ? undefined : nanos / 86_400_000_000_000n;
    }
    case "TIMESTAMP": {
      const nanos = parseIso(plain);
      return nanos === undefined ? undefined : nanos / 1_000n;
    }
    default:
      return /^[+-]?\d+$/.test(plain) && fitsInteger(BigInt(plain), dtype) ? BigInt(plain) : undefined;
  }
}

function timeOf(text: string, unit: TimeUnit): Nanos | undefined {
  const nanos = unitNanos(unit);
  if (nanos !== undefined && /^-?\d+$/.test(text)) return BigInt(text) * nanos;
  return parseIso(text);
}

function timeForms(unit: TimeUnit): string {
  const iso = "ISO 8601, as 2024-01-31T12:00:00Z";
  return unitNanos(unit) === undefined ? iso : `${iso}, or an integer in ${unit}`;
}

/** A row as `explain --row` takes it. */
export function addressText(
  keys: readonly { readonly key: string; readonly dtype: DType; readonly value: Value }[],
  at: Nanos,
): string {
  const pairs = keys.map(({ key, dtype, value }) => {
    const plain = shown(value, dtype);
    const quoted = dtype === "TEXT" && value !== null && /^NULL$|[,@']/.test(plain);
    return `${key}=${quoted ? `'${plain.replaceAll("'", "''")}'` : plain}`;
  });
  return `${pairs.join(",")}@${isoInstant(at)}`;
}
