import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** The build that is tested: `dist`, or (by the mutation campaign) a mutated copy of it. */
const build = resolve(process.env["DAEDALUS_DIST"] ?? "dist");

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#daedalus\/(.*)$/, replacement: `${build}/$1` },
      { find: /^daedalus$/, replacement: `${build}/index.js` },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
