/**
 * JSON read from bytes without making values of it: a number stays the text that was written, a nested array or object its raw
 * text. Strict (RFC 8259): NaN, Infinity, comments, trailing commas, lone surrogates are refused.
 */
export class JsonSyntaxError extends Error {
  /** `offset`: bytes from the start of the text. */
  constructor(
    readonly reason: string,
    readonly offset: number,
  ) {
    super(`${reason} at byte ${offset + 1}`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const DEEPEST = 500;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A value's bytes as a column of text holds them: strings unescaped, all else as written; null for JSON null. */
export type JsonValueText = Uint8Array | null;

class Reader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  fail(reason: string, at = this.at): never {
    throw new JsonSyntaxError(reason, at);
  }

  blanks(): void {
    for (;;) {
      const c = this.bytes[this.at];
      if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return;
      this.at++;
    }
  }

  expect(character: number): void {
    if (this.bytes[this.at] !== character)
      this.fail(this.at >= this.bytes.length ? "it ends too early" : `"${String.fromCharCode(character)}" is missing`);
    this.at++;
  }

  /** Skips a string; true if it has escapes. */
  string(): boolean {
    const { bytes } = this;
    const start = this.at;
    this.expect(QUOTE);
    let escaped = false;
    for (;;) {
      const c = bytes[this.at];
      if (c === undefined) this.fail("a string does not end", start);
      if (c === QUOTE) {
        this.at++;
        return escaped;
      }
      if (c < 0x20) this.fail("a control character stands in a string");
      if (c === BACKSLASH) {
        escaped = true;
        this.at++;
      }
      this.at++;
    }
  }

  /** The string's own bytes. */
  text(): Uint8Array {
    const start = this.at;
    const escaped = this.string();
    if (!escaped) return this.bytes.subarray(start + 1, this.at - 1);
    return this.unescape(start, this.at);
  }

  unescape(start: number, end: number): Uint8Array {
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(this.bytes.subarray(start, end)));
    } catch {
      this.fail("a string has an escape that is none", start);
    }
    if (typeof value !== "string" || /\p{Surrogate}/u.test(value))
      this.fail("a string has half a surrogate pair", start);
    return encoder.encode(value);
  }

  digits(): void {
    const start = this.at;
    while (isDigit(this.bytes[this.at])) this.at++;
    if (this.at === start) this.fail("a digit is missing");
  }

  number(): void {
    if (this.bytes[this.at] === 0x2d) this.at++;
    if (this.bytes[this.at] === 0x30) this.at++;
    else this.digits();
    if (this.bytes[this.at] === 0x2e) {
      this.at++;
      this.digits();
    }
    if (this.bytes[this.at] === 0x65 || this.bytes[this.at] === 0x45) {
      this.at++;
      if (this.bytes[this.at] === 0x2b || this.bytes[this.at] === 0x2d) this.at++;
      this.digits();
    }
  }

  word(): void {
    const start = this.at;
    while (isWord(this.bytes[this.at])) this.at++;
    const word = String.fromCharCode(...this.bytes.subarray(start, Math.min(this.at, start + 20)));
    if (word === "true" || word === "false" || word === "null") return;
    this.fail(word === "" ? "a value is missing" : `${word} is no JSON value`, start);
  }

  /** Skips a value and tells what it began with. */
  value(depth = 0): number {
    const c = this.bytes[this.at];
    if (c === undefined) this.fail("it ends too early");
    if (depth > DEEPEST) this.fail("it is nested too deeply");
    if (c === QUOTE) {
      const start = this.at;
      if (this.string()) this.unescape(start, this.at);
    } else if (c === OPEN_BRACE) this.members(depth);
    else if (c === OPEN_BRACKET) this.elements(depth, () => this.value(depth + 1));
    else if (c === 0x2d && !isDigit(this.bytes[this.at + 1])) this.fail("a number is missing after -");
    else if (c === 0x2d || isDigit(c)) this.number();
    else this.word();
    return c;
  }

  members(depth: number): void {
    this.each(CLOSE_BRACE, () => {
      this.text();
      this.blanks();
      this.expect(COLON);
      this.blanks();
      this.value(depth + 1);
    });
  }

  elements(_depth: number, element: () => void): void {
    this.each(CLOSE_BRACKET, element);
  }

  /** `{…}` or `[…]`, entry by entry. */
  each(close: number, entry: () => void): void {
    this.at++;
    this.blanks();
    if (this.bytes[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      this.blanks();
      entry();
      this.blanks();
      if (this.bytes[this.at] === COMMA) this.at++;
      else {
        this.expect(close);
        return;
      }
    }
  }

  /** The value here, as text. */
  valueText(depth: number): JsonValueText {
    const start = this.at;
    if (this.bytes[start] === QUOTE) return this.text();
    const first = this.value(depth);
    return first === 0x6e ? null : this.bytes.subarray(start, this.at);
  }

  end(): void {
    this.blanks();
    if (this.at < this.bytes.length) this.fail("something follows the value");
  }
}

/** Reads the same top-level fields of many objects. */
export class JsonFields {
  readonly #fields: ReadonlyMap<string, number>;
  readonly width: number;

  constructor(names: readonly string[]) {
    this.#fields = new Map(names.map((name, index) => [name, index]));
    this.width = names.length;
  }

  /**
   * Writes the object's fields to `into[from …]`, absent ones as null; of a name that stands twice the last counts.
   * Throws JsonSyntaxError if the text is not one JSON object.
   */
  read(bytes: Uint8Array, into: JsonValueText[], from: number): void {
    const reader = new Reader(bytes);
    for (let index = 0; index < this.width; index++) into[from + index] = null;
    reader.blanks();
    if (bytes[reader.at] !== OPEN_BRACE) reader.fail("it does not begin with {");
    reader.each(CLOSE_BRACE, () => {
      const name = decoder.decode(reader.text());
      reader.blanks();
      reader.expect(COLON);
      reader.blanks();
      const field = this.#fields.get(name);
      if (field === undefined) reader.value(1);
      else into[from + field] = reader.valueText(1);
    });
    reader.end();
  }
}

/** Appends the elements of a JSON array, as text; returns how many. Throws JsonSyntaxError if the text is not one array. */
export function jsonElements(bytes: Uint8Array, into: JsonValueText[]): number {
  const reader = new Reader(bytes);
  const before = into.length;
  reader.blanks();
  if (bytes[reader.at] !== OPEN_BRACKET) reader.fail("it does not begin with [");
  reader.elements(1, () => {
    into.push(reader.valueText(1));
  });
  reader.end();
  return into.length - before;
}

function isDigit(c: number | undefined): boolean {
  return c !== undefined && c >= 0x30 && c <= 0x39;
}

function isWord(c: number | undefined): boolean {
  return c !== undefined && ((c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a));
}
