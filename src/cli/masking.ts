const MASK = "***";

/** Replaces secrets in text. Values are added as they become known; nothing of them is kept but what masking needs. */
export class Masking {
  #patterns: RegExp[] = [];

  /** `secrets`: values as they stand in the environment. A key of several lines is masked line by line too. */
  hide(secrets: Iterable<string>): void {
    for (const secret of secrets) {
      const lines = secret.split(/\r?\n/).filter((line) => line.length >= 8);
      for (const text of new Set([secret, secret.trim(), ...lines, ...lines.map((line) => encodeURIComponent(line))])) {
        if (text === "") continue;
        const exact = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
        // A very short secret would star out parts of ordinary words; it is masked where it stands alone.
        this.#patterns.push(new RegExp(text.length < 4 ? `(?<!\\w)${exact}(?!\\w)` : exact, "g"));
      }
    }
    this.#patterns.sort((a, b) => b.source.length - a.source.length);
  }

  readonly mask = (text: string): string =>
    this.#patterns.reduce((masked, pattern) => masked.replace(pattern, MASK), text);
}
