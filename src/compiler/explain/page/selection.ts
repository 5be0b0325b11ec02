/** What the reader looks at. */
export type Selected =
  | { readonly kind: "operator"; readonly name: string }
  | { readonly kind: "column"; readonly name: string }
  | undefined;

/** The one thing that is selected; everything that is drawn listens to it. */
export class Selection {
  #selected: Selected;
  readonly #listeners: ((selected: Selected) => void)[] = [];

  onChange(listener: (selected: Selected) => void): void {
    this.#listeners.push(listener);
    listener(this.#selected);
  }

  select(selected: Selected): void {
    this.#selected = selected;
    for (const listener of this.#listeners) listener(selected);
  }

  /** Selects it, or nothing if it is selected already. */
  toggle(selected: NonNullable<Selected>): void {
    this.select(this.is(selected) ? undefined : selected);
  }

  is(selected: NonNullable<Selected>): boolean {
    return this.#selected?.kind === selected.kind && this.#selected.name === selected.name;
  }

  get selected(): Selected {
    return this.#selected;
  }
}
