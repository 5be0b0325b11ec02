import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROLLING_ENGINES } from "#daedalus/definitions/runtime.js";
import { MAIN } from "../runs/processes.js";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function daeda(words: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  return new Promise((settle) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...words],
      { cwd: options.cwd ?? project, env: { ...process.env, ...options.env }, maxBuffer: 1 << 26 },
      (_, stdout, stderr) => settle({ code: child.exitCode, stdout, stderr }),
    );
  });
}

let folder: string;
let project: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "daedalus-cli-"));
  project = join(folder, "project");
  expect((await daeda(["init", project], { cwd: folder })).code).toBe(0);
  const { code, stderr } = await daeda(["pipeline", "train", "ranking"]);
  expect(stderr).toContain("7 of 7 days");
  expect(code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true }));

describe("usage", () => {
  test("without arguments: help, exit 0", async () => {
    const { code, stdout } = await daeda([]);
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: daeda");
  });

  test("--version is the package's", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8"));
    expect((await daeda(["--version"])).stdout).toBe(`${version}\n`);
  });

  test.each([
    [["pipline"], "pipeline"],
    [["pipeline", "compil", "ranking"], "compile"],
    [["pipeline", "train", "rankin"], "ranking"],
    [["pipeline", "train", "ranking", "--target-dat", "2024-01-01"], "--target-date"],
    [["pipeline", "explain", "ranking", "--format", "jsn"], "json"],
    [["catalog", "show", "fed"], "feed"],
  ])("%j is refused with the nearest name, exit 2", async (words, nearest) => {
    const { code, stdout, stderr } = await daeda(words);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(`did you mean "${nearest}"?`);
  });

  test.each([
    [["pipeline"]],
    [["pipeline", "train"]],
    [["pipeline", "train", "ranking", "--skeleton-only", "--enrich-only"]],
    [["pipeline", "train", "ranking", "--executor", "cluster"]],
    [["pipeline", "train", "ranking", "--engine", "spark"]],
    [["pipeline", "train", "ranking", "--day-workers", "0"]],
    [["pipeline", "train", "ranking", "--target-date", "2030-01-01"]],
    [["pipeline", "train", "ranking", "--target-date", "2024-02-30"]],
    [["pipeline", "explain", "ranking", "--analyze", "--target-date", "2030-01-01"]],
    [["pipeline", "explain", "ranking", "--target-date", "2024-01-01"]],
    [["catalog", "list", "--project", "/nowhere"]],
  ])("%j: exit 2, no stack trace", async (words) => {
    const { code, stderr } = await daeda(words);
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("with --json the error is JSON on stdout, and stdout holds nothing else", async () => {
    const { code, stdout } = await daeda(["pipeline", "plan", "rankin", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { problems: [{ code: "command/unknown-service", suggestion: "ranking" }] },
    });
  });
});

test("--analyze without a day is refused with what to write", async () => {
  const { code, stdout, stderr } = await daeda(["pipeline", "explain", "ranking", "--analyze"]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("daeda pipeline explain ranking --analyze --target-date YYYY-MM-DD");
});

test("explain --analyze puts a run's figures beside each operator, and --out writes any format to a file", async () => {
  const words = ["pipeline", "explain", "ranking", "--analyze", "--target-date", "2024-01-02"];
  const text = await daeda(words);
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(
    /scan_feed +scan +sql +duckdb +[\d,]+ rows +\d.* read +[\d.]+ m?s +- +feed: rows of the target day/,
  );
  expect(text.stdout).toContain("MEASURED ON 2024-01-02");
  const out = join(folder, "new", "ranking.mmd");
  const mermaid = await daeda([...words, "--format", "mermaid", "--out", out, "--json"]);
  expect(JSON.parse(mermaid.stdout)).toEqual({ written: out });
  expect(await readFile(out, "utf8")).toMatch(
    /^flowchart TD\n.*rows of the target day, \d+ columns<br\/>duckdb<br\/>[\d,]+ rows/s,
  );
});

test.each(ROLLING_ENGINES)(
  "explain --analyze --engine %s: who ran the aggregates, and what they took",
  async (engine) => {
    const words = ["pipeline", "explain", "ranking", "--analyze", "--target-date", "2024-01-02", "--engine", engine];
    const { code, stdout } = await daeda(words);
    expect(code).toBe(0);
    for (const [name, tag] of [
      ["rolling", "sql"],
      ["rolling_flatten", "sql_arrow_udf"],
    ])
      expect(stdout).toMatch(
        new RegExp(`${name} +rolling_aggregate +${tag} +${engine} +60 rows +[\\d.]+ [kM]?B +[\\d.]+ m?s`),
      );
    const out = join(folder, `${engine}.html`);
    expect((await daeda([...words, "--format", "html", "--out", out])).code).toBe(0);
    const [, json = ""] =
      /<script type="application\/json" id="explanation">(.*?)<\/script>/s.exec(await readFile(out, "utf8")) ?? [];
    const { operators } = JSON.parse(json) as {
      operators: readonly { kind: string; measured: Record<string, unknown> }[];
    };
    const rolling = operators.filter(({ kind }) => kind === "rolling_aggregate").map(({ measured }) => measured);
    expect(rolling.map(({ engine }) => engine)).toEqual([engine, engine, engine]);
    for (const { rows, bytes, seconds } of rolling)
      expect([rows, Number(bytes) > 0, Number(seconds) > 0]).toEqual([60, true, true]);
  },
);

test("explain --row asks no engine", async () => {
  const { code, stdout } = await daeda([
    "pipeline",
    "explain",
    "ranking",
    "--row",
    "user_id=1@0",
    "--engine",
    "polars",
    "--json",
  ]);
  expect(JSON.parse(stdout).error.problems).toMatchObject([{ code: "trace/row-with-engine" }]);
  expect(code).toBe(2);
});

test("secrets are masked in what --out writes, too", async () => {
  const out = join(folder, "masked.html");
  const env = { SOME_TOKEN: "item_properties" };
  expect((await daeda(["pipeline", "explain", "ranking", "--format", "html", "--out", out], { env })).code).toBe(0);
  const page = await readFile(out, "utf8");
  expect(page).toContain('"name": "join_***"');
  expect(page).not.toContain("item_properties");
});

test.each([[["init", "/proc/zz"]], [["demo", "/proc/zz"]], [["schema", "--out", "/proc/zz"]]])(
  "%j: a folder that cannot be made is told, exit 1",
  async (words) => {
    const { code, stderr } = await daeda(words);
    expect(stderr).toContain("/proc/zz cannot be written");
    expect(code).toBe(1);
  },
);

describe("a project", () => {
  test("whose feed has a truncated file: that alone is told, exit 1", async () => {
    const broken = join(folder, "broken");
    await cp(project, broken, { recursive: true });
    const file = join("data", "feed", "dt=2024-01-01", "truncated.parquet");
    await writeFile(join(broken, file), `PAR1${"x".repeat(1000)}`);
    for (const command of ["compile", "train", "plan", "status", "explain"]) {
      const { code, stdout } = await daeda(["pipeline", command, "ranking", "--json"], { cwd: broken });
      expect(JSON.parse(stdout).error.problems).toMatchObject([{ code: "source/unreadable-file", file }]);
      expect(code).toBe(1);
    }
  });

  test("compile writes what it prints; --no-write writes nothing; --output-dir writes there", async () => {
    const silent = await daeda(["pipeline", "compile", "ranking", "--no-write"]);
    expect(await readdir(join(project, "config"))).not.toContain("pipelines");
    const written = await daeda(["pipeline", "compile", "ranking"]);
    expect(written.stdout).toBe(silent.stdout);
    const file = join("config", "pipelines", "ranking.generated.yaml");
    expect(await readFile(join(project, file), "utf8")).toBe(written.stdout);
    await daeda(["pipeline", "compile", "ranking", "--output-dir", "elsewhere"]);
    expect(await readFile(join(project, "elsewhere", "ranking.generated.yaml"), "utf8")).toBe(written.stdout);
  });

  test("explain: text, JSON (by either option), Mermaid", async () => {
    const { stdout: text } = await daeda(["pipeline", "explain", "ranking"]);
    expect(text).toContain("join_user_profile");
    expect(/CREATE VIEW "scan_feed" AS\n +SELECT .* FROM "?feed"? WHERE .* >= \$day AND/.test(text)).toBe(true);
    const [json, format] = await Promise.all([
      daeda(["pipeline", "explain", "ranking", "--json"]),
      daeda(["pipeline", "explain", "ranking", "--format", "json"]),
    ]);
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(format.stdout));
    expect(JSON.parse(json.stdout).service).toBe("ranking");
    const both = await daeda(["pipeline", "explain", "ranking", "--format", "mermaid", "--json"]);
    expect([both.code, JSON.parse(both.stdout)]).toMatchObject([
      2,
      { error: { problems: [{ code: "command/format-with-json" }] } },
    ]);
    expect((await daeda(["pipeline", "explain", "ranking", "--format", "mermaid"])).stdout).toMatch(
      /^(flowchart|graph) /,
    );
  });

  test("status and plan know what train did; --json says the same", async () => {
    const status = JSON.parse((await daeda(["pipeline", "status", "ranking", "--json"])).stdout);
    expect(status.counts).toMatchObject({ complete: 7, absent: 0 });
    const plan = JSON.parse((await daeda(["pipeline", "plan", "ranking", "--force", "--json"])).stdout);
    expect(plan.days.map((day: { action: string }) => day.action)).toEqual(Array(7).fill("do"));
    const fresh = await daeda(["pipeline", "plan", "ranking", "--output-root", "fresh"]);
    expect(fresh.stdout).toContain("7 of 7 days to do");
    const unchecked = ["pipeline", "audit", "ranking", "--trials", "0", "--output-root", "nowhere"];
    expect(await daeda(unchecked)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("nothing could be checked"),
    });
    const enrich = await daeda(["pipeline", "train", "ranking", "--enrich-only", "--json"]);
    expect([enrich.code, enrich.stdout]).toEqual([2, expect.stringContaining("training/no-embeddings")]);
    const again = await daeda(["pipeline", "train", "ranking"]);
    expect([again.code, again.stderr]).toEqual([0, expect.not.stringContaining("0 days")]);
  });

  test("the same days, whatever day_workers: the same bytes", async () => {
    const { code, stdout } = await daeda([
      "pipeline",
      "train",
      "ranking",
      "--day-workers",
      "2",
      "--output-root",
      "again",
      "--json",
    ]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.days.map((day: { outcome: string }) => day.outcome)).toEqual(Array(7).fill("done"));
    for (const day of ["2024-01-01", "2024-01-02"]) {
      const part = join(`dt=${day}`, "part-0-0.parquet");
      const first = await readFile(join(project, "data", "training_output", "ranking", part));
      expect(first.equals(await readFile(join(project, "again", part)))).toBe(true);
    }
  });

  test("--runtime-config-path stands in for the project's file", async () => {
    const path = join(project, "config", "training", "runtime.yaml");
    const other = join(folder, "other-runtime.yaml");
    await writeFile(other, (await readFile(path, "utf8")).replace(/feed_start: .*/, 'feed_start: "2024"'));
    const { code, stderr } = await daeda(["pipeline", "plan", "ranking", "--runtime-config-path", other]);
    expect(code).toBe(2);
    expect(stderr).toContain("other-runtime.yaml");
  });

  test("catalog lists and shows views and services", async () => {
    const list = JSON.parse((await daeda(["catalog", "list", "--json"])).stdout);
    expect(list.services.map((service: { name: string }) => service.name)).toEqual(["ranking"]);
    expect((await daeda(["catalog", "show", "feed"])).stdout).toContain("event_timestamp");
    expect((await daeda(["catalog", "show", "ranking"])).stdout).toContain("rolling");
  });

  test("schema writes one file for each kind of YAML", async () => {
    const { stdout } = await daeda(["schema", "--out", join(folder, "schemas"), "--json"]);
    const { written } = JSON.parse(stdout);
    expect((await readdir(join(folder, "schemas"))).sort()).toEqual([...written].sort());
  });

  test("all mistakes of a project at once, reading's and resolving's", async () => {
    const broken = join(folder, "mistaken");
    await cp(project, broken, { recursive: true });
    const service = join(broken, "feature_services", "ranking.yaml");
    const text = await readFile(service, "utf8");
    await writeFile(service, text.replace("name: language", "name: langage").replace("owner: you", "ownr: you"));
    const { code, stderr } = await daeda(["pipeline", "compile", "ranking", "--project", broken]);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean "language"?');
    expect(stderr).toContain('did you mean "owner"?');
  });
});

describe("demo and init", () => {
  test("demo goes on with its own folder and refuses any other", async () => {
    const words = ["demo", join(folder, "demo"), "--days", "2", "--events", "400"];
    const first = await daeda(words, { cwd: folder });
    expect(first.stderr).toContain("2 of 2 days");
    expect(first.stdout).toContain("column by column");
    expect(first.stdout).toMatch(/^dislike_artwork_ids +BIGINT\[\] /m);
    const again = await daeda(words, { cwd: folder });
    expect(again.code).toBe(0);
    expect(again.stdout).toBe(first.stdout);
    const strange = join(folder, "strange");
    await cp(resolve("LICENSE"), join(strange, "LICENSE"));
    const refused = await daeda(["demo", strange], { cwd: folder });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("command/not-a-demo");
    expect(await readdir(strange)).toEqual(["LICENSE"]);
  });

  test("init keeps what is there", async () => {
    const started = join(folder, "started");
    expect((await daeda(["init", started], { cwd: folder })).code).toBe(0);
    const file = join(started, "feature_services", "ranking.yaml");
    expect(await readFile(file, "utf8")).toContain("# yaml-language-server:");
    await writeFile(file, "name: mine\n");
    await daeda(["init", started], { cwd: folder });
    expect(await readFile(file, "utf8")).toBe("name: mine\n");
  });
});

describe("the surroundings", () => {
  test("a secret's value is printed nowhere", async () => {
    const secret = "correct-horse-battery";
    const masked = join(folder, "masked");
    await cp(project, masked, { recursive: true });
    await writeFile(
      join(masked, "config", "base.yaml"),
      `${await readFile(join(masked, "config", "base.yaml"), "utf8")}\nconnections:\n  warehouse: {type: postgres, host: h, database: d, user: u, password: "\${SHOP_PW}"}\n`,
    );
    const view = join(masked, "feature_views", "feed.yaml");
    await writeFile(
      view,
      (await readFile(view, "utf8")).replace("name: feed\n", `name: feed\ndescription2: "\${SHOP_PW}"\n`),
    );
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await daeda(["pipeline", "compile", secret, "--project", masked, ...json], {
        env: { SHOP_PW: secret },
      });
      expect(stdout + stderr).not.toContain(secret);
      expect(stdout + stderr).toContain("***");
    }
  });

  test("a temporary folder that cannot be made is told by an audit too", async () => {
    const output = join(folder, "audited");
    await daeda(["pipeline", "train", "ranking", "--output-root", output]);
    const words = ["pipeline", "audit", "ranking", "--rows", "1", "--trials", "1", "--output-root", output];
    const { code, stderr } = await daeda(words, { env: { TMPDIR: join(project, "daedalus.yaml", "t") } });
    expect([code, stderr.split("\n").find((line) => /^\S+\/\S+$/.test(line))]).toEqual([1, "engine/temporary-folder"]);
  });

  test("a current folder that was removed is told", async () => {
    const line = `mkdir gone && cd gone && rmdir ../gone && "$0" "$1" pipeline status ranking --project "$2"`;
    const child = spawn("sh", ["-c", line, process.execPath, MAIN, project], { cwd: folder });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    const [code] = await once(child, "close");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^command\/no-folder\n(?: {2}.*\n)+$/)]);
  });

  test("a reader that goes away is no fault", async () => {
    const child = spawn("sh", ["-c", `"$0" "$1" pipeline explain ranking | head -n 1`, process.execPath, MAIN], {
      cwd: project,
    });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    await once(child, "exit");
    expect(stderr).toBe("");
  });

  test("an answer that a full disk takes is told, exit 1; what is said on the way is nobody's fault", async () => {
    const run = (line: string): Promise<Ended> =>
      new Promise((settle) => {
        const child = execFile("sh", ["-c", line, process.execPath, MAIN], { cwd: project }, (_, stdout, stderr) =>
          settle({ code: child.exitCode, stdout, stderr }),
        );
      });
    const lost = await run('"$0" "$1" pipeline status ranking > /dev/full');
    expect(lost.stderr).toMatch(/^command\/answer-lost\n {2}the answer could not be written to stdout: ENOSPC/);
    expect(lost.stderr).not.toContain("    at ");
    expect(lost.code).toBe(1);
    const said = await run('"$0" "$1" pipeline train ranking 2> /dev/full');
    expect(said.stdout).toContain("ranking");
    expect(said.code).toBe(0);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s stops train: no half-written day, and the same command goes on", async (signal, exitCode) => {
    const output = join(folder, `stopped-${signal}`);
    const words = ["pipeline", "train", "ranking", "--output-root", output];
    const child = spawn(process.execPath, [MAIN, ...words], { cwd: project });
    let said = "";
    await new Promise<void>((begun) => {
      child.stderr.on("data", (text) => {
        said += text;
        if (said.includes("days to do")) begun();
      });
    });
    child.kill(signal);
    const [code] = await once(child, "exit");
    expect(code).toBe(exitCode);
    for (const name of await readdir(output))
      if (name.startsWith("dt=")) expect(await readdir(join(output, name))).toContain("_manifest.json");
    expect((await daeda(words)).code).toBe(0);
  });
});
