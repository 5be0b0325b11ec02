import { nearest } from "../errors/nearest.js";

/** Throws RangeError, from a caller without types, for the first of the keys that is not known: `train has no option "form"; did you mean "from"?` */
export function refuseUnknownKeys(what: string, keys: readonly string[], known: readonly string[]): void {
  const unknown = keys.find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw new RangeError(
    `${what} "${unknown}"${near === undefined ? `: it has ${known.join(", ")}` : `; did you mean "${near}"?`}`,
  );
}
