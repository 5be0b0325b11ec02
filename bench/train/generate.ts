import { access, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Database } from "./database.js";

/** The feed: 14 days from here; the last 7 are the target days, the others are history. */
export const FIRST_DAY = "2026-03-01";
export const FEED_DAYS = 14;
export const TARGET_DAYS = Array.from({ length: 7 }, (_, n) => `2026-03-${String(8 + n).padStart(2, "0")}`);

const DAY = 86_400_000;
const START = Date.parse(`${FIRST_DAY}T00:00:00Z`);

/**
 * A feed like a gallery's: users by a shifted Zipf law, popular items, three sessions a user and day, 20 % of the rows at the
 * instant of the row before, one row in four about an item that its user saw before. Made once per size, kept in the cache.
 */
export async function generate(home: string, events: number, threads: number): Promise<string> {
  const folder = join(home, "data", String(events));
  const done = await access(folder).then(
    () => true,
    () => false,
  );
  if (done) return folder;
  const staging = `${folder}.tmp`;
  await rm(staging, { recursive: true, force: true });
  const users = Math.max(20, Math.round(events / 40));
  const items = Math.max(50, Math.round(events / 10));
  const database = await Database.open({ threads: String(threads) });
  const write = async (name: string, sql: string) => {
    await mkdir(dirname(join(staging, name)), { recursive: true });
    await database.run(`COPY (${sql}) TO '${join(staging, name)}' (FORMAT parquet, COMPRESSION zstd)`);
  };
  await database.run(`
    CREATE MACRO draw(what, i) AS (hash(hash(42, what, i::BIGINT)) >> 11)::DOUBLE / 9007199254740992;
    CREATE MACRO pick(what, i, n) AS floor(draw(what, i) * n)::BIGINT;
    CREATE MACRO seldom(what, i, share) AS draw(what, i) < share;
    CREATE MACRO zipf(what, i, n) AS least(n - 1, floor(0.02 * n * (pow(51, draw(what, i)) - 1)))::BIGINT;
    CREATE MACRO low(what, i, n) AS floor(draw(what, i) * draw(what, i) * n)::BIGINT`);
  for (let day = 0; day < FEED_DAYS; day++) {
    const [from, to] = [Math.floor((events * day) / FEED_DAYS), Math.floor((events * (day + 1)) / FEED_DAYS)];
    const date = new Date(START + day * DAY).toISOString().slice(0, 10);
    await write(
      `feed/dt=${date}/part-0.parquet`,
      `WITH rows AS (SELECT ${from} + range AS i, (${from} + range) // 2 AS pair FROM range(${to - from})),
        moments AS (SELECT i, CASE WHEN seldom('tie', pair, 0.4) THEN pair * 2 ELSE i END AS moment,
          100000 + (zipf('user', pair, ${users}) * 7919) % ${users} AS user_id FROM rows),
        visits AS (SELECT *, pick('visit', moment, 3) AS visit FROM moments)
      SELECT user_id,
        7000000000 + CASE WHEN seldom('again', i, 0.25) THEN (user_id * 31 + pick('own', i, 12) * 97) % ${items}
          ELSE low('item', i, ${items}) END AS artwork_id,
        ${START + day * DAY} + visit * 28800000 + 1000 * pick('time', moment, 28800) AS event_timestamp,
        CASE WHEN seldom('like', i, 0.07) THEN 'like' WHEN seldom('click', i, 0.13) THEN 'click'
          WHEN seldom('dislike', i, 0.012) THEN 'dislike_click' WHEN seldom('second', i, 0.25) THEN 'reco_artwork_view2'
          ELSE 'reco_artwork_view' END AS event,
        CASE WHEN seldom('no session', moment, 0.02) THEN NULL ELSE format('{}-{}-{}', user_id, ${day}, visit) END AS feed_session,
        pick('count', i, 5000) AS current_like_count,
        CASE WHEN seldom('no country', user_id, 0.05) THEN NULL ELSE pick('country', user_id, 200)::INTEGER END AS country_code,
        CASE WHEN seldom('no platform', user_id, 0.05) THEN NULL ELSE pick('platform', user_id, 5)::INTEGER END AS platform_code,
        CASE WHEN seldom('no retriever', i, 0.05) THEN NULL ELSE [11, 12, 27, 31, 40][1 + pick('retriever', i, 5)]::INTEGER END AS retriever_id,
        ['organic', 'paid', 'invited'][1 + pick('member', user_id, 3)] AS member_source
      FROM visits ORDER BY event_timestamp, i`,
    );
  }
  const versions = (table: string, n: number, more: number) =>
    `(SELECT id, version FROM (SELECT range AS id FROM range(${n})), (VALUES (0), (1)) AS v(version)
      WHERE version <= (seldom('${table} again', id, ${more}))::INTEGER AND NOT seldom('no ${table}', id, 0.05) ORDER BY id, version)`;
  const changed = (table: string, unit: number) =>
    `${(START - 30 * DAY) / 1000 / unit} + pick('${table} at', id * 2 + version, ${(44 * DAY) / 1000 / unit})`;
  await write(
    "user_profile/part-0.parquet",
    `SELECT 100000 + id AS user_id, 1000 * (${changed("profile", 1)}) AS updated_at, seldom('blur', id * 2 + version, 0.5) AS blur_nsfw,
      seldom('show', id * 2 + version, 0.5) AS show_nsfw, seldom('safe', id * 2 + version, 0.5) AS safe_search,
      CASE WHEN seldom('no follows', id, 0.1) THEN NULL
        ELSE [100000 + pick('follow', id * 16 + range, ${users}) FOR range IN range(pick('follows', id * 2 + version, 11))] END AS followed_user_ids,
      ${START - 400 * DAY} + 1000 * pick('born', id, ${400 * 86_400}) AS user_created_at FROM ${versions("profile", users, 0.3)}`,
  );
  await write(
    "artwork_properties/part-0.parquet",
    `SELECT id, updated_at, CASE WHEN seldom('lost', id * 2 + version, 0.005) THEN NULL
        ELSE updated_at + 1000 * pick('delay', id * 2 + version, 7200) END AS ingested_at,
      CASE WHEN seldom('no author', id, 0.03) THEN NULL ELSE 100000 + pick('author', id, ${users}) END AS author_id,
      seldom('hide', id, 0.1) AS hide_prompts, seldom('sensitive', id, 0.2) AS is_sensitive,
      CASE WHEN seldom('animated', id, 0.1) THEN 'ANIMATED_ARTWORK' ELSE 'ARTWORK' END AS artwork_type,
      artwork_created_at
    FROM (SELECT 7000000000 + id AS id, version, CASE WHEN version = 0 THEN made ELSE made + 1000 + 1000 * pick('edit', id, 1209600) END AS updated_at,
        made AS artwork_created_at
      FROM (SELECT *, ${START - 100 * DAY} + 1000 * pick('made', id, ${114 * 86_400}) AS made FROM ${versions("properties", items, 0.5)}))`,
  );
  await write(
    "artwork_generation/part-0.parquet",
    `SELECT 7000000000 + id AS artwork_id, 1000 * (${changed("generation", 1)}) AS updated_at,
      CASE WHEN seldom('no model', id, 0.05) THEN NULL ELSE pick('model', id * 2 + version, 500) END AS model_id,
      CASE WHEN seldom('animated', 7000000000 + id, 0.1) THEN 'SD_V1_MODEL'
        ELSE ['SD_V1_MODEL', 'SDXL_MODEL', 'FLUX_MODEL', 'DIT_MODEL', NULL][1 + pick('type', id, 5)] END AS model_type,
      (64 * (4 + pick('width', id, 20)))::INTEGER AS width, (64 * (4 + pick('height', id, 20)))::INTEGER AS height,
      seldom('lightning', id, 0.2) AS lightning, (10 + pick('steps', id, 40))::INTEGER AS sampling_steps FROM ${versions("generation", items, 0.2)}`,
  );
  await write(
    "artwork_aesthetic.parquet",
    `SELECT 7000000000 + id AS artwork_id, make_timestamp(1000000 * (${changed("aesthetic", 1)})::BIGINT) AS scored_at,
      10 * draw('score', id * 2 + version) AS aes_score FROM ${versions("aesthetic", items, 0.2)}`,
  );
  await write(
    "artwork_tack.parquet",
    `SELECT 7000000000 + id AS artwork_id, (${changed("tack", 1)})::BIGINT AS updated_at, CASE WHEN seldom('no tacks', id, 0.1) THEN NULL
        ELSE [1 + pick('tack', id * 8 + range, 2000) FOR range IN range(pick('tacks', id * 2 + version, 6))] END AS tack_ids FROM ${versions("tack", items, 0.2)}`,
  );
  await write(
    "artwork_vector.parquet",
    `SELECT 7000000000 + id AS artwork_id, (${changed("vector", 1)})::BIGINT AS updated_at, draw('media', id * 2 + version) AS media_safety_score,
      draw('text', id * 2 + version) AS text_safety_score FROM ${versions("vector", items, 0.2)}`,
  );
  database.close();
  await rename(staging, folder);
  return folder;
}
