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

  constructor(further: Readonly<Record<string, string>> = {}) {
    for (const [name, other] of [...BUILT_IN, ...Object.entries(further)]) {
      const together = new Set([name, other, ...(this.#groups.get(name) ?? []), ...(this.#groups.get(other) ?? [])]);
      for (const one of together) this.#groups.set(one, together);
    }
  }

  /** The columns that answer to a name: itself if it is one, else all that it stands for. */
  columnsFor(name: string, isColumn: (name: string) => boolean): readonly string[] {
    if (isColumn(name)) return [name];
    return [...(this.#groups.get(name) ?? [])].filter(isColumn);
  }
}
