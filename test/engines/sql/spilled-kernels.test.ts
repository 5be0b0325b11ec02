import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { KernelFunctions } from "#daedalus/engines/kernel/kernel-functions.js";
import type { KernelPlan } from "#daedalus/engines/sql/plan.js";
import { SqlSession } from "#daedalus/engines/sql/session.js";
import { answersBetween, SpilledKernels } from "#daedalus/engines/sql/spilled-kernels.js";
import { DaedalusError } from "#daedalus/errors/problem.js";
import { historyBytes, type WindowGroup } from "#daedalus/kernels/window-columns.js";
import type { RollingWorkers } from "#daedalus/training/day.js";

/** A folder whose name is a pattern too. */
const directory = mkdtempSync(join(tmpdir(), "daedalus-spilled-[1]*-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const plan: KernelPlan & { readonly group: WindowGroup } = {
  kind: "kernel",
  name: "kernel_test",
  operator: "rolling",
  composes: [],
  keep: "day",
  wide: true,
  history: "SELECT user_id AS key, ts AS time, item AS v0 FROM history",
  group: {
    windows: [-1n, 40n],
    columns: [{ kind: 0, width: 8 }],
    outputs: [
      { aggregate: "list", column: 0, window: 0, distinct: false, maxLength: 5 },
      { aggregate: "count", window: 1, distinct: false },
    ],
    available: false,
    timeDivisor: 1n,
  },
  outputs: [
    { name: "items", dtype: "BIGINT[]" },
    { name: "n", dtype: "BIGINT" },
  ],
  keys: ["user_id"],
  arguments: ["o.user_id", "o.ts"],
  own: [],
};

/** Bytes that so many rows of so many keys take. */
const bytes = (rows: number, keys: number): number => historyBytes(plan.group, rows, keys).all;

/** Workers stand in test/training/rolling-in-workers.test.ts. */
const nobody: RollingWorkers = {
  count: 1,
  run: async () => {
    throw new Error("no kernel here is asked by workers");
  },
  interrupt: () => undefined,
  close: () => undefined,
};

let session: SqlSession;
let kernels: KernelFunctions;
let spilled: SpilledKernels;

beforeEach(async () => {
  session = await SqlSession.open({ threads: "2", temp_directory: directory });
  kernels = new KernelFunctions(session);
  spilled = new SpilledKernels(session, kernels, nobody);
});

afterEach(() => {
  spilled.close();
  session.close();
  expect(readdirSync(directory)).toEqual([]);
});

/** `keys`: SQL of a key over `i`, the row's number. Rows ask at the same instants, some without a key, some of keys without history. */
async function tables(rows: number, keys: string): Promise<void> {
  await session.run(
    `CREATE TEMP TABLE history AS SELECT CAST(${keys} AS BIGINT) AS user_id, CAST(i // 3 AS BIGINT) AS ts, CAST(hash(i) % 100 AS BIGINT) AS item
       FROM range(${rows}) t(i);
     CREATE TEMP TABLE asking AS
       SELECT CASE WHEN i % 13 > 0 THEN user_id + CASE WHEN i % 11 = 0 THEN 1000000 ELSE 0 END END AS user_id, ts
       FROM (SELECT *, row_number() OVER () AS i FROM history)`,
  );
}

/** Rows whose answer by parts is not that of the index in one piece, and how many parts answered. */
async function differences(room: number): Promise<{ readonly different: unknown; readonly parts: number }> {
  await spilled.spill(plan);
  return spilled.answer([plan.name], "asking", { room, log: undefined }, async (answers) => {
    if (answers === undefined) throw new Error("the kernel is not spilled");
    const item = answers.of.get(plan.name) ?? "";
    await session.run(`CREATE TEMP TABLE answered AS SELECT * FROM ${item}`);
    expect(await kernels.load(plan, Number.POSITIVE_INFINITY)).toBeGreaterThan(0);
    const [row] = await session.query(
      `SELECT count(*) FILTER (w."@answer" IS DISTINCT FROM a."@answer") AS different, count(*) AS rows, count(a."@row") AS answered
       FROM (SELECT rowid AS "@row", ${plan.name}(o.user_id, o.ts) AS "@answer" FROM asking o) w FULL JOIN answered a USING ("@row")`,
    );
    const [rows] = await session.query("SELECT count(*) AS n FROM asking");
    expect([row?.["rows"], row?.["answered"]]).toEqual([rows?.["n"], rows?.["n"]]);
    return { different: row?.["different"], parts: item.split(".parquet").length - 1 };
  });
}

test("a temporary folder that cannot be made is told with its setting", async () => {
  const file = join(directory, "file");
  writeFileSync(file, "");
  const elsewhere = await SqlSession.open({ temp_directory: join(file, "below") });
  try {
    const none = new SpilledKernels(elsewhere, new KernelFunctions(elsewhere), nobody);
    await expect(none.spill(plan)).rejects.toThrow(/temporary folder .* cannot be made: ENOTDIR(.|\n)*temp_directory/);
  } finally {
    elsewhere.close();
    rmSync(file);
  }
});

test("parts of the keys answer what one index answers", async () => {
  await tables(20_000, "hash(i, 3) % 700");
  const { different, parts } = await differences(bytes(4_000, 200));
  expect(different).toBe(0n);
  expect(parts).toBeGreaterThan(3);
});

test("a bucket that does not fit is cut into slices", async () => {
  const [list] = await session.query(
    "SELECT list(k) AS keys FROM (SELECT CAST(range AS BIGINT) AS k FROM range(5000) WHERE hash(CAST(range AS BIGINT)) % 64 = 9 LIMIT 40)",
  );
  await tables(
    8_000,
    `[${String((list?.["keys"] as { items: unknown[] } | undefined)?.items ?? list?.["keys"])}][1 + i % 40]`,
  );
  const { different, parts } = await differences(bytes(1_500, 30));
  expect(different).toBe(0n);
  expect(parts).toBeGreaterThan(6);
});

test("workers are asked where every key fits their share; else what is asked here answers", async () => {
  await tables(3_000, "CASE WHEN i % 2 = 0 THEN 77 ELSE i % 50 END");
  const inWorkers = { ...plan, inWorkers: true as const };
  await spilled.spill(inWorkers);
  const asked = (room: number): Promise<string> =>
    spilled.answer([plan.name], "asking", { room, log: undefined }, async () => "answered here").catch(String);
  // Half of what a worker may take is for its index.
  expect(await asked(3 * bytes(1_500, 50))).toContain("no kernel here is asked by workers");
  expect(await asked(1.5 * bytes(1_500, 50))).toBe("answered here");
});

test("a key that does not fit by itself is named, with its rows", async () => {
  await tables(3_000, "CASE WHEN i % 2 = 0 THEN 77 ELSE i % 50 END");
  await spilled.spill(plan);
  const told = await spilled
    .answer([plan.name], "asking", { room: bytes(1_000, 50), log: undefined }, async () => "answered")
    .catch((error: unknown) => error);
  expect(told).toBeInstanceOf(DaedalusError);
  const [problem] = (told as DaedalusError).problems;
  expect(problem?.code).toBe("engine/key-memory");
  expect(problem?.says).toContain("1500 history rows of the key user_id = 77 ");
});

test("a numbered key that does not fit is named by its columns, wherever the rows no longer have them", async () => {
  await tables(3_000, "CASE WHEN i % 2 = 0 THEN 77 ELSE i % 50 END");
  await session.run("CREATE TEMP TABLE pairs AS SELECT 77 AS kid, 'north' AS place, 4 AS shelf");
  const ofPairs = { ...plan, keys: ["place", "shelf"], keyTable: "pairs" };
  await spilled.spill(ofPairs);
  const told = await spilled
    .answer([plan.name], "asking", { room: bytes(1_000, 50), log: undefined }, async () => "answered")
    .catch((error: unknown) => error);
  expect((told as DaedalusError).problems[0]?.says).toContain("of the key place = north, shelf = 4 ");
});

test("a history without rows answers as an empty index does", async () => {
  await tables(100, "i % 7");
  await session.run("DELETE FROM history");
  expect(await differences(bytes(10, 1))).toEqual({ different: 0n, parts: 1 });
});

test("what does not fit its room is not loaded, and does not answer", async () => {
  await tables(5_000, "i % 300");
  expect(await kernels.load(plan, bytes(5_000, 300) * 1.2)).toBeGreaterThan(0);
  expect(await kernels.load(plan, bytes(4_000, 300))).toBeUndefined();
  expect(await kernels.load(plan, bytes(5_000, 1))).toBeUndefined();
  await expect(session.query(`SELECT ${plan.name}(o.user_id, o.ts) FROM asking o`)).rejects.toThrow(/not loaded/);
});

test("answers of a range of rows are those rows'; answers and histories leave no file", async () => {
  await tables(2_000, "i % 90");
  await spilled.spill(plan);
  const rows = await spilled.answer(
    [plan.name],
    "asking",
    { room: bytes(500, 40), log: undefined },
    async (answers) => {
      const item = answers && answersBetween(answers, 500, 700).of.get(plan.name);
      const [row] = await session.query(`SELECT count(*) AS n, min("@row") AS least, max("@row") AS most FROM ${item}`);
      return row;
    },
  );
  expect(rows).toEqual({ n: 200n, least: 500n, most: 699n });
  const [folder = ""] = readdirSync(directory).filter((name) => readdirSync(join(directory, name)).length > 0);
  expect(readdirSync(join(directory, folder))).toHaveLength(1); // the history; its answers are gone
  spilled.forget(plan);
  expect(readdirSync(join(directory, folder))).toEqual([]);
  expect(existsSync(join(directory, folder))).toBe(true);
});
