import type { FeatureView } from "../definitions/feature-view.js";

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const EXTENSION_PREFIX = /^(ducklake|iceberg|postgres|postgresql|snowflake|sqlite|mysql|md|motherduck|delta|quack):/i;

/**
 * The printable address of a source that is reached over a network or by a DuckDB extension; undefined if the source is files
 * or a DuckDB file of this machine. Pure; `path` wins over `database_path`.
 */
export function needsNetworkOrExtension(view: FeatureView): string | undefined {
  const { path, databasePath, connection, table } = view.source;
  const remote = (address: string) => SCHEME.test(address) || EXTENSION_PREFIX.test(address);
  if (path !== undefined) {
    if (remote(path)) return withoutSecrets(path);
    return connection === undefined ? undefined : `${withoutSecrets(path)} through connection ${connection}`;
  }
  if (connection !== undefined) return `connection ${connection}${table === undefined ? "" : `, table ${table}`}`;
  return databasePath !== undefined && remote(databasePath) ? withoutSecrets(databasePath) : undefined;
}

/** An address as it may be printed: passwords and the values of parameters are masked. */
export function withoutSecrets(address: string): string {
  return address
    .replace(/(\/\/[^/@:\s]*):\S*@/g, "$1:***@")
    .replace(/([?&;][^=&;\s]+)=[^&;\s]*/g, "$1=***")
    .replace(/\b(password|passwd|pwd|secret|token|key|private_key|access_key)=('[^']*'|\S+)/gi, "$1=***");
}
