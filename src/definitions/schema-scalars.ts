import { isMap, isNode, isScalar, isSeq } from "yaml";
import { parseByteSize } from "../columnar/byte-sizes.js";
import { type DType, parseDType, SCALAR_DTYPES } from "../columnar/dtypes.js";
import { type Duration, parseDuration } from "../columnar/instants.js";
import { definitionProblem } from "../errors/definition.js";
import { nearest } from "../errors/nearest.js";
import type { Literal } from "./literal.js";
import { type ScalarValue, scalarValue } from "./reading.js";
import { orPlaceholder, readAt, type Schema, type Site, scalar, textual, wrongType } from "./schema.js";
import { holdsPassword, SECRET_REFERENCE } from "./secrets.js";

const TEXT_JSON = { type: "string", minLength: 1 };

/** Any text but the empty one. */
export function text(expects = "a text", options: { readonly service?: boolean } = {}): Schema<string> {
  return textual({
    expects,
    json: TEXT_JSON,
    ...options,
    read(value, _written, site) {
      if (value.trim() !== "") return value;
      site.reading.report(definitionProblem("empty", { key: site.key, expected: expects }), site.location);
      return undefined;
    },
  });
}

/** A text that may be empty. */
export const freeText: Schema<string> = textual({
  expects: "a text",
  json: { type: "string" },
  read: (value) => value,
});

/** Where a source or store lies: a path or URL, without a password in it. */
export function address(expects: string): Schema<string> {
  return textual({
    expects,
    json: TEXT_JSON,
    read(value, _written, site) {
      const { reading, key, location } = site;
      if (value.trim() === "") reading.report(definitionProblem("empty", { key, expected: expects }), location);
      else if (!holdsPassword(value)) return value;
      else {
        reading.report(definitionProblem("password-in-address", { key }), location);
        hide(site);
      }
      return undefined;
    },
  });
}

/** A password, key or token: only the name of an environment variable, kept as that name. */
export const secret: Schema<string> = {
  expects: "the name of an environment variable, ${NAME}",
  json: { type: "string", pattern: SECRET_REFERENCE.source },
  read(site) {
    const { node, reading, key, location } = site;
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "string" && SECRET_REFERENCE.test(value) && value !== "${service}") return value;
    const isReference = typeof value === "string" && /^\$\{[^}]*\}$/.test(value);
    reading.report(definitionProblem(isReference ? "secret-default" : "inline-secret", { key }), location);
    hide(site);
    return undefined;
  },
};

/** Takes care that the value is not shown in any excerpt. */
function hide({ node, reading }: Site): void {
  const [from, to] = node.range ?? [0, 0];
  reading.secrets.push([from, to]);
}

const NAME = /^[A-Za-z0-9_]+$/;
const COLUMN_REFERENCE = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$/;

function named(expects: string, pattern: RegExp): Schema<string> {
  return textual({
    expects,
    json: orPlaceholder({ type: "string", pattern: pattern.source }),
    read(value, written, site) {
      if (pattern.test(value)) return value;
      const parameters = { key: site.key, name: written, expected: expects };
      site.reading.report(definitionProblem("bad-name", parameters), site.location);
      return undefined;
    },
  });
}

/** Letters, digits and `_`. */
export const name: Schema<string> = named("a name", NAME);
export const viewName: Schema<string> = named("the name of a feature view", NAME);
export const columnName: Schema<string> = named("the name of a column", NAME);
export const columnReference: Schema<string> = named("a column, or view.column", COLUMN_REFERENCE);

export function isName(value: string): boolean {
  return NAME.test(value);
}

export const LARGEST_INTEGER = 2n ** 63n - 1n;

/** An integer, exact; bounds are inclusive. */
export function integer(least: bigint, most: bigint = LARGEST_INTEGER): Schema<bigint> {
  const expects = most === LARGEST_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`;
  const bounds = { minimum: Number(least), ...(most === LARGEST_INTEGER ? {} : { maximum: Number(most) }) };
  return scalar({
    expects,
    json: orPlaceholder({ type: "integer", ...bounds }),
    read({ value, written, substituted }, site) {
      const number =
        substituted && typeof value === "string" && /^\s*[-+]?\d+\s*$/.test(value)
          ? BigInt(value.trim().replace(/^\+/, ""))
          : value;
      if (typeof number !== "bigint") return wrongType(site, expects, unquote(number, /^[-+]?\d+$/));
      if (number >= least && number <= most) return number;
      const parameters = { key: site.key, value: written, expected: expects };
      site.reading.report(definitionProblem("out-of-range", parameters), site.location);
      return undefined;
    },
  });
}

export const boolean: Schema<boolean> = scalar({
  expects: "true or false",
  json: orPlaceholder({ type: "boolean" }),
  read({ value, substituted }, site) {
    if (typeof value === "boolean") return value;
    if (substituted && /^(true|false)$/i.test(String(value))) return String(value).toLowerCase() === "true";
    return wrongType(site, "true or false", unquote(value, /^(true|false)$/i));
  },
});

function unquote(value: ScalarValue["value"], pattern: RegExp): string | undefined {
  return typeof value === "string" && pattern.test(value) ? `write it without quotes: ${value}` : undefined;
}

const DURATION = "a duration such as 7d";

function durational<Word extends string>(expects: string, words: readonly Word[]): Schema<Duration | Word> {
  const pattern = ["0*[1-9][0-9]*[smhdw]", ...words].join("|");
  return textual({
    expects,
    json: orPlaceholder({ type: "string", pattern: `^(${pattern})$` }),
    read(value, written, site) {
      const read = words.find((word) => word === value) ?? parseDuration(value);
      if (read !== undefined) return read;
      const parameters = { key: site.key, text: written, expected: expects };
      site.reading.report(definitionProblem("bad-duration", parameters), site.location);
      return undefined;
    },
  });
}

export const duration: Schema<Duration> = durational(DURATION, []);
export const window: Schema<Duration> = durational(`${DURATION}, or all`, ["all"]);

const BYTE_SIZE = "a size such as 4GB";

/** Bytes. */
export const byteSize: Schema<number> = textual({
  expects: BYTE_SIZE,
  json: orPlaceholder({ type: "string", pattern: "^\\s*[0-9]+(\\.[0-9]+)?\\s*([kKmMgGtT][iI]?)?[bB]\\s*$" }),
  read(value, _written, site) {
    return parseByteSize(value) ?? wrongType(site, BYTE_SIZE);
  },
});

/** What users of other systems write for the dtypes. */
const DTYPE_SYNONYMS: Readonly<Record<string, DType>> = {
  BOOL: "BOOLEAN",
  INT8: "TINYINT",
  INT16: "SMALLINT",
  INT: "INTEGER",
  INT32: "INTEGER",
  LONG: "BIGINT",
  INT64: "BIGINT",
  FLOAT32: "FLOAT",
  FLOAT64: "DOUBLE",
  STR: "TEXT",
  STRING: "TEXT",
  DATETIME: "TIMESTAMP",
};

export const dtype: Schema<DType> = textual({
  expects: "a dtype such as BIGINT or TEXT[]",
  json: {
    anyOf: [
      { enum: SCALAR_DTYPES.flatMap((one) => [one, `${one}[]`]) },
      { type: "string", pattern: `^\\s*(${[...SCALAR_DTYPES, "VARCHAR"].map(anyCase).join("|")})(\\[\\])?\\s*$` },
      { type: "string", pattern: "\\$\\{" },
    ],
  },
  read(value, written, site) {
    const parsed = parseDType(value);
    if (parsed !== undefined) return parsed;
    const known = [...SCALAR_DTYPES];
    const [, stem = "", brackets = ""] = /^\s*(.*?)\s*((?:\[\])?)\s*$/.exec(written) ?? [];
    const near = DTYPE_SYNONYMS[stem.toUpperCase()] ?? nearest(stem, known);
    const suggestion = near === undefined ? undefined : `${near}${brackets}`;
    const parameters = { key: site.key, text: written, nearest: suggestion, known };
    site.reading.report(definitionProblem("bad-dtype", parameters), site.location);
    return undefined;
  },
});

function anyCase(word: string): string {
  return [...word].map((letter) => `[${letter}${letter.toLowerCase()}]`).join("");
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  code: "bad-value" | "unknown-engine" = "bad-value",
): Schema<Word> {
  return textual({
    expects: words.length === 1 ? `${words[0]}` : `one of ${words.join(", ")}`,
    json: { anyOf: [{ enum: words }, { type: "string", pattern: "\\$\\{" }] },
    read(value, written, site) {
      const word = words.find((one) => one === value);
      if (word !== undefined) return word;
      const parameters = { key: site.key, text: written, nearest: nearest(written, words), known: words };
      site.reading.report(definitionProblem(code, parameters), site.location);
      return undefined;
    },
  });
}

/** A month, `"YYYYMM"`: quoted, since a bare 202602 is an integer. */
export const month: Schema<string> = textual({
  expects: 'a month as a quoted text such as "202602"',
  json: orPlaceholder({ type: "string", pattern: "^[0-9]{4}(0[1-9]|1[0-2])$" }),
  read(value, written, site) {
    if (/^\d{4}(0[1-9]|1[0-2])$/.test(value)) return value;
    site.reading.report(definitionProblem("bad-month", { key: site.key, text: written }), site.location);
    return undefined;
  },
});

/** A scalar as it is written: text, number, boolean; integers are exact. `null` only where it says something. */
export function scalarLiteral(options: { readonly null: boolean }): Schema<Literal> {
  const expects = options.null ? "a text, a number, true, false or null" : "a text, a number, true or false";
  return scalar({
    expects,
    json: { type: ["string", "number", "boolean", ...(options.null ? ["null"] : [])] },
    read(value, site) {
      const literal = literalOf(value);
      return literal === null && !options.null ? wrongType(site, expects) : literal;
    },
  });
}

/**
 * What a substituted text is as a literal: a constant keeps its type, an unquoted text is read as YAML reads it, a quoted
 * one stays text (and is read as its column's dtype where that is known).
 */
function literalOf({ value, substituted, plain, constant }: ScalarValue): Literal {
  if (constant !== undefined) return constant;
  return substituted && plain && typeof value === "string" ? plainLiteral(value) : value;
}

/** A text as YAML 1.2 (core) reads it without quotes. */
export function plainLiteral(text: string): Literal {
  if (/^(~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(true|True|TRUE|false|False|FALSE)$/.test(text)) return text.toLowerCase() === "true";
  if (/^[-+]?\d+$/.test(text)) return BigInt(text.replace(/^\+/, ""));
  if (/^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(text)) return Number(text);
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^\.(nan|NaN|NAN)$/.test(text) ? Number.NaN : text;
}

const SCALAR_OR_NULL = scalarLiteral({ null: true });
const LITERAL = "a literal (a text, a number, true, false, null, or a list of them)";

/** Any scalar or list of literals; null is one. */
export const literal: Schema<Literal> = {
  expects: LITERAL,
  json: { type: ["string", "number", "boolean", "null", "array"] },
  read(site) {
    const { node, reading, key } = site;
    if (isMap(node)) return wrongType(site, LITERAL);
    if (!isSeq(node)) return SCALAR_OR_NULL.read(site);
    const items = node.items.map((item) =>
      isNode(item) ? readAt(literal, item, `an element of ${key}`, reading) : undefined,
    );
    const whole = items.filter((item): item is Literal => item !== undefined);
    return whole.length < items.length ? undefined : Object.freeze(whole);
  },
};

/** A literal whose dtype is known only later: beside it the substituted text, to be read as that dtype. */
export interface LateLiteral {
  readonly value: Literal;
  readonly text?: string;
}

export const lateLiteral: Schema<LateLiteral> = {
  expects: LITERAL,
  json: literal.json,
  read(site) {
    if (!isScalar(site.node)) {
      const value = literal.read(site);
      return value === undefined ? undefined : { value };
    }
    const scalarRead = scalarValue(site.node, site.reading, site.location);
    if (scalarRead === undefined) return undefined;
    const { value, substituted } = scalarRead;
    return { value: literalOf(scalarRead), ...(substituted && typeof value === "string" ? { text: value } : {}) };
  },
};
