/** Names that stand for one another where a table has only one of them. */
const BUILT_IN: readonly (readonly [string, string])[] = [
  ["close", "trade_price"],
  ["price", "trade_price"],
  ["volume", "trade_size"],
  ["size", "trade_size"],
  ["bid_price", "best_bid_price"],
  ["ask_price", "best_ask_price"],
  ["bid_size", "best_bid_size"],
  ["ask_size", "best_ask_size"],
];

export class Aliases {
  readonly #groups = new Map<string, Set<string>>();
  /** The user's own: what each stands for, before all that stands for that. */
  readonly #further: ReadonlyMap<string, string>;

  constructor(further: Readonly<Record<string, string>> = {}) {
    this.#further = new Map(Object.entries(further));
    for (const [name, other] of [...BUILT_IN, ...Object.entries(further)]) {
      const together = new Set([name, other, ...(this.#groups.get(name) ?? []), ...(this.#groups.get(other) ?? [])]);
      for (const one of together) this.#groups.set(one, together);
    }
  }

  /** The columns that answer to a name: itself if it is one, or the one that its alias names; else all that it stands for. */
  columnsFor(name: string, isColumn: (name: string) => boolean): readonly string[] {
    if (isColumn(name)) return [name];
    const named = this.#further.get(name);
    if (named !== undefined && isColumn(named)) return [named];
    return [...(this.#groups.get(name) ?? [])].filter(isColumn);
  }
}
