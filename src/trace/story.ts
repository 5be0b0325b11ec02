import { placeText } from "./references.js";
import type { DroppedBy, EmbeddingStep, Excluded, JoinStep, QidStep, RowReference, Step, WindowStep } from "./steps.js";

/** A step in a few words, for a table of one line a column. */
export function brief(step: Step): string {
  switch (step.type) {
    case "scan":
      return `${step.view}${step.row === undefined ? "" : ` ${placeText(step.row)}`}`;
    case "join":
    case "pit_join":
      return step.chosen === undefined
        ? `no row of ${step.view}${excludedBrief(step.excluded)}`
        : `${step.view} ${placeText(step.chosen)}${excludedBrief(step.excluded)}`;
    case "window":
      return `${step.entered.count} of ${step.view} entered${excludedBrief(step.excluded)}`;
    case "convert":
      return `${step.from} → ${step.to}`;
    case "timestamp":
      return "as TIMESTAMP";
    case "literal":
      return "the default in every row: nothing produces it";
    case "sql":
      return `default_sql in every row: ${step.sql}`;
    case "age":
      return `${step.time} − ${step.created} in ${step.unit}`;
    case "curate":
      return step.verdict === "TRUE" ? `curated: ${step.before} → ${step.after}` : `not curated (${step.verdict})`;
    case "remap":
      return step.rule === "map" || step.rule === "otherwise"
        ? `remapped: ${step.before} → ${step.after}`
        : `not remapped (${step.rule})`;
    case "default":
      return `NULL → ${step.from} ${step.after}`;
    case "qid":
      return qidText(step);
    case "embedding":
      return step.filled === undefined
        ? `until enrich; then of store ${step.store}`
        : `of store ${step.store}, ${step.filled.found} of ${counted(step.filled.asked)}`;
    case "call":
      return `${step.function}(${Object.keys(step.arguments).join(", ")})`;
  }
}

function vectorsText({ asked, found, mean }: NonNullable<EmbeddingStep["filled"]>): string {
  if (found === 0) return `none of ${counted(asked)} has a vector`;
  return `${found} of ${counted(asked)} ${found === 1 ? "has" : "have"} a vector${mean ? "; their mean" : ""}`;
}

function counted(ids: number): string {
  return ids === 1 ? "1 id" : `${ids} ids`;
}

function excludedBrief(excluded: readonly Excluded[]): string {
  if (excluded.length === 0) return "";
  return `; not ${excluded.map(({ reason, count }) => `${count} ${reason}`).join(", ")}`;
}

/** A step in full, as lines. */
export function story(step: Step): readonly string[] {
  switch (step.type) {
    case "scan":
      return [`${step.operator}: read from ${brief(step)}`];
    case "join":
    case "pit_join":
      return joinStory(step);
    case "window":
      return windowStory(step);
    case "convert":
      return [`${step.operator}: converted from ${step.from} to ${step.to}: ${step.before} → ${step.after}`];
    case "timestamp":
      return [`${step.operator}: ${step.instant} as TIMESTAMP (the floor to microseconds)`];
    case "literal":
      return [`${step.operator}: no operator produces it, so it is ${step.after} in every row`];
    case "sql":
      return [`${step.operator}: no operator produces it, so it is ${step.sql} in every row: ${step.after}`];
    case "age":
      return [
        `${step.operator}: ${step.time} − ${step.created}, in units of 1${step.unit}${ageNote(step.time, step.created)}`,
        ...step.createdSteps.flatMap((one) => indented(["created:", ...indented(story(one))])),
      ];
    case "curate":
      return [
        `${step.operator}: where ${step.where} is ${step.verdict}: ${step.verdict === "TRUE" ? `${step.before} → ${step.after}` : "it stays"}`,
      ];
    case "remap":
      return [`${step.operator}: retriever_remap (${step.rule}): ${step.before} → ${step.after}`];
    case "default":
      return [`${step.operator}: nullable: false, so NULL becomes the ${step.from}: ${step.after}`];
    case "qid":
      return [`${step.operator}: ${qidText(step)}`];
    case "call":
      return [
        `${step.operator}: ${step.function}(${Object.entries(step.arguments)
          .map(([name, value]) => `${name} = ${value}`)
          .join(", ")}) → ${step.after}`,
      ];
    case "embedding":
      return [
        step.filled === undefined
          ? `${step.operator}: stays until enrich fills it from store ${step.store} by ${step.ids}`
          : `${step.operator}: filled from store ${step.store} by ${step.ids}: ${vectorsText(step.filled)}`,
      ];
  }
}

function ageNote(time: string, created: string): string {
  return created !== "NULL" && created > time ? "; created is later, so 0" : "";
}

function qidText({ session, day, number }: QidStep): string {
  if (session === "NULL") return "no session, no number";
  return `session ${session} of ${day}: ${number === undefined ? "no number yet" : `number ${number} of qid_map.parquet`}`;
}

/** Why a row is not in the output. */
export function droppedText(by: DroppedBy): string {
  if (by.type === "content") {
    const values = Object.entries(by.values).map(([column, value]) => `${column} = ${value}`);
    return `${by.filter}: ${by.where} is TRUE (${values.join(", ")})`;
  }
  if (by.type === "coverage")
    return `${by.filter}: embedding store ${by.store} has no vector for ${by.column} = ${by.id}`;
  const counts = `${by.rows} rows on ${by.day}, ${by.outside} outside view_events, of these ${by.likes} in like_events`;
  return `${by.filter}: session ${by.session} is ${by.kind} (${counts})`;
}

function joinStory(step: JoinStep): readonly string[] {
  const { operator, view, chosen, excluded, time, ttl, nullKey, type } = step;
  const rule = type === "join" ? "the latest row, whenever it was" : `the latest row before ${time}`;
  const age = ttl === undefined ? "" : `, not older than ${ttl}`;
  if (nullKey !== undefined) return [`${operator}: ${nullKey} is NULL, so no row of ${view} matches`];
  return [
    `${operator}: ${rule}${age}, of ${view} with ${keysText(step.keys)}`,
    ...indented(chosen === undefined ? ["no row, so NULL"] : [`chosen: ${rowText(chosen)}`]),
    ...indented(excludedStory("not chosen", excluded)),
  ];
}

function windowStory(step: WindowStep): readonly string[] {
  const { operator, view, from, before, agg, entered, excluded, own, nullKey } = step;
  if (nullKey !== undefined) return [`${operator}: ${nullKey} is NULL, so there is no history`];
  const when = from === undefined ? `time < ${before}` : `${from} <= time < ${before}`;
  return [
    `${operator}: ${agg} over the rows of ${view} with ${keysText(step.keys)}, ${when}`,
    ...indented(own === undefined ? [] : [`own value, which is dropped: ${own}`]),
    ...indented([
      `entered: ${entered.count}`,
      ...indented(entered.rows.map(rowText)),
      ...more(entered.count, entered.rows),
    ]),
    ...indented(excludedStory("did not enter", excluded)),
  ];
}

function excludedStory(title: string, excluded: readonly Excluded[]): readonly string[] {
  return excluded.flatMap(({ reason, count, rows }) => [
    `${title}, ${reason}: ${count}`,
    ...indented(rows.map(rowText)),
    ...more(count, rows),
  ]);
}

function more(count: number, rows: readonly RowReference[]): readonly string[] {
  return count > rows.length ? indented([`and ${count - rows.length} more`]) : [];
}

function keysText(keys: Readonly<Record<string, string>>): string {
  return Object.entries(keys)
    .map(([key, value]) => `${key} = ${value}`)
    .join(" and ");
}

/** `value  time  place`, and what else there is to say of it. */
export function rowText(row: RowReference): string {
  const { value, time, available, through, itself, file } = row;
  return [
    ...(value === undefined ? [] : [value]),
    time ?? "no time",
    ...(available === undefined ? [] : [`available ${available}`]),
    ...(file === undefined ? [] : [placeText(row)]),
    ...(through === undefined ? [] : [`through ${through.join(", ")}`]),
    ...(itself === undefined ? [] : ["(the row itself)"]),
  ].join("  ");
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}
