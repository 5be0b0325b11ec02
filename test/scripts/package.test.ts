import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

// The package as a project of its own has it: packed, unpacked, beside what it depends on.

const run = promisify(execFile);
const PACKAGE = JSON.parse(readFileSync("package.json", "utf8"));

async function installed(): Promise<string> {
  const app = mkdtempSync(join(tmpdir(), "daedalus-app-"));
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", app]);
  const [{ filename }] = JSON.parse(stdout);
  const modules = join(app, "node_modules");
  mkdirSync(join(modules, "daedalus"), { recursive: true });
  await run("tar", ["-xzf", join(app, filename), "-C", join(modules, "daedalus"), "--strip-components=1"]);
  // Not what else lies beside it here: only what it says that it needs.
  for (const name of Object.keys(PACKAGE.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(resolve("node_modules", name), join(modules, name));
  }
  writeFileSync(join(app, "package.json"), JSON.stringify({ type: "module" }));
  return app;
}

const PROGRAM = `
import { Float64, Int64, type Table, Table as ArrowTable, vectorFromArray } from "apache-arrow";
import { aggregatePitTable, FeatureEngine, featureLibrary, schemas } from "daedalus";
import { defineUdf } from "daedalus/udfs";

const rows: Table = new ArrowTable({
  user: vectorFromArray([1n, 1n], new Int64()),
  t: vectorFromArray([1n, 2n], new Int64()),
  x: vectorFromArray([0.5, 2], new Float64()),
});
const summed = await aggregatePitTable(
  rows,
  [{ name: "sum", agg: "sum", sourceColumn: "x", partitionBy: "user", windows: ["1d"] }],
  { timestampColumn: "t", timestampUnit: "s" },
);
console.log(String(summed.getChild("sum_1d")), typeof new FeatureEngine(), (await featureLibrary()).size > 60, typeof schemas, typeof defineUdf);
`;

test("a project that installs the package has the library, its types and the command", {
  timeout: 120_000,
}, async () => {
  const app = await installed();
  try {
    writeFileSync(join(app, "app.ts"), PROGRAM);
    const options = ["--strict", "--module", "nodenext", "--target", "es2023", "--exactOptionalPropertyTypes"];
    const types = ["--types", "node", "--typeRoots", resolve("node_modules/@types")];
    const tsc = resolve("node_modules/typescript/bin/tsc");
    const told = await run(process.execPath, [tsc, ...options, ...types, "app.ts"], { cwd: app }).catch(
      (error: { readonly stdout: string }) => error,
    );
    expect(told.stdout).toBe("");
    expect((await run(process.execPath, ["app.js"], { cwd: app })).stdout).toBe(
      "[,0.5] object true function function\n",
    );
    const daeda = join(app, "node_modules/daedalus", PACKAGE.bin.daeda);
    expect((await run(process.execPath, [daeda, "--version"], { cwd: app })).stdout).toContain(PACKAGE.version);
    expect((await run(process.execPath, [daeda, "features", "list"], { cwd: app })).stdout).toContain("momentum");
  } finally {
    rmSync(app, { recursive: true, force: true });
  }
});
