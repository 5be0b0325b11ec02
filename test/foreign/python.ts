import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

const pythons = [process.env["DAEDALUS_PYTHON"], resolve(".venv/bin/python")].filter(
  (path) => path !== undefined && existsSync(path),
);

/** A Python that has the module. */
export function pythonWith(module: string): string | undefined {
  return pythons.find((path) => {
    try {
      execFileSync(path ?? "", ["-c", `import ${module}`], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

export const noPythonWith = (module: string): string =>
  `no Python with ${module}: run \`npm test\`, which makes .venv, or set DAEDALUS_PYTHON`;
