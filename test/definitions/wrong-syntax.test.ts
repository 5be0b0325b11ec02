import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readProject } from "#daedalus/definitions/read-project.js";
import { formatProblem } from "#daedalus/errors/problem.js";
import { changed, RIGHT, reading, refuses } from "./wrong-project.js";

const FILE = "feature_views/items.yaml";
const text = (value: string): readonly [string, string] => ["ttl: 90d", `ttl: 90d\ndescription: ${value}`];

describe("YAML 1.2", () => {
  refuses(FILE, [
    { says: "a list that is not closed", change: ["ttl: 90d", "ttl: [1,\n«e»ntity: x"], code: "syntax" },
    { says: "a reserved character", change: ["ttl: 90d", "ttl: «@»90d"], code: "syntax" },
    {
      says: "a dtype of lists without quotes, between braces",
      change: ["ttl: 90d", "ttl: 90d\ndescription: {a: «BIGINT[]», b: TEXT[]}"],
      code: "unquoted-list",
    },
    { says: "a list in a list that is not closed", change: ["ttl: 90d", "ttl: {a: [], b: [1«}»"], code: "syntax" },
    { says: "a tab as indentation", change: ["ttl: 90d", "ttl:\n«\t»- 90d"], code: "syntax" },
    { says: "a tag", change: ["ttl: 90d", "ttl: «!days» 90"], code: "syntax" },
    { says: "a NUL", change: text('«"a\\0b"»'), code: "unusable-value" },
    { says: "bytes", change: text("!!binary «aGk=»"), code: "unusable-value" },
    { says: "two documents", change: ["ttl: 90d", "ttl: 90d\n«---»\nttl: 7d"], code: "syntax" },
    { says: "a key twice", change: ["ttl: 90d", "ttl: 90d\n«ttl»: 7d"], code: "duplicate-key" },
    { says: "a merge key", change: ["ttl: 90d", "«<<»: {ttl: 90d}"], code: "merge-key" },
    { says: "an alias without anchor", change: ["ttl: 90d", "ttl: «*month»"], code: "bad-alias" },
    { says: "an alias inside its own value", change: ["{id: item_id}", "&m {id: «*m»}"], code: "bad-alias" },
    { says: "a key that is a list", change: ["ttl: 90d", "«[ttl]»: 90d"], code: "wrong-type" },
  ]);
});

describe("${…}", () => {
  refuses(FILE, [
    { says: "a variable that is not set", change: text('«"a ${ITEMS}"»'), code: "unset-variable" },
    {
      says: "an unknown constant",
      change: text('«"${const.longst}"»'),
      code: "unknown-constant",
      suggestion: "longest",
    },
    { says: "a constant with a default", change: text('«"${const.longest:-1}"»'), code: "bad-substitution" },
    { says: "a default inside a default", change: text('«"${A:-${B}}"»'), code: "bad-substitution" },
    { says: "no closing brace", change: text('«"${A"»'), code: "bad-substitution" },
    { says: "no name", change: text('«"${1A}"»'), code: "bad-substitution" },
    { says: "an empty name", change: text('«"${}"»'), code: "bad-substitution" },
    { says: "the service outside output_root", change: text('«"${service}"»'), code: "bad-substitution" },
    {
      says: "a value that does not fit its key",
      change: ["ttl: 90d", 'ttl: «"${TTL}"»'],
      code: "bad-duration",
      environment: { TTL: "soon" },
    },
    {
      says: "an empty variable where a text is needed",
      change: ["path: data/items", 'path: «"${P}"»'],
      code: "empty",
      environment: { P: "" },
    },
  ]);
});

describe("files", () => {
  test("a folder without daedalus.yaml says where it looked and how to start", async () => {
    const { problems } = await reading({});
    expect(problems.map(({ code }) => code)).toEqual(["definition/missing-project"]);
    expect(problems[0]?.says).toContain("daedalus.yaml");
    expect(problems[0]?.help).toContain("daeda init");
  });

  test("a service needs runtime.yaml", async () => {
    const { problems } = await reading(changed({ "config/training/runtime.yaml": undefined }));
    expect(problems.map(({ code, says }) => [code, says])).toEqual([
      ["definition/missing-file", expect.stringContaining("config/training/runtime.yaml")],
    ]);
  });

  test("a file that ends in .yml is refused, not overlooked", async () => {
    const { problems } = await reading(changed({ "feature_views/more.yml": "name: more\n" }));
    expect(problems.map(({ code, file }) => [code, file])).toEqual([
      ["definition/wrong-ending", "feature_views/more.yml"],
    ]);
  });

  test("views, and services, that differ in case only are refused", async () => {
    for (const [file, twin] of [
      ["feature_views/items.yaml", "feature_views/twin.yaml"],
      ["feature_services/ranking.yaml", "feature_services/twin.yaml"],
    ] as const) {
      const text = (RIGHT[file] ?? "").replace(/^name: (\w+)/m, (_, name: string) => `name: ${name.toUpperCase()}`);
      const { problems } = await reading(changed({ [twin]: text }));
      expect(problems.map(({ code, file: told }) => [code, told])).toEqual([["definition/duplicate-name", twin]]);
      expect(problems[0]?.says).toContain("only in case");
    }
  });

  test("a pipe is refused, not waited for", async () => {
    const directory = mkdtempSync(join(tmpdir(), "daedalus-pipe-"));
    try {
      for (const [file, text] of Object.entries(RIGHT)) {
        mkdirSync(dirname(join(directory, file)), { recursive: true });
        writeFileSync(join(directory, file), text);
      }
      execFileSync("mkfifo", [join(directory, "feature_views/pipe.yaml")]);
      const { problems } = await readProject(directory, { environment: {} });
      expect(problems.map(({ code, file }) => [code, file])).toEqual([
        ["definition/unreadable-file", "feature_views/pipe.yaml"],
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("a file that is not UTF-8 is refused", async () => {
    const { problems } = await reading({ ...changed({}), "feature_views/latin.yaml": Uint8Array.of(0x6e, 0xe9) });
    expect(problems.map(({ code, file }) => [code, file])).toEqual([
      ["definition/unreadable-file", "feature_views/latin.yaml"],
    ]);
  });
});

describe("secrets", () => {
  test("no inline secret is shown, whatever else is wrong on its line", async () => {
    const { project, problems } = await reading(
      changed({
        "config/base.yaml": `connections:
  db: {type: postgres, host: h, database: d, user: u, password: hunter2, typo: 1}
  lake: {type: s3, secret: 'hunter2', key_id: "hunter2"}
  flake:
    type: snowflake
    account: a
    user: u
    private_key: |
      hunter2
      hunter2
`,
        "feature_views/items.yaml": ["path: data/items", "path: s3://k:hunter2@b/items, typo: 1"],
      }),
    );
    expect(problems.map(({ code }) => code.replace("definition/", ""))).toEqual([
      "inline-secret",
      "unknown-key",
      "inline-secret",
      "inline-secret",
      "inline-secret",
      "password-in-address",
      "unknown-key",
    ]);
    expect(problems.map(formatProblem).join("\n")).not.toContain("hunter2");
    expect(project.textOf("config/base.yaml")).not.toContain("hunter2");
    expect(JSON.stringify([project.base, [...project.views]])).not.toContain("hunter2");
  });

  test("nor in a file that does not parse", async () => {
    const { problems } = await reading(
      changed({
        "config/base.yaml": 'connections: {db: {password: hunter2, user: "\n',
        "feature_views/items.yaml": undefined,
        "config/training/runtime.yaml": 'feed_start: "202601"\nfeed_end: "202601"\n',
      }),
    );
    expect(problems.map(({ code }) => code)).toContain("definition/syntax");
    expect(problems.map(formatProblem).join("\n")).not.toContain("hunter2");
  });

  test("a secret stays the name of its variable, set or not", async () => {
    const { project } = await reading(changed({}), { environment: { PG_PASSWORD: "hunter2" } });
    expect(project.base.connections["db"]).toMatchObject({ password: "${PG_PASSWORD}" });
  });
});
