import { relative } from "node:path";

/** A path as a user would type it here: relative where it lies below the current folder. */
export function relativePath(path: string): string {
  const here = relative(process.cwd(), path);
  if (here === "") return ".";
  return here.startsWith("..") ? path : here;
}
