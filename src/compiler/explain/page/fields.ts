/** Plain data in the manner of YAML, for reading: nested maps indented, short lists in a line. */
export function yamlText(value: unknown, indent = ""): string {
  if (!isMap(value)) return `${indent}${inline(value)}\n`;
  return Object.entries(value)
    .map(([key, entry]) => `${indent}${key}:${entryText(entry, indent)}`)
    .join("");
}

const LINE = 60;

function entryText(value: unknown, indent: string): string {
  const short = inline(value);
  if (short.length <= LINE || !(Array.isArray(value) || isMap(value))) return ` ${short}\n`;
  if (isMap(value)) return `\n${yamlText(value, `${indent}  `)}`;
  return `\n${value.map((entry: unknown) => `${indent}  - ${itemText(entry, `${indent}    `)}`).join("")}`;
}

function itemText(value: unknown, indent: string): string {
  const short = inline(value);
  return short.length <= LINE || !isMap(value) ? `${short}\n` : yamlText(value, indent).trimStart();
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isMap(value))
    return `{${Object.entries(value)
      .map(([key, entry]) => `${key}: ${inline(entry)}`)
      .join(", ")}}`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
