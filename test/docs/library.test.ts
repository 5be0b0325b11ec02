import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { blocksOf, root } from "./page.js";

const MARK = "--- the end of a block ---";

// The blocks of a page are one program; it runs inside the package, which imports itself by its name.
test.each(["library", "formulas"])(
  "docs/%s.md: every program, and what it prints",
  { timeout: 120_000 },
  async (page) => {
    const blocks = await blocksOf(`docs/${page}.md`);
    const programs = blocks.filter(({ language }) => language === "ts").map(({ text }) => text);
    const shown = blocks.filter(({ language }) => language === "text").map(({ text }) => text.trim());
    expect(programs.length).toBe(shown.length);
    const { code } = await transform(
      programs.map((text) => `${text}\nconsole.log(${JSON.stringify(MARK)});`).join("\n"),
      {
        loader: "ts",
        format: "esm",
        target: "es2022",
      },
    );
    const folder = join(root, "dist", ".docs");
    await mkdir(folder, { recursive: true });
    const file = join(folder, `${page}-${process.pid}.mjs`);
    await writeFile(file, code);
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [file]);
      expect(
        stdout
          .split(MARK)
          .slice(0, -1)
          .map((text) => text.trim()),
      ).toEqual(shown);
    } finally {
      await rm(file);
    }
  },
);
