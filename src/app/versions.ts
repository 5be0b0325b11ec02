import { readFileSync } from "node:fs";
import { version as duckdbVersion } from "@duckdb/node-api";

/** Versions of what makes a day, for its manifest. */
export function versions(): Readonly<Record<string, string>> {
  return { daedalus: packageVersion(), duckdb: duckdbVersion(), node: process.versions.node };
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "?";
}
