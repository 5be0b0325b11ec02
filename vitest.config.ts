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
    // Long campaigns (`npm run test:long`) are files of their own, so that the fast suite has nothing to skip.
    exclude: process.env["DAEDALUS_LONG"] ? [] : ["test/**/*.long.test.ts"],
    reporters: ["default", "./scripts/summary-reporter.mjs"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
