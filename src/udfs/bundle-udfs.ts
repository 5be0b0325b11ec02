import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build, type Message, type Plugin } from "esbuild";
import { DaedalusError } from "../errors/problem.js";
import { udfProblem } from "../errors/udf.js";
import { ARROW } from "./load-udfs.js";

export const UDFS_FILE = "project.udfs.ts";

/** The functions of a project as one module without imports, which any worker can load. */
export interface UdfBundle {
  readonly text: string;
  /** SHA-256 of the text. */
  readonly hash: string;
}

/**
 * Bundles `project.udfs.ts` with what it imports; undefined if the project has none. `apache-arrow` stays the worker's own. Throws
 * DaedalusError `udf/…`, exit code 2.
 */
export async function bundleUdfs(directory: string): Promise<UdfBundle | undefined> {
  const file = join(directory, UDFS_FILE);
  if (!existsSync(file)) return undefined;
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      absWorkingDir: directory,
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "es2022",
      charset: "utf8",
      // Neither paths nor comments: the same functions are the same text wherever they lie. Names stay: errors have them.
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: "none",
      logLevel: "silent",
      plugins: [workersOwn],
    });
    const text = outputFiles[0]?.text ?? "";
    return { text, hash: createHash("sha256").update(text).digest("hex") };
  } catch (error) {
    const messages = error instanceof Error && "errors" in error ? (error.errors as readonly Message[]) : [];
    if (messages.length === 0) throw error;
    const problems = messages.map(({ text, location }) =>
      udfProblem(
        "not-bundled",
        { message: text },
        location === null
          ? { file: UDFS_FILE }
          : {
              file: location.file,
              line: location.line,
              column: location.column + 1,
              excerpt: { text: location.lineText, length: Math.max(1, location.length) },
            },
      ),
    );
    throw new DaedalusError(problems, 2);
  }
}

/** Modules that a bundle does not bring: what they are is said where it is loaded. */
const workersOwn: Plugin = {
  name: "the worker's own",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(apache-arrow|daedalus\/udfs)$/ }, ({ path }) => ({ path, namespace: "own" }));
    onLoad({ filter: /^apache-arrow$/, namespace: "own" }, () => ({
      contents: `module.exports = globalThis[Symbol.for(${JSON.stringify(ARROW)})];`,
    }));
    onLoad({ filter: /^daedalus\/udfs$/, namespace: "own" }, () => ({
      contents: "export const defineUdf = (udf) => udf;",
    }));
  },
};
