/** Where something stands in a file of the user's; line and column count from 1. `file` is relative to the project. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
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
