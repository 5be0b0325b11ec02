import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { OwnedRoot } from "#daedalus/runs/owned-root.js";
import { sqlText, testConnection } from "../support/duckdb.js";
import { fromGit, git } from "./repo-activity-data.js";

const folder = mkdtempSync(join(tmpdir(), "daedalus-from-git-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(fromGit, args, { encoding: "utf8" });
  return { status, stdout, stderr };
}

async function table(out: string, name: string): Promise<readonly string[]> {
  const sql = `SELECT t::VARCHAR AS line FROM ${sqlText(join(out, `${name}.parquet`))} t`;
  return (await (await testConnection()).runAndReadAll(sql)).getRowObjectsJS().map(({ line }) => String(line));
}

async function types(out: string, name: string): Promise<readonly string[]> {
  const sql = `DESCRIBE FROM ${sqlText(join(out, `${name}.parquet`))}`;
  const rows = (await (await testConnection()).runAndReadAll(sql)).getRowObjectsJS();
  return rows.map((row) => `${row["column_name"]} ${row["column_type"]}`);
}

function clone(name: string): string {
  const path = join(folder, name);
  git(folder, "init", "-q", "-b", "main", path);
  return path;
}

function commit(path: string, second: number, message: string, author = "a@example.org"): void {
  git(path, "add", "-A");
  git(path, "commit", "-q", "--allow-empty", "-m", message, `--date=@${second} +0200`, `--author=A <${author}>`);
}

test("a tiny clone with odd names, a rename, an empty commit, a merge and a second author", async () => {
  const path = clone("odd");
  mkdirSync(join(path, "lib/deep/lib"), { recursive: true });
  writeFileSync(join(path, "lib/deep/lib/a.rb"), "1\n");
  writeFileSync(join(path, 'new\nline\t"quoted".TXT'), "2\n");
  writeFileSync(Buffer.concat([Buffer.from(`${path}/bad`), Buffer.from([0xff]), Buffer.from(".bin")]), "3\n");
  writeFileSync(join(path, ".profile"), "4\n");
  writeFileSync(join(path, "größe.md"), "5\n");
  commit(path, 1000, "first");
  commit(path, 1001, "nothing", "idle@example.org");
  git(path, "mv", "lib/deep/lib/a.rb", "lib/b.rb");
  commit(path, 1002, "rename", "b@example.org");
  git(path, "checkout", "-q", "-b", "side");
  writeFileSync(join(path, "lib/c"), "6\n");
  commit(path, 1003, "side");
  git(path, "checkout", "-q", "main");
  git(path, "merge", "-q", "--no-ff", "-m", "merge", "side");
  writeFileSync(join(path, "lib/b.rb"), "changed\n");
  commit(path, 1005, "change", "b@example.org");

  const out = join(folder, "odd-tables");
  expect(run(path, "--out", out)).toMatchObject({ status: 0 });
  expect(await types(out, "events")).toEqual([
    "user_id BIGINT",
    "file_id BIGINT",
    "event_timestamp BIGINT",
    "event VARCHAR",
    "session_id BIGINT",
  ]);
  expect(await types(out, "files")).toEqual([
    "file_id BIGINT",
    "owner_id BIGINT",
    "created_at BIGINT",
    "file_type VARCHAR",
    "path_length BIGINT",
    "dir_ids BIGINT[]",
  ]);
  expect(await types(out, "users")).toEqual(["user_id BIGINT", "first_seen_at BIGINT", "total_events INTEGER"]);
  // git's order of names: .profile, bad\xff.bin, größe.md, lib/deep/lib/a.rb, new…
  const event = (user: number, file: number, second: number, what: string, session: number) =>
    `{'user_id': ${user}, 'file_id': ${file}, 'event_timestamp': ${second * 1000}, 'event': ${what}, 'session_id': ${session}}`;
  expect(await table(out, "events")).toEqual([
    event(1, 1, 1000, "add", 1),
    event(1, 2, 1000, "add", 1),
    event(1, 3, 1000, "add", 1),
    event(1, 4, 1000, "add", 1),
    event(1, 5, 1000, "add", 1),
    event(3, 6, 1002, "add", 3),
    event(3, 4, 1002, "delete", 3),
    event(1, 7, 1003, "add", 4),
    event(3, 6, 1005, "modify", 5),
  ]);
  const file = (id: number, owner: number, second: number, type: string, length: number, folders: string) =>
    `{'file_id': ${id}, 'owner_id': ${owner}, 'created_at': ${second * 1000}, 'file_type': ${type}, 'path_length': ${length}, 'dir_ids': ${folders}}`;
  expect(await table(out, "files")).toEqual([
    file(1, 1, 1000, "none", 8, "NULL"),
    file(2, 1, 1000, "bin", 8, "NULL"),
    file(3, 1, 1000, "md", 8, "NULL"),
    file(4, 1, 1000, "rb", 17, "[1, 2, 1]"),
    file(5, 1, 1000, "TXT", 21, "NULL"),
    file(6, 3, 1002, "rb", 8, "[1]"),
    file(7, 1, 1003, "none", 5, "[1]"),
  ]);
  expect(await table(out, "users")).toEqual([
    "{'user_id': 1, 'first_seen_at': 1000000, 'total_events': 6}",
    "{'user_id': 2, 'first_seen_at': 1001000, 'total_events': 0}",
    "{'user_id': 3, 'first_seen_at': 1002000, 'total_events': 3}",
  ]);

  // Nothing new: nothing is written. Then the history grows, and ids stay.
  const before = statSync(join(out, "events.parquet"), { bigint: true }).mtimeNs;
  expect(run(path, "--out", out)).toMatchObject({ status: 0 });
  expect(statSync(join(out, "events.parquet"), { bigint: true }).mtimeNs).toBe(before);
  const events = await table(out, "events");
  writeFileSync(join(path, "lib/d"), "7\n");
  commit(path, 1006, "more");
  expect(run(path, "--out", out)).toMatchObject({ status: 0 });
  expect(await table(out, "events")).toEqual([...events, event(1, 8, 1006, "add", 6)]);
});

test("a repository without commits gives empty tables", async () => {
  const out = join(folder, "empty-tables");
  expect(run(clone("empty"), "--out", out)).toMatchObject({ status: 0, stderr: expect.stringContaining("no commits") });
  for (const name of ["events", "files", "users"]) expect(await table(out, name)).toEqual([]);
  expect(await types(out, "files")).toContain("dir_ids BIGINT[]");
});

test("a shallow clone is read, and told to be one", async () => {
  const path = clone("deep");
  for (const second of [1, 2, 3]) {
    writeFileSync(join(path, `f${second}`), "x\n");
    commit(path, second, `commit ${second}`);
  }
  git(folder, "clone", "-q", "--depth", "1", `file://${path}`, join(folder, "shallow"));
  const out = join(folder, "shallow-tables");
  expect(run(join(folder, "shallow"), "--out", out)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("shallow"),
  });
  expect(await table(out, "events")).toHaveLength(3);
});

test("a user's configuration of git changes nothing", async () => {
  const path = clone("configured");
  mkdirSync(join(path, "sub"));
  writeFileSync(join(path, "sub/a"), "1\n");
  writeFileSync(join(path, "top"), "1\n");
  commit(path, 5, "first");
  for (const [key, value] of [
    ["log.showRoot", "false"],
    ["diff.relative", "true"],
    ["diff.renames", "copies"],
    ["color.ui", "always"],
    ["core.quotePath", "true"],
  ] as const)
    git(path, "config", key, value);
  const out = join(folder, "configured-tables");
  expect(run(join(path, "sub"), "--out", out)).toMatchObject({ status: 0 });
  expect(await table(out, "events")).toHaveLength(2);
});

test.each([
  ["a folder that is no clone", [tmpdir()], "is not a git clone"],
  ["a folder that is not there", [join(folder, "nowhere")], "does not exist"],
  ["no folder", [], "takes one clone"],
  ["an unknown option", ["--outt", "x", "."], "outt"],
])("%s is refused with exit code 2", (_, args, says) => {
  expect(run(...args)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(says) });
});

test("an import that is killed goes on where it was, and gives the same bytes", async () => {
  const path = clone("killed");
  for (const second of [1, 2, 3, 4, 5]) {
    writeFileSync(join(path, `f${second}`), "x\n");
    commit(path, second, `commit ${second}`, `${second % 2}@example.org`);
  }
  const whole = join(folder, "whole-tables");
  expect(run(path, "--out", whole)).toMatchObject({ status: 0 });
  const out = join(folder, "killed-tables");
  for (const point of ["unit/performed:2", "commit/visible:2", "commit/visible:2", "commit/begun:1"]) {
    const { signal } = spawnSync(fromGit, [path, "--out", out, "--piece", "2"], {
      env: { ...process.env, DAEDALUS_FAIL_POINT: point },
    });
    expect(signal, point).toBe("SIGKILL");
  }
  expect(readdirSync(join(out, "_import"))).toEqual(["000000", "000001", "000002"]);
  const { status, stderr } = run(path, "--out", out, "--piece", "2");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const name of ["events", "files", "users"])
    expect(readFileSync(join(out, `${name}.parquet`)), name).toEqual(readFileSync(join(whole, `${name}.parquet`)));
});

test("a second import into one folder is refused while the first one lives", async () => {
  const path = clone("owned-clone");
  commit(path, 1, "first");
  const out = join(folder, "owned");
  const first = await OwnedRoot.open(out, "the first import");
  expect(run(path, "--out", out)).toMatchObject({ status: 1, stderr: expect.stringContaining("the first import") });
  await first.release();
  expect(run(path, "--out", out)).toMatchObject({ status: 0 });
});
