import { describe } from "vitest";
import { refuses } from "./wrong-project.js";

const KEY = "{name: user_id, kind: key, dtype: BIGINT}";
const PRICE = "{name: price, kind: static, dtype: DOUBLE, default: 0.5, nullable: false}";

describe("feature_services/*.yaml", () => {
  refuses("feature_services/ranking.yaml", [
    {
      says: "name missing",
      change: '«version: "1"»\nspine: feed\ncolumns: [{name: user_id, kind: key, dtype: BIGINT}]\n',
      code: "missing-key",
    },
    { says: "a bad name", change: ["name: ranking", "name: «rank-ing»"], code: "bad-name" },
    {
      says: "version missing",
      change: "«name: ranking»\nspine: feed\ncolumns: [{name: user_id, kind: key, dtype: BIGINT}]\n",
      code: "missing-key",
    },
    { says: "version no text", change: ['version: "1"', "version: «1»"], code: "wrong-type" },
    { says: "owner no text", change: ['version: "1"', 'version: "1"\nowner: «[me]»'], code: "wrong-type" },
    {
      says: "description no text",
      change: ['version: "1"', 'version: "1"\ndescription: «{a: b}»'],
      code: "wrong-type",
    },
    {
      says: "an unknown key",
      change: ['version: "1"', 'version: "1"\n«ownr»: me'],
      code: "unknown-key",
      suggestion: "owner",
    },
    {
      says: "spine missing",
      change: '«name: ranking»\nversion: "1"\ncolumns: [{name: user_id, kind: key, dtype: BIGINT}]\n',
      code: "missing-key",
    },
    { says: "an unknown spine", change: ["spine: feed", "spine: «fede»"], code: "unknown-view", suggestion: "feed" },
    { says: "a spine that is no name", change: ["spine: feed", "spine: «[feed]»"], code: "wrong-type" },
    { says: "columns missing", change: '«name: ranking»\nversion: "1"\nspine: feed\n', code: "missing-key" },
    { says: "no columns", change: 'name: ranking\nversion: "1"\nspine: feed\ncolumns: «[]»\n', code: "empty" },
    {
      says: "no list of columns",
      change: 'name: ranking\nversion: "1"\nspine: feed\ncolumns: «{user_id: key}»\n',
      code: "wrong-type",
    },
    {
      says: "no key column",
      change: 'name: ranking\nversion: "1"\nspine: feed\ncolumns: «[{name: price, kind: static, dtype: DOUBLE}]»\n',
      code: "no-key-column",
    },
  ]);
});

describe("columns[]:", () => {
  refuses("feature_services/ranking.yaml", [
    { says: "no map", change: [KEY, `«user_id»\n  - ${KEY}`], code: "wrong-type" },
    { says: "name missing", change: [PRICE, "«{kind: static, dtype: DOUBLE}»"], code: "missing-key" },
    { says: "a bad name", change: ["name: price", "name: «a.price»"], code: "bad-name" },
    { says: "DuckDB's own name", change: ["name: price", "name: «RowId»"], code: "reserved-column" },
    { says: "a name twice", change: ["name: price", "name: «user_id»"], code: "duplicate-name" },
    { says: "names that differ in case", change: ["name: price", "name: «USER_ID»"], code: "duplicate-name" },
    { says: "kind missing", change: [PRICE, "«{name: price, dtype: DOUBLE}»"], code: "missing-key" },
    { says: "a misspelt kind", change: ["kind: static", "kind: «statik»"], code: "bad-value", suggestion: "static" },
    { says: "dtype missing", change: [PRICE, "«{name: price, kind: static}»"], code: "missing-key" },
    { says: "a misspelt dtype", change: ["dtype: DOUBLE", "dtype: «DOUBEL»"], code: "bad-dtype", suggestion: "DOUBLE" },
    { says: "column no text", change: ["dtype: DOUBLE", "dtype: DOUBLE, column: «1»"], code: "wrong-type" },
    { says: "column with two dots", change: ["dtype: DOUBLE", "dtype: DOUBLE, column: «a.b.c»"], code: "bad-name" },
    {
      says: "column of a rolling column",
      change: ["kind: rolling,", "kind: rolling, «column»: x,"],
      code: "key-not-allowed",
    },
    { says: "nullable no boolean", change: ["nullable: false", "nullable: «no»"], code: "wrong-type" },
    { says: "nullable in quotes", change: ["nullable: false", 'nullable: «"false"»'], code: "wrong-type" },
    { says: "default a map", change: ["default: 0.5", "default: «{a: 1}»"], code: "wrong-type" },
    {
      says: "an unknown key",
      change: ["nullable: false", "«nullble»: false"],
      code: "unknown-key",
      suggestion: "nullable",
    },
  ]);
});
