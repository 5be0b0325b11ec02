import { definitionProblem } from "../errors/definition.js";
import type { Problem } from "../errors/problem.js";
import { maskSecrets } from "./secrets.js";

/** Why days cannot be written there; undefined for a folder of this machine. */
export function refusedOutputRoot(path: string): Problem | undefined {
  if (path.trim() === "") return definitionProblem("empty", { key: "output_root", expected: "the path of a folder" });
  const isAddress = /^[a-z][a-z0-9+.-]+:\/\//i.test(path);
  return isAddress ? definitionProblem("remote-output-root", { address: maskSecrets(path) }) : undefined;
}
