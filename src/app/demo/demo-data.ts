import { access, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dayOfMicros, dayStartMicros, MICROS_PER_DAY } from "../../columnar/instants.js";
import { SqlSession } from "../../engines/sql/session.js";
import { text } from "../../engines/sql/text.js";
import { makeFolders } from "../../runs/durable.js";

/** How much data, and which; equal sizes and seeds give equal bytes. */
export interface DemoSize {
  /** UTC days of the feed, from `FIRST_DAY` on. */
  readonly days: number;
  /** Rows of the feed in all. */
  readonly events: number;
  readonly seed: number;
}

export const FIRST_DAY = "2024-01-01";

/** The feed's days in order. */
export function demoDays(days: number): readonly string[] {
  return Array.from({ length: days }, (_, day) =>
    dayOfMicros(dayStartMicros(FIRST_DAY) + BigInt(day) * MICROS_PER_DAY),
  );
}

/** Part of the mark below: raised when the generator changes, so that data of an older version are made anew. */
const GENERATOR_VERSION = 1;

const TABLES = ["feed", "user_profile.parquet", "item_properties.parquet", "item_quality.parquet", "orders.csv"];

/**
 * Writes `data/**` of the made-up project: Parquet folders and files, a CSV. Each file appears whole. Files that an earlier
 * call with the same size and seed left are kept untouched, so that days trained from them stay up to date and a call that was
 * stopped goes on; data that this function did not make are left alone.
 */
export async function writeDemoData(directory: string, size: DemoSize): Promise<void> {
  const data = join(directory, "data");
  const mark = join(data, "_generated.json");
  const wanted = `${JSON.stringify({ ...size, version: GENERATOR_VERSION })}\n`;
  const before = await readFile(mark, "utf8").catch(() => undefined);
  if (before === undefined && (await anyOf(TABLES.map((name) => join(data, name))))) return;
  await makeFolders(data);
  if (before !== wanted) {
    for (const name of TABLES) await rm(join(data, name), { recursive: true, force: true });
    await writeFile(`${mark}.tmp`, wanted);
    await rename(`${mark}.tmp`, mark);
  }
  const missing: [path: string, sql: () => string][] = [];
  const files: readonly [name: string, sql: () => string][] = [
    ...demoDays(size.days).map((date, day): [string, () => string] => [
      join("feed", `dt=${date}`, "part-0.parquet"),
      () => feedOfDay(size, day),
    ]),
    ["user_profile.parquet", () => userProfile(size)],
    ["item_properties.parquet", () => itemProperties(size)],
    ["item_quality.parquet", () => itemQuality(size)],
    ["orders.csv", () => orders(size)],
  ];
  for (const [name, sql] of files) if (!(await anyOf([join(data, name)]))) missing.push([join(data, name), sql]);
  if (missing.length === 0) return;
  const session = await SqlSession.open({ threads: "2" });
  try {
    await session.run(macros(size));
    for (const [path, sql] of missing) await write(session, path, sql());
  } finally {
    session.close();
  }
}

async function anyOf(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return true;
  }
  return false;
}

async function write(session: SqlSession, path: string, sql: string): Promise<void> {
  await makeFolders(dirname(path));
  const format = path.endsWith(".csv") ? "FORMAT csv, HEADER" : "FORMAT parquet, COMPRESSION zstd";
  await session.run(`COPY (${sql}) TO ${text(`${path}.tmp`)} (${format})`);
  await rename(`${path}.tmp`, path);
}

/**
 * Randomness without state: `draw(what, i)` is a number in [0, 1) that depends on the seed, the name of what is drawn and
 * the index alone (hashed twice: one hash of several arguments leaves the draws of one index related); only exact and correctly rounded arithmetic follows, so every machine gives the same values.
 */
function macros({ seed }: DemoSize): string {
  return `
    CREATE MACRO bits(what, i) AS hash(hash(${seed}::BIGINT, what, i::BIGINT));
    CREATE MACRO draw(what, i) AS (bits(what, i) >> 11)::DOUBLE / 9007199254740992;
    CREATE MACRO pick(what, i, n) AS floor(draw(what, i) * n)::BIGINT;
    CREATE MACRO seldom(what, i, share) AS draw(what, i) < share;
    CREATE MACRO often_low(what, i, n) AS floor(draw(what, i) * draw(what, i) * n)::BIGINT`;
}

/** Rows of one page: shown at the same instant. */
const PAGE_ROWS = 4;

/**
 * A page belongs to a session of a user; its rows share the user, the session and the instant. Half of the items were seen
 * by many (low ids), one in eight comes from a small set of the user's own, so that histories repeat themselves.
 */
function feedOfDay(size: DemoSize, day: number): string {
  const perDay = Math.floor(size.events / size.days);
  const rows = day === 0 ? size.events - perDay * (size.days - 1) : perDay;
  const first = day === 0 ? 0 : size.events - perDay * (size.days - day);
  const start = Number(dayStartMicros(FIRST_DAY) / 1000n) + day * 86_400_000;
  return `
    WITH numbered AS (
      SELECT ${first} + range AS i, (${first} + range) // ${PAGE_ROWS} AS page FROM range(${rows})
    ), placed AS (
      SELECT i, page, 1 + often_low('user', page, ${users(size)}) AS user_id, pick('visit', page, 2) AS visit FROM numbered
    ), timed AS (
      SELECT *,
        ${start} + 1000 * (pick('start', user_id * 2 + visit + ${day} * 7919, 82800) + pick('pause', page, 3600)) AS event_timestamp
      FROM placed
    )
    SELECT
      user_id,
      CASE WHEN seldom('own', i, 0.125) THEN 1 + (user_id * 7 + pick('own item', i, 5)) % ${items(size)}
        ELSE 1 + often_low('item', i, ${items(size)}) END AS item_id,
      event_timestamp,
      CASE WHEN seldom('like', i, 0.08) THEN 'like' WHEN seldom('click', i, 0.16) THEN 'click'
        WHEN seldom('hide', i, 0.02) THEN 'hide' ELSE 'view' END AS event,
      CASE WHEN seldom('no session', page, 0.02) THEN NULL
        ELSE concat('s', user_id, '-', ${day}, '-', visit) END AS session,
      [11, 12, 27, 30][1 + pick('placement', page, 4)]::INTEGER AS placement,
      (i % ${PAGE_ROWS})::INTEGER AS position,
      CASE WHEN seldom('no country', user_id, 0.1) THEN NULL
        ELSE [250, 276, 356, 392, 840][1 + pick('country', user_id, 5)]::INTEGER END AS country_code
    FROM timed
    ORDER BY event_timestamp, i`;
}

const firstMillis = Number(dayStartMicros(FIRST_DAY) / 1000n);

function users({ events }: DemoSize): number {
  return Math.max(10, Math.ceil(events / 150));
}

function items({ events }: DemoSize): number {
  return Math.max(20, Math.ceil(events / 40));
}

/** One to three versions of each user, over the feed's days. */
function userProfile(size: DemoSize): string {
  return `
    SELECT
      user_id,
      CASE WHEN version = 0 THEN joined_at ELSE ${firstMillis} + 1000 * pick('update', user_id * 3 + version, ${size.days * 86_400}) END AS updated_at,
      CASE WHEN seldom('no language', user_id, 0.05) THEN NULL ELSE ['de', 'en', 'fr', 'ja'][1 + pick('language', user_id, 4)] END AS language,
      seldom('sensitive', user_id * 3 + version, 0.3) AS shows_sensitive,
      CASE WHEN seldom('follows nobody', user_id, 0.2) THEN NULL
        ELSE [1 + pick('follows', user_id * 8 + range, ${users(size)}) FOR range IN range(1 + pick('follows', user_id, 3) + version)]
        END AS followed_user_ids,
      joined_at
    FROM (SELECT 1 + range AS user_id, ${firstMillis} - 1000 * pick('joined', range, ${500 * 86_400}) AS joined_at FROM range(${users(size)})),
      (SELECT range AS version FROM range(3))
    WHERE version <= pick('versions', user_id, 3)
    ORDER BY user_id, version`;
}

/** Up to two versions of each item; a version is known some minutes after it was made, a few never. */
function itemProperties(size: DemoSize): string {
  return `
    SELECT
      item_id AS id,
      updated_at,
      CASE WHEN seldom('never known', item_id * 2 + version, 0.01) THEN NULL
        ELSE updated_at + 1000 * pick('delay', item_id * 2 + version, 7200) END AS ingested_at,
      1 + often_low('author', item_id, ${users(size)}) AS author_id,
      CASE WHEN format = 'animated' OR seldom('retired', item_id, 0.03) THEN 'retired'
        ELSE ['art', 'craft', 'games', 'music', 'sports'][1 + pick('category', item_id, 5)] END AS category,
      format,
      CASE WHEN seldom('no price', item_id, 0.1) THEN NULL ELSE pick('price', item_id * 2 + version, 10000) / 100 END AS price,
      CASE WHEN seldom('no tags', item_id, 0.05) THEN NULL
        ELSE [100 + pick('tag', item_id * 8 + range, 40) FOR range IN range(pick('tags', item_id, 6))] END AS tag_ids,
      published_at
    FROM (
      SELECT *, CASE WHEN version = 0 THEN published_at
          ELSE published_at + 1000 * (1 + pick('change', item_id, ${size.days * 86_400})) END AS updated_at,
        CASE WHEN seldom('animated', item_id, 0.1) THEN 'animated' ELSE 'still' END AS format
      FROM (SELECT 1 + range AS item_id,
          ${firstMillis} + 1000 * (pick('published', range, ${(size.days + 60) * 86_400}) - ${60 * 86_400}) AS published_at
        FROM range(${items(size)})),
        (SELECT range AS version FROM range(2))
      WHERE version <= pick('item versions', item_id, 2)
    )
    ORDER BY id, updated_at`;
}

function itemQuality(size: DemoSize): string {
  return `
    SELECT 1 + range AS item_id,
      make_timestamp(${firstMillis}000 + 1000000 * pick('scored', range, ${size.days * 86_400})) AS scored_at,
      CASE WHEN seldom('no quality', range, 0.05) THEN NULL ELSE 10 * draw('quality', range) END AS quality
    FROM range(${items(size)})
    WHERE NOT seldom('not scored', range, 0.1)`;
}

function orders(size: DemoSize): string {
  return `
    SELECT 1 + often_low('buyer', range, ${users(size)}) AS user_id, 1 + often_low('bought', range, ${items(size)}) AS item_id,
      strftime(make_timestamp(${firstMillis}000 + 1000000 * pick('ordered', range, ${size.days * 86_400})), '%Y-%m-%dT%H:%M:%SZ') AS ordered_at,
      (pick('amount', range, 20000) / 100) AS amount
    FROM range(${Math.max(10, Math.ceil(size.events / 50))})
    ORDER BY ordered_at, user_id, item_id`;
}
