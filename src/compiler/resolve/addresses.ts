import type { FeatureView } from "../../definitions/feature-view.js";
import type { Project } from "../../definitions/project.js";

/**
 * What an address needs that this version does not execute: a network or a DuckDB extension; undefined if it can be read.
 * Pure: nothing is opened, and no secret is looked at.
 */
export function addressNotSupported(
  project: Project,
  view: FeatureView,
):
  | { readonly address: string; readonly needs: string; readonly key: "path" | "connection" | "database_path" }
  | undefined {
  const { path, connection, databasePath } = view.source;
  if (connection !== undefined) {
    const type = project.base.connections[connection]?.type;
    return {
      address: `connection ${connection}`,
      needs: type === undefined ? "a connection" : (NEEDS[type] ?? "a network"),
      key: "connection",
    };
  }
  if (path !== undefined) {
    const scheme = schemeOf(path);
    if (scheme === undefined || scheme === "file") return undefined;
    return { address: withoutUser(path), needs: NEEDS[scheme] ?? "a network", key: "path" };
  }
  if (databasePath !== undefined) {
    const scheme = schemeOf(databasePath);
    if (scheme === undefined || scheme === "duckdb" || scheme === "file") return undefined;
    return { address: withoutUser(databasePath), needs: NEEDS[scheme] ?? "a network", key: "database_path" };
  }
  return undefined;
}

const NEEDS: Readonly<Record<string, string>> = {
  s3: "a network and the DuckDB extension httpfs",
  http: "a network and the DuckDB extension httpfs",
  https: "a network and the DuckDB extension httpfs",
  postgres: "a network and the DuckDB extension postgres",
  postgresql: "a network and the DuckDB extension postgres",
  ducklake: "the DuckDB extension ducklake",
  iceberg: "the DuckDB extension iceberg",
  snowflake: "a network",
};

function schemeOf(address: string): string | undefined {
  return /^([a-z][a-z0-9+]+):/i.exec(address)?.[1]?.toLowerCase();
}

function withoutUser(address: string): string {
  return address.replace(/\/\/[^/@]*@/, "//");
}
