import { describe } from "vitest";
import { refuses } from "./wrong-project.js";

const DB = 'db: {type: postgres, host: h, database: d, user: u, password: "${PG_PASSWORD}"}';
const db = (keys: string): readonly [string, string] => [DB, `db: ${keys}`];

describe("daedalus.yaml", () => {
  refuses("daedalus.yaml", [
    { says: "name missing", change: "«paths: {}»\n", code: "missing-key" },
    { says: "an empty file", change: "«»", code: "missing-key" },
    { says: "a bad name", change: "name: «my shop»\n", code: "bad-name" },
    { says: "no map", change: "«- shop»\n", code: "wrong-type" },
    { says: "an unknown key", change: "name: shop\n«path»: {}\n", code: "unknown-key", suggestion: "paths" },
    { says: "paths no map", change: "name: shop\npaths: «views»\n", code: "wrong-type" },
    {
      says: "an unknown path",
      change: "name: shop\npaths: {«runtimes»: x.yaml}\n",
      code: "unknown-key",
      suggestion: "runtime",
    },
    { says: "a path that is no text", change: "name: shop\npaths: {pipelines: «1»}\n", code: "wrong-type" },
    { says: "an empty path", change: 'name: shop\npaths: {pipelines: «""»}\n', code: "empty" },
    {
      says: "a base that is not there",
      change: "name: shop\npaths: {base: «b.yaml»}\n",
      code: "missing-file",
      with: { "config/base.yaml": undefined },
    },
    {
      says: "a folder of pipelines that is not there",
      change: "name: shop\npaths: {pipelines: «p»}\n",
      code: "missing-file",
    },
    {
      says: "a folder of views that is not there",
      change: "name: shop\npaths: {feature_views: «v»}\n",
      code: "missing-file",
      with: { "feature_services/ranking.yaml": undefined, "config/training/runtime.yaml": undefined },
    },
  ]);
});

describe("config/base.yaml", () => {
  refuses("config/base.yaml", [
    { says: "an unknown key", change: ["constants:", "«constant»:"], code: "unknown-key", suggestion: "constants" },
    { says: "entities no map", change: ["{user: user_id, item: item_id}", "«[user, item]»"], code: "wrong-type" },
    { says: "a join key that is no name", change: ["user: user_id", "user: «user id»"], code: "bad-name" },
    { says: "an entity of a bad name", change: ["user: user_id", "«us-er»: user_id"], code: "bad-name" },
    { says: "constants no map", change: ["{longest: 32}", "«32»"], code: "wrong-type" },
    { says: "a constant that is a list", change: ["longest: 32", "longest: «[32]»"], code: "wrong-type" },
    { says: "a constant of a bad name", change: ["longest: 32", "«long-est»: 32"], code: "bad-name" },
    { says: "connections no map", change: [DB, `${DB}\n  x: «postgres»`], code: "wrong-type" },
    { says: "type missing", change: db("«{host: h}»"), code: "missing-key" },
    { says: "a misspelt type", change: db("{type: «postgre», host: h}"), code: "bad-value", suggestion: "postgres" },
    {
      says: "an unknown key of a connection",
      change: [DB, DB.replace("user:", "«pasword»: x, user:")],
      code: "unknown-key",
      suggestion: "password",
    },
    { says: "postgres without host", change: db("«{type: postgres, database: d, user: u}»"), code: "missing-key" },
    { says: "postgres without database", change: db("«{type: postgres, host: h, user: u}»"), code: "missing-key" },
    { says: "postgres without user", change: db("«{type: postgres, host: h, database: d}»"), code: "missing-key" },
    { says: "a port too large", change: [DB, DB.replace("user:", "port: «65536», user:")], code: "out-of-range" },
    { says: "a port in quotes", change: [DB, DB.replace("user:", 'port: «"5432"», user:')], code: "wrong-type" },
    {
      says: "a misspelt sslmode",
      change: [DB, DB.replace("user:", "sslmode: «requires», user:")],
      code: "bad-value",
      suggestion: "require",
    },
    { says: "an inline password", change: ['"${PG_PASSWORD}"', "«hunter2»"], code: "inline-secret" },
    { says: "an inline password of digits", change: ['"${PG_PASSWORD}"', "«1234»"], code: "inline-secret" },
    {
      says: "a password with a default",
      change: ['"${PG_PASSWORD}"', '«"${PG_PASSWORD:-x}"»'],
      code: "secret-default",
    },
    {
      says: "a password from a constant",
      change: ['"${PG_PASSWORD}"', '«"${const.longest}"»'],
      code: "secret-default",
    },
    {
      says: "a password that is half a variable",
      change: ['"${PG_PASSWORD}"', '«"x${PG_PASSWORD}"»'],
      code: "inline-secret",
    },
    { says: "an inline key", change: ["region: eu", "key_id: «AKIA1»"], code: "inline-secret" },
    { says: "an inline secret", change: ["region: eu", "secret: «abc»"], code: "inline-secret" },
    { says: "an inline session token", change: ["region: eu", "session_token: «abc»"], code: "inline-secret" },
    { says: "another url_style", change: ["region: eu", "url_style: «paths»"], code: "bad-value", suggestion: "path" },
    { says: "use_ssl no boolean", change: ["region: eu", "use_ssl: «on»"], code: "wrong-type" },
    { says: "ducklake without catalog", change: [DB, `${DB}\n  x: «{type: ducklake}»`], code: "missing-key" },
    {
      says: "ducklake's storage unknown",
      change: [DB, `${DB}\n  x: {type: ducklake, catalog: c, storage: «lak»}`],
      code: "unknown-connection",
      suggestion: "lake",
    },
    {
      says: "ducklake's storage not s3",
      change: [DB, `${DB}\n  x: {type: ducklake, catalog: c, storage: «db»}`],
      code: "wrong-connection",
    },
    {
      says: "ducklake's snapshot no integer",
      change: [DB, `${DB}\n  x: {type: ducklake, catalog: c, snapshot: «latest»}`],
      code: "wrong-type",
    },
    {
      says: "a catalog with a password",
      change: [DB, `${DB}\n  x: {type: ducklake, catalog: «postgres://u:hidden@h/d»}`],
      code: "password-in-address",
    },
    {
      says: "iceberg without catalog",
      change: [DB, `${DB}\n  x: «{type: iceberg, warehouse: w}»`],
      code: "missing-key",
    },
    {
      says: "iceberg without warehouse",
      change: [DB, `${DB}\n  x: «{type: iceberg, catalog: rest}»`],
      code: "missing-key",
    },
    {
      says: "a misspelt catalog",
      change: [DB, `${DB}\n  x: {type: iceberg, catalog: «rests», warehouse: w}`],
      code: "bad-value",
      suggestion: "rest",
    },
    {
      says: "an inline token",
      change: [DB, `${DB}\n  x: {type: iceberg, catalog: rest, warehouse: w, token: «abc»}`],
      code: "inline-secret",
    },
    {
      says: "a uri with a token",
      change: [DB, `${DB}\n  x: {type: iceberg, catalog: rest, warehouse: w, uri: «"http://h/?token=hidden"»}`],
      code: "password-in-address",
    },
    {
      says: "snowflake without account",
      change: [DB, `${DB}\n  x: «{type: snowflake, user: u, private_key: "\${K}"}»`],
      code: "missing-key",
    },
    {
      says: "snowflake without user",
      change: [DB, `${DB}\n  x: «{type: snowflake, account: a, private_key: "\${K}"}»`],
      code: "missing-key",
    },
    {
      says: "snowflake without private_key",
      change: [DB, `${DB}\n  x: «{type: snowflake, account: a, user: u}»`],
      code: "missing-key",
    },
    {
      says: "snowflake's inline key",
      change: [DB, `${DB}\n  x: {type: snowflake, account: a, user: u, private_key: «abc»}`],
      code: "inline-secret",
    },
    {
      says: "snowflake's role no text",
      change: [DB, `${DB}\n  x: {type: snowflake, account: a, user: u, private_key: "\${K}", role: «1»}`],
      code: "wrong-type",
    },
  ]);
});

describe("config/pipelines/<service>.yaml", () => {
  refuses("config/pipelines/ranking.yaml", [
    { says: "an unknown key", change: "«operator»: []\n", code: "unknown-key", suggestion: "operators" },
    { says: "operators no list", change: "operators: «{}»\n", code: "wrong-type" },
    { says: "an operator without name", change: "operators:\n  - «engine: sql»\n", code: "missing-key" },
    {
      says: "an operator twice",
      change: "operators:\n  - {name: a}\n  - {name: «a», engine: sql}\n",
      code: "duplicate-name",
    },
    { says: "no map", change: "operators: [«scan»]\n", code: "wrong-type" },
  ]);
  refuses("config/pipelines/rankin.yaml", [
    {
      says: "a service that does not exist",
      change: "«operators: []»\n",
      code: "unknown-service",
      suggestion: "ranking",
    },
  ]);
});
