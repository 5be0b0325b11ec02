import type { Base, Connection } from "./base.js";
import type { Schema } from "./schema.js";
import { discriminated, object, optional, record, required } from "./schema-collections.js";
import { address, boolean, columnName, integer, oneOf, scalarLiteral, secret, text } from "./schema-scalars.js";

export const CONNECTION_TYPES = ["postgres", "ducklake", "iceberg", "snowflake", "s3"] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

function typeKey<const Type extends ConnectionType>(type: Type) {
  return required(oneOf([type]), "what kind of system it reaches");
}

/** Required keys that are missing (and were reported) or wait for a variable are empty here. */
const CONNECTIONS: ReadonlyMap<string, Schema<Connection>> = new Map<ConnectionType, Schema<Connection>>([
  [
    "postgres",
    object(
      "a postgres connection",
      {
        type: typeKey("postgres"),
        host: required(address("a host name"), "the server"),
        port: optional(integer(1n, 65_535n), "port of the server", 5432),
        database: required(text(), "the database"),
        user: required(text(), "the user"),
        password: optional(secret, "the user's password, as ${NAME}"),
        sslmode: optional(
          oneOf(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
          "how the connection is encrypted",
        ),
      },
      (written) => ({ host: "", database: "", user: "", ...written, type: "postgres" }),
    ),
  ],
  [
    "ducklake",
    object(
      "a ducklake connection",
      {
        type: typeKey("ducklake"),
        catalog: required(address("a file, or the name of a postgres connection"), "a file, or a postgres connection"),
        data_path: optional(address("a path"), "where the data files lie"),
        storage: optional(text("the name of an s3 connection"), "the s3 connection that reaches the data files"),
        snapshot: optional(integer(0n), "the snapshot to read; the latest without it"),
      },
      (written) => ({ catalog: "", ...written, type: "ducklake" }),
    ),
  ],
  [
    "iceberg",
    object(
      "an iceberg connection",
      {
        type: typeKey("iceberg"),
        catalog: required(oneOf(["filesystem", "sql", "rest"]), "the kind of catalog"),
        warehouse: required(address("a path or URL"), "where the tables lie"),
        uri: optional(address("a URL, or the name of a connection"), "address of the catalog, or its connection"),
        token: optional(secret, "token of a rest catalog, as ${NAME}"),
        storage: optional(text("the name of an s3 connection"), "the s3 connection that reaches the data files"),
      },
      (written) => ({ catalog: "filesystem", warehouse: "", ...written, type: "iceberg" }),
    ),
  ],
  [
    "snowflake",
    object(
      "a snowflake connection",
      {
        type: typeKey("snowflake"),
        account: required(text(), "the account"),
        user: required(text(), "the user"),
        private_key: required(secret, "the user's private key, as ${NAME}"),
        role: optional(text(), "the role to take"),
        warehouse: optional(text(), "the warehouse that computes"),
        database: optional(text(), "the database"),
        schema: optional(text(), "the schema"),
      },
      (written) => ({ account: "", user: "", privateKey: "", ...written, type: "snowflake" }),
    ),
  ],
  [
    "s3",
    object(
      "an s3 connection",
      {
        type: typeKey("s3"),
        endpoint: optional(address("a host, with a port if need be"), "the server, where it is not AWS"),
        region: optional(text(), "the region"),
        url_style: optional(oneOf(["path", "vhost"]), "how the bucket stands in the URL"),
        key_id: optional(secret, "the access key, as ${NAME}"),
        secret: optional(secret, "the secret key, as ${NAME}"),
        session_token: optional(secret, "a session's token, as ${NAME}"),
        use_ssl: optional(boolean, "whether to speak https", true),
      },
      (written) => ({ ...written, type: "s3" }),
    ),
  ],
]);

/** Unset variables are no mistake of a connection that nothing needs: they are put aside under its name. */
function deferringUnset(schema: Schema<Connection>): Schema<Connection> {
  return {
    ...schema,
    read(site) {
      const { problems, deferred } = site.reading;
      const before = problems.length;
      const value = schema.read(site);
      const added = problems.splice(before);
      const isUnset = (code: string) => code === "definition/unset-variable";
      problems.push(...added.filter(({ code }) => !isUnset(code)));
      deferred.set(
        site.key.replace(/^connections\./, ""),
        added.filter(({ code }) => isUnset(code)),
      );
      return value;
    },
  };
}

const connection = deferringUnset(discriminated("type", "a connection", oneOf(CONNECTION_TYPES), CONNECTIONS));

const NOTHING: Readonly<Record<string, never>> = Object.freeze({});

/** Constants come first: everything else, `base.yaml` included, may use them. */
export const baseSchema: Schema<Base> = object(
  "base.yaml",
  {
    constants: optional(
      record(scalarLiteral({ null: true }), {
        keyIs: "constant",
        named: true,
        each: (key, value, _entry, reading) => reading.context.defineConstant(key, value),
      }),
      "dimensions, lengths, ids: ${const.name} stands for them in any string",
    ),
    entities: optional(
      record(columnName, { keyIs: "entity", named: true }),
      "join key of each entity; one that is not listed has <entity>_id",
    ),
    connections: optional(
      record(connection, { keyIs: "connection", named: true }),
      "how databases and object stores are reached; passwords, keys and tokens only as ${NAME}",
    ),
  },
  ({ entities = NOTHING, constants = NOTHING, connections = NOTHING }) => ({ entities, constants, connections }),
);
