/** Where something stands in a file of the user's; line and column count from 1. `file` is relative to the project. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** How many characters of the line it takes, for marking; at least 1. */
  readonly length?: number;
}

/**
 * The places of definitions. Definitions themselves are plain data without positions, so that they can be compared,
 * hashed and printed; the loader remembers beside them where each object and each of its entries stands.
 */
export interface Locations {
  /** The place of the value under `key` of a definition (or list), or of the definition itself without `key`. */
  of(definition: object, key?: string | number): Location | undefined;
  /** The place of the key (not the value) of an entry. */
  ofKey(definition: object, key: string): Location | undefined;
}

/** Where the entries of one definition stand; keys as in the frozen data (camelCase), of lists the index. */
export interface Places {
  readonly self: Location;
  readonly values: ReadonlyMap<string | number, Location>;
  readonly keys: ReadonlyMap<string, Location>;
}

/** The loader's side of `Locations`: places are kept beside the objects and go when the objects go. */
export interface LocationStore extends Locations {
  remember(definition: object, places: Places): void;
  placesOf(definition: object): Places | undefined;
}

export function locationStore(): LocationStore {
  const places = new WeakMap<object, Places>();
  return {
    of(definition, key) {
      const known = places.get(definition);
      return key === undefined ? known?.self : known?.values.get(key);
    },
    ofKey: (definition, key) => places.get(definition)?.keys.get(key),
    remember(definition, where) {
      places.set(definition, where);
    },
    placesOf: (definition) => places.get(definition),
  };
}
