/** What may be missing of a definition: the value under a key; of a list or map, the entry of a name. */
export type Lost = string | ((name: string) => boolean);

/**
 * Which definitions have a mistake in them, and what was left out because of it: what a reader then misses is no further
 * mistake. What is mistaken but was kept, or is mistaken elsewhere in the same file, excuses nothing.
 */
export class Mistakes {
  readonly #lost = new WeakMap<object, Set<string> | "anything">();

  /** Something in the definition is mistaken. */
  note(definition: object): void {
    if (!this.#lost.has(definition)) this.#lost.set(definition, new Set());
  }

  /** What stood under the key was left out; without a name: it is not known what was. */
  lose(definition: object, name?: string): void {
    const lost = this.#lost.get(definition) ?? new Set();
    if (lost === "anything") return;
    this.#lost.set(definition, name === undefined ? "anything" : lost.add(name));
  }

  has(definition: object): boolean {
    return this.#lost.has(definition);
  }

  /** True if the definition may lack this (without it: anything) only because that was mistaken. */
  mayLack(definition: object, lost?: Lost): boolean {
    const known = this.#lost.get(definition);
    if (known === undefined || known === "anything") return known !== undefined;
    if (lost === undefined) return known.size > 0;
    return typeof lost === "string" ? known.has(lost) : [...known].some(lost);
  }

  /** The other definition is made of this one, and lacks what it lacks. */
  takeOver(from: object, to: object): void {
    const lost = this.#lost.get(from);
    if (lost === undefined) return;
    this.note(to);
    if (lost === "anything") this.lose(to);
    else for (const name of lost) this.lose(to, name);
  }
}
