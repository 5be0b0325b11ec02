/**
 * Plain data as JSON text and back, without loss: integers (`bigint`) and the floats that JSON lacks are wrapped as
 * `{"$bigint": "…"}` and `{"$number": "…"}`; an object that has such a key of its own is wrapped as `{"$object": …}`.
 * Entries that are undefined are left out.
 */
export function encode(value: unknown): string {
  return JSON.stringify(wrap(value));
}

export function decode(text: string): unknown {
  return unwrap(JSON.parse(text));
}

const TAGS = new Set(["$bigint", "$number", "$object"]);

function wrap(value: unknown): unknown {
  if (typeof value === "bigint") return { $bigint: value.toString() };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0)))
    return { $number: Object.is(value, -0) ? "-0" : String(value) };
  if (Array.isArray(value)) return value.map(wrap);
  if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new TypeError("not plain data: an instance of a class");
    const entries = Object.entries(value).map(([key, entry]) => [key, wrap(entry)] as const);
    const object = Object.fromEntries(entries);
    return entries.length === 1 && TAGS.has(entries[0]?.[0] ?? "") ? { $object: object } : object;
  }
  if (typeof value === "function" || typeof value === "symbol")
    throw new TypeError(`not plain data: a ${typeof value}`);
  return value;
}

function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) {
    const [key, inner] = only;
    if (key === "$bigint") return BigInt(String(inner));
    if (key === "$number") return Number(inner);
    if (key === "$object")
      return Object.fromEntries(Object.entries(inner).map(([name, entry]) => [name, unwrap(entry)]));
  }
  return Object.fromEntries(entries.map(([name, entry]) => [name, unwrap(entry)]));
}
