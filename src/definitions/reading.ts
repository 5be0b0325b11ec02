import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { definitionProblem } from "../errors/definition.js";
import { nearest } from "../errors/nearest.js";
import type { Problem } from "../errors/problem.js";
import type { Literal } from "./literal.js";
import type { Location, LocationStore } from "./location.js";
import type { Mistakes } from "./mistakes.js";
import { type Fault, hasPlaceholder, type Names, substitute } from "./substitution.js";

/** What all files of one reading share. */
export interface ReadingContext {
  readonly names: Names;
  readonly locations: LocationStore;
  readonly mistakes: Mistakes;
  /** Told of each constant as it is read; without a value if it is mistaken. */
  defineConstant(name: string, value: Literal | undefined): void;
}

/** One YAML file that is being read. */
export interface Reading {
  readonly file: string;
  readonly context: ReadingContext;
  /** Problems with their place; excerpts are cut later, when all secrets of the file are known. */
  readonly problems: Problem[];
  /** Lengths of the marks, by problem. */
  readonly marks: WeakMap<Problem, number>;
  /** Where inline secrets stand in the text, to be masked. */
  readonly secrets: (readonly [from: number, to: number])[];
  /** Unset variables of a connection, by its name: told only when something needs the connection. */
  readonly deferred: Map<string, readonly Problem[]>;
  /** Grows with each mistake, also with those that are told elsewhere (a broken constant). */
  mistakes: number;
  report(problem: Problem, location: Location): void;
  /** Where a node stands, its mark clipped to its first line. */
  locate(node: Node): Location;
  /** What an alias stands for; undefined (and reported) if it stands for nothing usable. */
  resolve(node: Node): Exclude<YamlNode, null> | undefined;
  /** Reads below an anchor: refuses an alias inside the value that it stands for. */
  within<Result>(node: Node, read: () => Result | undefined): Result | undefined;
}

export type YamlMap = YAMLMap<unknown, unknown>;
export type YamlList = YAMLSeq<unknown>;
export type YamlNode = YamlMap | YamlList | Scalar | null;

/** A file's text as a YAML document; without `contents` if it does not parse. */
export interface ParsedFile {
  readonly reading: Reading;
  readonly contents: Node | undefined;
  /** Best effort, for a file that does not parse: its top-level `name`. */
  readonly name: string | undefined;
}

/** No honest project has more; a file whose aliases multiply without end is stopped here. */
const MOST_ALIASES = 10_000;

export function parseFile(file: string, text: string, context: ReadingContext): ParsedFile {
  const lines = new LineCounter();
  const document: Document = parseDocument(text, {
    lineCounter: lines,
    intAsBigInt: true,
    version: "1.2",
    schema: "core",
    uniqueKeys: true,
    prettyErrors: false,
  });
  const locateRange = (from: number, to: number): Location => {
    const { line, col } = lines.linePos(from);
    const lineEnd = text.indexOf("\n", from);
    const end = lineEnd === -1 ? to : Math.min(to, lineEnd);
    return { file, line: Math.max(1, line), column: Math.max(1, col), length: Math.max(1, end - from) };
  };
  const reading = readingOf(file, document, context, locateRange);
  const faults = [...document.errors, ...document.warnings];
  // What comes after the first fault of the syntax mostly comes of it.
  const fault = faults.find(({ code }) => code !== "DUPLICATE_KEY");
  let broken = fault !== undefined;
  if (fault !== undefined) {
    const { code, pos, message } = fault;
    const list = unquotedList(text, pos[0]);
    const reason = REASONS[code] ?? lowerFirst(message.split("\n")[0] ?? message);
    if (list === undefined) reading.report(definitionProblem("syntax", { reason }), locateRange(pos[0], pos[1]));
    else
      reading.report(definitionProblem("unquoted-list", list), locateRange(list.from, list.from + list.dtype.length));
  } else
    for (const { pos } of faults) {
      const key = keyAt(text, pos[0]);
      const problem = definitionProblem("duplicate-key", { key: unquoted(key) });
      reading.report(problem, locateRange(pos[0], pos[0] + key.length));
    }
  const version = document.directives?.yaml;
  if (version?.explicit && version.version !== "1.2") {
    reading.report(
      definitionProblem("syntax", { reason: `it claims to be YAML ${version.version}` }),
      locateRange(0, 1),
    );
    broken = true;
  }
  visit(document, {
    Scalar(_, node) {
      const reason = unusable(node.value);
      if (reason === undefined) return;
      reading.report(definitionProblem("unusable-value", { reason }), reading.locate(node));
      broken = true;
    },
  });
  const name: unknown = isMap(document.contents) ? document.contents.get("name") : undefined;
  return {
    reading,
    contents: broken ? undefined : (document.contents ?? emptyMap()),
    name: typeof name === "string" ? name : undefined,
  };
}

/** A dtype of lists (`BIGINT[]`) in the line of a fault and not behind it: between braces `[` begins a list of YAML. */
function unquotedList(text: string, at: number): { readonly dtype: string; readonly from: number } | undefined {
  const begin = text.lastIndexOf("\n", at - 1) + 1;
  const [line = ""] = text.slice(begin).split("\n", 1);
  const found = [...line.matchAll(/(?<=:\s*)[A-Za-z]+\[\](?=\s*[,}])/g)].findLast(({ index }) => begin + index <= at);
  return found === undefined ? undefined : { dtype: found[0], from: begin + found.index };
}

/** What the parser says in words of its own program. */
const REASONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  MULTIPLE_DOCS: "a second document begins here (---), and a file holds one",
  RESOURCE_EXHAUSTION: "its values are nested too deeply",
};

/** What no definition can mean, nor the engines take. */
function unusable(value: unknown): string | undefined {
  if (typeof value === "string" && value.includes("\0")) return "the text has the character NUL";
  if (value instanceof Uint8Array) return "bytes (!!binary) are no value of a definition";
  return undefined;
}

function readingOf(
  file: string,
  document: Document,
  context: ReadingContext,
  locateRange: (from: number, to: number) => Location,
): Reading {
  const problems: Problem[] = [];
  const marks = new WeakMap<Problem, number>();
  const open = new Set<Node>();
  let aliases = 0;
  const reading: Reading = {
    file,
    context,
    problems,
    marks,
    secrets: [],
    deferred: new Map(),
    mistakes: 0,
    report(problem, { line, column, length }) {
      const placed: Problem = Object.freeze({ ...problem, file, line, column });
      marks.set(placed, length ?? 1);
      problems.push(placed);
      reading.mistakes++;
    },
    locate: (node) => locateRange(node.range?.[0] ?? 0, node.range?.[1] ?? 0),
    resolve(node) {
      if (!isAlias(node)) return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
      const bad = (reason: string): undefined => {
        reading.report(definitionProblem("bad-alias", { alias: node.source, reason }), reading.locate(node));
        return undefined;
      };
      if (++aliases > MOST_ALIASES) return aliases === MOST_ALIASES + 1 ? bad("is one of too many") : undefined;
      const target = node.resolve(document);
      if (target === undefined) return bad("has no anchor before it");
      return open.has(target) ? bad("stands inside the value that it names") : target;
    },
    within(node, read) {
      open.add(node);
      try {
        return read();
      } finally {
        open.delete(node);
      }
    },
  };
  return reading;
}

/** A scalar of the file, `${…}` substituted. */
export interface ScalarValue {
  readonly value: string | number | bigint | boolean | null;
  /** As it was written, before substitution: what messages may show. */
  readonly written: string;
  /** True if text was substituted: it is then read as its key's type. */
  readonly substituted: boolean;
  /** Written without quotes: a substituted text may then be read as YAML would read it. */
  readonly plain: boolean;
  /** The constant that is the whole text. */
  readonly constant?: Literal;
}

/** The value of a scalar node; undefined (and reported, with the place) if something in it cannot be substituted. */
export function scalarValue(
  node: Scalar,
  reading: Reading,
  location: Location,
  service = false,
): ScalarValue | undefined {
  const value = scalarOf(node.value);
  const plain = node.type === Scalar.PLAIN;
  if (typeof value !== "string" || !hasPlaceholder(value))
    return { value, written: node.source ?? String(value), substituted: false, plain };
  const { text, faults, constant } = substitute(value, reading.context.names, { service });
  if (faults.length === 0) {
    return { value: text, written: value, substituted: true, plain, ...(constant === undefined ? {} : { constant }) };
  }
  for (const fault of faults) reportFault(fault, reading, location);
  return undefined;
}

function scalarOf(value: unknown): ScalarValue["value"] {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return value;
    default:
      return null;
  }
}

function reportFault(fault: Fault, reading: Reading, location: Location): void {
  const { values } = reading.context.names.constants;
  switch (fault.kind) {
    case "silent":
      reading.mistakes++;
      return;
    case "unset-variable":
      reading.report(definitionProblem("unset-variable", { name: fault.name }), location);
      return;
    case "unknown-constant": {
      const known = [...values.keys()];
      const near = nearest(fault.name, known);
      reading.report(definitionProblem("unknown-constant", { name: fault.name, nearest: near, known }), location);
      return;
    }
    case "bad-substitution":
      reading.report(definitionProblem("bad-substitution", { text: fault.text, reason: fault.reason }), location);
  }
}

/** What stands where a value was wanted, for messages: `the integer 202602`, `a list`. */
export function describeNode(node: YamlNode): string {
  if (isMap(node)) return "a map";
  if (isSeq(node)) return "a list";
  return describeScalar(scalarOf(node?.value));
}

export function describeScalar(value: ScalarValue["value"]): string {
  switch (typeof value) {
    case "string":
      return `the text "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
    case "bigint":
      return `the integer ${value}`;
    case "number":
      return `the number ${value}`;
    case "boolean":
      return `the boolean ${value}`;
    default:
      return "nothing";
  }
}

/** The entries of a map: its keys as text, the first of equal ones only. */
export interface Entry {
  readonly key: string;
  readonly keyNode: Node;
  readonly valueNode: Node;
}

export function entriesOf(map: YamlMap, reading: Reading): readonly Entry[] {
  const entries = new Map<string, Entry>();
  for (const { key: keyNode, value } of map.items) {
    if (!isNode(keyNode)) continue;
    const resolved = reading.resolve(keyNode);
    if (resolved === undefined) continue;
    if (!isScalar(resolved)) {
      const found = describeNode(resolved);
      const problem = definitionProblem("wrong-type", { key: "a key", expected: "a text", found });
      reading.report(problem, reading.locate(keyNode));
      continue;
    }
    const key = typeof resolved.value === "string" ? resolved.value : (resolved.source ?? String(resolved.value));
    if (key === "<<" && resolved.type === Scalar.PLAIN) {
      reading.report(definitionProblem("merge-key", {}), reading.locate(keyNode));
      continue;
    }
    const identity = `${typeof resolved.value} ${key}`;
    if (entries.has(identity)) continue; // reported by the parser
    entries.set(identity, { key, keyNode, valueNode: isNode(value) ? value : nothingAfter(keyNode) });
  }
  return [...entries.values()];
}

/** The value of `{key}`, a key without colon: null, where the key ends. */
function nothingAfter(key: Node): Scalar {
  const end = key.range?.[1] ?? 0;
  const nothing = new Scalar(null);
  nothing.range = [end, end, end];
  return nothing;
}

function emptyMap(): Node {
  return parseDocument("{}").contents ?? new Scalar(null);
}

function keyAt(text: string, from: number): string {
  return /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^:,}\n]+)/.exec(text.slice(from, from + 200))?.[0].trimEnd() ?? "";
}

const unquoted = (key: string): string => key.replace(/^(["'])(.*)\1$/, "$2");
const lowerFirst = (text: string): string => text.slice(0, 1).toLowerCase() + text.slice(1);
