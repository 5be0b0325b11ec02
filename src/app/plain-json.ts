/**
 * JSON of plain data, two blanks deep. Integers beyond 2^53 keep all their digits (bigint is written as a number), maps are
 * objects, floats that JSON has no number for are text (`"NaN"`). `mask` is applied to every text, keys too.
 */
export function toJson(value: unknown, mask: (text: string) => string = (text) => text): string {
  return render(value, mask, "");
}

function render(value: unknown, mask: (text: string) => string, indent: string): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value));
  if (typeof value === "string") return JSON.stringify(mask(value));
  if (typeof value === "boolean") return String(value);
  if (value === null || value === undefined) return "null";
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((entry) => inner + render(entry, mask, inner)).join(",\n")}\n${indent}]`;
  }
  const entries = (value instanceof Map ? [...value] : Object.entries(value)).filter(
    ([, entry]) => entry !== undefined,
  );
  if (entries.length === 0) return "{}";
  const lines = entries.map(
    ([key, entry]) => `${inner}${JSON.stringify(mask(String(key)))}: ${render(entry, mask, inner)}`,
  );
  return `{\n${lines.join(",\n")}\n${indent}}`;
}
