import type { ProjectCase } from "./random-project.js";

/** A project as JSON: integers beyond JSON's, NaN, the infinities and −0 are written as `{"$": "…"}`. */
export function caseToJson(one: ProjectCase): string {
  return `${JSON.stringify(tagged(one), undefined, 1)}\n`;
}

export function caseFromJson(text: string): ProjectCase {
  return untagged(JSON.parse(text)) as ProjectCase;
}

function tagged(node: unknown): unknown {
  if (typeof node === "bigint") return { $: `${node}n` };
  if (typeof node === "number" && (!Number.isFinite(node) || Object.is(node, -0)))
    return { $: Object.is(node, -0) ? "-0" : String(node) };
  if (Array.isArray(node)) return node.map(tagged);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, tagged(value)]));
}

function untagged(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(untagged);
  if (typeof node !== "object" || node === null) return node;
  const entries = Object.entries(node);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "$" && typeof first[1] === "string")
    return first[1].endsWith("n") ? BigInt(first[1].slice(0, -1)) : Number(first[1]);
  return Object.fromEntries(entries.map(([key, value]) => [key, untagged(value)]));
}
