import type { Literal } from "./literal.js";

/** `config/base.yaml` */
export interface Base {
  /** entity → join key; an entity that is not listed has `<entity>_id` */
  readonly entities: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, Literal>>;
  readonly connections: Readonly<Record<string, Connection>>;
}

export type Connection =
  | PostgresConnection
  | DuckLakeConnection
  | IcebergConnection
  | SnowflakeConnection
  | S3Connection;

/** Secrets are kept as the text that names them (`${PG_PASSWORD}`), never as their value. */
export interface PostgresConnection {
  readonly type: "postgres";
  readonly host: string;
  readonly port?: bigint;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslmode?: string;
}
export interface DuckLakeConnection {
  readonly type: "ducklake";
  readonly catalog: string;
  readonly dataPath?: string;
  readonly storage?: string;
  readonly snapshot?: bigint;
}
export interface IcebergConnection {
  readonly type: "iceberg";
  readonly catalog: "filesystem" | "sql" | "rest";
  readonly warehouse: string;
  readonly uri?: string;
  readonly token?: string;
  readonly storage?: string;
}
export interface SnowflakeConnection {
  readonly type: "snowflake";
  readonly account: string;
  readonly user: string;
  readonly privateKey: string;
  readonly role?: string;
  readonly warehouse?: string;
  readonly database?: string;
  readonly schema?: string;
}
export interface S3Connection {
  readonly type: "s3";
  readonly endpoint?: string;
  readonly region?: string;
  readonly urlStyle?: "path" | "vhost";
  readonly keyId?: string;
  readonly secret?: string;
  readonly sessionToken?: string;
  readonly useSsl?: boolean;
}
