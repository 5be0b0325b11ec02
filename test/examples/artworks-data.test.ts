import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeDemoProject } from "#daedalus/app/demo/demo-project.js";
import { sqlText, testConnection } from "../support/duckdb.js";

const folder = mkdtempSync(join(tmpdir(), "daedalus-artworks-data-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = { days: 7, events: 20_000, seed: 1 };
const TABLES = {
  feed: "feed/*/*.parquet",
  profile: "user_profile/*.parquet",
  properties: "artwork_properties/*.parquet",
  generation: "artwork_generation/*.parquet",
  aesthetic: "artwork_aesthetic.parquet",
  tack: "artwork_tack.parquet",
  vector: "artwork_vector.parquet",
  embeddings: "embeddings.parquet",
} as const;

async function rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await (await testConnection()).runAndReadAll(sql)).getRowObjectsJS();
}

/** The only row of the answer. */
async function answer(sql: string): Promise<Readonly<Record<string, unknown>>> {
  const [row = {}, ...more] = await rows(sql);
  expect(more).toEqual([]);
  return row;
}

let written: Awaited<ReturnType<typeof writeDemoProject>>;
beforeAll(async () => {
  written = await writeDemoProject(join(folder, "project"), SIZE);
  for (const [name, path] of Object.entries(TABLES))
    await rows(
      `CREATE OR REPLACE TEMP VIEW ${name} AS FROM read_parquet(${sqlText(join(folder, "project/data", path))}, hive_partitioning = ${name === "feed"})`,
    );
});

describe("the feed", () => {
  test("has the asked rows on the asked days, in order", async () => {
    expect(written.days).toEqual(["2026-02-01", "2026-02-07"]);
    expect(
      await answer(`
        SELECT count(*) AS rows, count(DISTINCT dt) AS days,
          bool_and(strftime(make_timestamp(event_timestamp * 1000), '%Y-%m-%d') = dt::VARCHAR) AS placed,
          bool_and(event_timestamp >= coalesce(before, 0)) AS ordered
        FROM (SELECT *, lag(event_timestamp) OVER (PARTITION BY dt ORDER BY row) AS before
          FROM (SELECT *, row_number() OVER () AS row FROM feed))`),
    ).toEqual({ rows: 20_000n, days: 7n, placed: true, ordered: true });
  });

  test("skew: the busiest user has more than twice the rows of the second, a tenth of the users a third of all", async () => {
    const found = await answer(`
      WITH busy AS (SELECT count(*) AS n, row_number() OVER (ORDER BY count(*) DESC) AS rank FROM feed WHERE user_id IS NOT NULL GROUP BY user_id)
      SELECT max(n) FILTER (rank = 1) > 2 * max(n) FILTER (rank = 2) AS one, max(n) FILTER (rank = 1) < sum(n) // 10 AS bounded,
        sum(n) FILTER (rank <= (SELECT count(*) FROM busy) / 10) > sum(n) * 0.31 AS tail, count(*) > 400 AS many FROM busy`);
    expect(found).toEqual({ one: true, bounded: true, tail: true, many: true });
  });

  test("ties: most rows share their user's instant; some share user, artwork and instant, of different or of equal events", async () => {
    expect(
      await answer(`
        SELECT count(*) FILTER (of_user > 1) > count(*) / 2 AS pages, count(*) FILTER (of_both > 1) > count(*) / 20 AS twice,
          bool_or(of_both > 1 AND events > 1) AS unlike, bool_or(of_both > 1 AND events = 1) AS alike
        FROM (SELECT count(*) OVER (PARTITION BY user_id, event_timestamp) AS of_user, count(*) OVER p AS of_both, count(DISTINCT event) OVER p AS events
          FROM feed WHERE user_id IS NOT NULL WINDOW p AS (PARTITION BY user_id, artwork_id, event_timestamp))`),
    ).toEqual({ pages: true, twice: true, unlike: true, alike: true });
  });

  test("sessions over midnight, and rows without a session", async () => {
    expect(
      await answer(`
        SELECT count(*) FILTER (days = 2) > 20 AS over_midnight, max(days) AS days, max(span) < 2 * 3600000 AS short
        FROM (SELECT count(DISTINCT dt) AS days, max(event_timestamp) - min(event_timestamp) AS span FROM feed WHERE feed_session IS NOT NULL GROUP BY feed_session)`),
    ).toEqual({ over_midnight: true, days: 2n, short: true });
    expect(
      await answer("SELECT count(*) FILTER (feed_session IS NULL) BETWEEN 200 AND 600 AS without FROM feed"),
    ).toEqual({
      without: true,
    });
  });

  test("every kind of event, dislikes among them, and histories that repeat an artwork", async () => {
    expect(await rows("SELECT DISTINCT event FROM feed ORDER BY event NULLS FIRST")).toEqual(
      [null, "click", "dislike_click", "like", "reco_artwork_view", "reco_artwork_view2"].map((event) => ({ event })),
    );
    expect(
      await answer(`SELECT count(*) > 50 AS again FROM feed l JOIN feed r USING (user_id, artwork_id)
        WHERE l.event = 'like' AND r.event_timestamp > l.event_timestamp`),
    ).toEqual({ again: true });
  });

  test("users are authors, and publish while the feed runs", async () => {
    expect(
      await answer(`
        SELECT count(DISTINCT user_id) > 100 AS authors FROM feed JOIN properties ON author_id = user_id
        WHERE artwork_created_at < event_timestamp AND artwork_created_at >= event_timestamp - 30 * 86400000::BIGINT`),
    ).toEqual({ authors: true });
  });

  test("artworks that were shown are there by then, but for a few of the newest", async () => {
    expect(
      await answer(`
        SELECT count(*) FILTER (artwork_created_at > event_timestamp) BETWEEN 1 AND count(*) / 10 AS few
        FROM feed JOIN (SELECT id, max(artwork_created_at) AS artwork_created_at FROM properties GROUP BY id) ON id = artwork_id`),
    ).toEqual({ few: true });
  });
});

test("NULLs: in every column but the times of the spine and of the tables whose rows have one, and the keys of the views", async () => {
  const always: string[] = [];
  for (const name of Object.keys(TABLES)) {
    const counts = await answer(`SELECT count(*) AS "*", count(COLUMNS(*)) FROM ${name}`);
    for (const [column, count] of Object.entries(counts))
      if (column !== "*" && count === counts["*"]) always.push(`${name}.${column}`);
  }
  expect(always).toEqual([
    "feed.event_timestamp",
    "feed.dt",
    "profile.user_id",
    "generation.artwork_id",
    "aesthetic.artwork_id",
    "aesthetic.scored_at",
    "tack.artwork_id",
    "tack.updated_at",
    "vector.artwork_id",
    "vector.updated_at",
    "embeddings.artwork_id",
  ]);
  expect(
    await answer(
      "SELECT bool_or(list_contains(tack_ids, 7)) AS some, bool_or(len(tack_ids) <> list_count(tack_ids)) AS holes, bool_or(len(tack_ids) = 0) AS empty FROM tack",
    ),
  ).toEqual({
    some: true,
    holes: true,
    empty: true,
  });
});

describe("the views", () => {
  test("late rows: most are known within minutes, some after hours or days, a few never; none before it was written", async () => {
    expect(
      await answer(`
        SELECT count(*) FILTER (late < 600000) > count(*) / 2 AS soon, count(*) FILTER (late > 3600000) > count(*) / 20 AS late,
          count(*) FILTER (late > 86400000) > 10 AS days, count(*) FILTER (ingested_at IS NULL) > 10 AS never, min(late) >= 0 AS causal
        FROM (SELECT *, ingested_at - updated_at AS late FROM properties)`),
    ).toEqual({ soon: true, late: true, days: true, never: true, causal: true });
  });

  test("a late row matters: some event falls between its time and its arrival", async () => {
    expect(
      await answer(`SELECT count(*) > 20 AS hidden FROM feed JOIN properties ON id = artwork_id
        WHERE updated_at < event_timestamp AND ingested_at > event_timestamp`),
    ).toEqual({ hidden: true });
  });

  test.each([
    ["profile", "user_id", "updated_at"],
    ["properties", "id", "updated_at"],
    ["generation", "artwork_id", "updated_at"],
    ["aesthetic", "artwork_id", "scored_at"],
    ["tack", "artwork_id", "updated_at"],
    ["vector", "artwork_id", "updated_at"],
  ])("%s: several versions of a row, corrections of the same time, entities without any", async (view, key, time) => {
    expect(
      await answer(`
        SELECT max(versions) AS most, count(*) FILTER (versions > times AND bodies > 1) > 10 AS corrected FROM (
          SELECT count(*) AS versions, count(DISTINCT ${time}) AS times, count(DISTINCT t) AS bodies FROM ${view} t
          WHERE ${time} IS NOT NULL AND ${key} IS NOT NULL GROUP BY ${key})`),
    ).toEqual({ most: 3n, corrected: true });
    const entity = view === "profile" ? "user_id" : "artwork_id";
    expect(
      await answer(
        `SELECT count(*) > 0 AS without FROM feed WHERE ${entity} NOT IN (SELECT ${key} FROM ${view} WHERE ${key} IS NOT NULL)`,
      ),
    ).toEqual({
      without: true,
    });
  });

  test("animated artworks are all tagged as SD_V1_MODEL, and so are some others", async () => {
    expect(
      await answer(`
        SELECT count(*) FILTER (animated) > 100 AS animated, bool_and(model_type = 'SD_V1_MODEL') FILTER (animated) AS tagged,
          count(*) FILTER (NOT animated AND model_type = 'SD_V1_MODEL') > 100 AS others
        FROM generation JOIN (SELECT id, bool_or(artwork_type = 'ANIMATED_ARTWORK') AS animated FROM properties GROUP BY id) ON id = artwork_id`),
    ).toEqual({ animated: true, tagged: true, others: true });
  });

  test("embeddings: 64 dimensions, some artworks without, some with a NULL vector, no artwork twice", async () => {
    expect(await rows("SELECT column_name, column_type FROM (DESCRIBE embeddings)")).toEqual([
      { column_name: "artwork_id", column_type: "BIGINT" },
      { column_name: "embedding", column_type: "FLOAT[]" },
    ]);
    expect(
      await answer(`
        SELECT bool_and(len(embedding) = 64) AS dimensions, bool_and(list_min(embedding) >= -1 AND list_max(embedding) <= 1) AS bounded,
          count(DISTINCT embedding) = count(embedding) AS different, count(*) - count(embedding) BETWEEN 10 AND 100 AS nulls,
          count(DISTINCT artwork_id) = count(*) AS once, bool_or(list_contains(embedding, NULL)) IS NOT TRUE AS whole FROM embeddings`),
    ).toEqual({ dimensions: true, bounded: true, different: true, nulls: true, once: true, whole: true });
    expect(
      await answer(
        "SELECT count(DISTINCT artwork_id) > 50 AS missing FROM feed WHERE artwork_id NOT IN (SELECT artwork_id FROM embeddings)",
      ),
    ).toEqual({ missing: true });
  });
});

describe("equal sizes and seeds give equal bytes", () => {
  function contents(directory: string): Readonly<Record<string, string>> {
    const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
      statSync(join(directory, name)).isFile(),
    );
    return Object.fromEntries(
      files.sort().map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex"),
      ]),
    );
  }

  test("another seed gives other ones", async () => {
    const [one, two, other] = [join(folder, "one"), join(folder, "two"), join(folder, "other")];
    await writeDemoProject(one, { days: 3, events: 2_000, seed: 7 });
    await writeDemoProject(two, { days: 3, events: 2_000, seed: 7 });
    await writeDemoProject(other, { days: 3, events: 2_000, seed: 8 });
    expect(contents(one)).toEqual(contents(two));
    const [ones, others] = [contents(join(one, "data")), contents(join(other, "data"))];
    expect(Object.keys(ones)).toEqual(Object.keys(others));
    expect(Object.keys(ones).filter((name) => ones[name] === others[name])).toEqual([]);
  });

  test("of a size that takes many row groups, too", async () => {
    const [one, two] = [join(folder, "large"), join(folder, "large-again")];
    const size = { days: 1, events: 400_000, seed: 3 };
    await writeDemoProject(one, size);
    await writeDemoProject(two, size);
    expect(contents(one)).toEqual(contents(two));
  });

  test("on every machine: these are the values", async () => {
    expect(
      await answer(`SELECT count(*) AS rows, sum(user_id)::BIGINT AS users, sum(artwork_id)::BIGINT AS artworks, sum(event_timestamp // 1000)::BIGINT AS times,
        sum(current_like_count)::BIGINT AS likes FROM feed`),
    ).toEqual({
      rows: 20_000n,
      users: 1984439720n,
      artworks: 139563916887n,
      times: 35404124749758n,
      likes: 23491734n,
    });
    expect(
      await answer(
        "SELECT sum(floor(media_safety_score * 1048576)::BIGINT)::BIGINT AS media, count(*) AS rows FROM vector",
      ),
    ).toEqual({ media: 1471171086n, rows: 2_986n });
    expect(await answer("SELECT artwork_id, embedding[1:3]::VARCHAR AS first FROM embeddings LIMIT 1")).toEqual({
      artwork_id: 7_000_000n,
      first: "[0.58203125, -0.33984375, 0.51953125]",
    });
  });
});

describe("a second call", () => {
  const size = { days: 2, events: 500, seed: 1 };
  const directory = join(folder, "again");

  test("keeps edited definitions and the same data, and completes what is missing", async () => {
    await writeDemoProject(directory, size);
    const feed = join(directory, "data/feed/dt=2026-02-01/part-0.parquet");
    const modified = statSync(feed, { bigint: true }).mtimeNs;
    writeFileSync(join(directory, "feature_views/artwork_tack.yaml"), "# edited\n");
    unlinkSync(join(directory, "data/artwork_tack.parquet"));
    writeFileSync(join(directory, "data/artwork_tack.parquet.tmp"), "half a file");
    expect((await writeDemoProject(directory, size)).written).toEqual([]);
    expect(statSync(feed, { bigint: true }).mtimeNs).toBe(modified);
    expect(readFileSync(join(directory, "feature_views/artwork_tack.yaml"), "utf8")).toBe("# edited\n");
    expect(existsSync(join(directory, "data/artwork_tack.parquet"))).toBe(true);
    expect(readdirSync(join(directory, "data")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("of another size makes all data anew", async () => {
    await writeDemoProject(directory, { ...size, days: 1 });
    expect(readdirSync(join(directory, "data/feed"))).toEqual(["dt=2026-02-01"]);
    const rewritten = readFileSync(join(directory, "data/embeddings.parquet"));
    await writeDemoProject(directory, { ...size, days: 1, seed: 2 });
    expect(readFileSync(join(directory, "data/embeddings.parquet")).equals(rewritten)).toBe(false);
  });
});
