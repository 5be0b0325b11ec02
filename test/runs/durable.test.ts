import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeWhole } from "#daedalus/runs/durable.js";
import { OwnedRoot } from "#daedalus/runs/owned-root.js";

test.runIf(platform() === "linux")(
  "a folder that the file system refuses to make is told, and does not hang",
  async () => {
    await expect(OwnedRoot.open("/proc/daedalus/output", "test")).rejects.toThrow(/run\/unwritable/);
  },
);

describe("a file that appears whole", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "daedalus-durable-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is made with its folders, and replaced; nothing else is there, and another's .tmp stays", async () => {
    const path = join(folder, "a/b/page.html");
    await writeWhole(path, "old");
    writeFileSync(`${path}.tmp`, "mine");
    await writeWhole(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(readFileSync(`${path}.tmp`, "utf8")).toBe("mine");
    expect(readdirSync(join(folder, "a/b")).sort()).toEqual(["page.html", "page.html.tmp"]);
  });

  test("is what a link leads to, and keeps its mode", async () => {
    writeFileSync(join(folder, "real.html"), "old", { mode: 0o640 });
    symlinkSync("real.html", join(folder, "link.html"));
    await writeWhole(join(folder, "link.html"), "new");
    expect(lstatSync(join(folder, "link.html")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, "real.html"), "utf8")).toBe("new");
    expect(statSync(join(folder, "real.html")).mode & 0o777).toBe(0o640);
  });

  test.runIf(platform() !== "win32")("goes into a pipe that is in its place", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const [said] = await Promise.all([readFile(pipe, "utf8"), writeWhole(pipe, "the page")]);
    expect(said).toBe("the page");
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  test("is not there in a folder's place", async () => {
    await expect(writeWhole(folder, "text")).rejects.toThrow(/EISDIR/);
    expect(readdirSync(folder)).toEqual([]);
  });
});
