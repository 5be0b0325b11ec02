// What is run and published: the compiled modules, with what they import, as a few files in dist/bundle. A program of hundreds of small
// modules takes twice as long to start. The modules themselves stay beside it for the tests.
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { build } from "esbuild";

/** What a user imports or starts, and what processes and threads of our own begin with. */
const ENTRIES = [
  "index.js",
  "udfs/udf.js",
  "cli/main.js",
  "app/worker.js",
  "kernels/crew-worker.js",
  "kernels/avg-pool-worker.js",
  "formulas/features/compute-worker.js",
  "embeddings/vector-taker-thread.js",
];

/** Not bundled: programs of their own, and `apache-arrow`, whose tables pass between the user's code and ours. */
const OUTSIDE = ["@duckdb/node-bindings", "@lancedb/lancedb", "apache-arrow", "esbuild", "nodejs-polars"];

/** Bundles the modules of `dist` into its folder `bundle`. */
export async function bundle(dist) {
  const folder = join(dist, "bundle");
  const entries = new Map(ENTRIES.map((entry) => [join(dist, entry), basename(entry)]));
  const { metafile } = await build({
    entryPoints: Object.fromEntries([...entries].map(([file, name]) => [name.replace(/\.js$/, ""), file])),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    charset: "utf8",
    external: OUTSIDE,
    // Packages that are CommonJS ask for what is not bundled.
    banner: {
      js: 'import { createRequire as requireOfModule } from "node:module";\nconst require = requireOfModule(import.meta.url);',
    },
    plugins: [filesBeside(dist, folder, entries)],
    metafile: true,
    logLevel: "warning",
  });
  const written = new Set(Object.keys(metafile.outputs).map((file) => resolve(file)));
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!written.has(join(folder, name))) rmSync(join(folder, name));
}

/** What a module finds by its own place is found from the bundle: another entry beside it, any other file where it lies. */
function filesBeside(dist, folder, entries) {
  const OWN = /new URL\("(\.[^"]*\.js)", import\.meta\.url\)|import\.meta\.url/g;
  return {
    name: "files beside modules",
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (!path.startsWith(dist + sep)) return undefined;
        const contents = readFileSync(path, "utf8").replace(OWN, (_, program) => {
          if (program === undefined) return `new URL(${JSON.stringify(relative(folder, path))}, import.meta.url).href`;
          const entry = entries.get(resolve(dirname(path), program));
          if (entry === undefined) throw new Error(`${program}, which ${path} starts, is no entry of the bundle`);
          return `new URL("./${entry}", import.meta.url)`;
        });
        return { contents };
      });
    },
  };
}
