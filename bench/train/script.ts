import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Database } from "./database.js";

/** How the window bounds are found: running counts read by window frames (`userlist`), or by ASOF joins (`asof`). */
export type Bounds = "userlist" | "asof";

export interface ScriptOptions {
  readonly data: string;
  readonly out: string;
  readonly days: readonly string[];
  readonly bounds: Bounds;
  /** `each`: every day computes its own eight days of history; `all`: one pass over the history serves all days. */
  readonly passes: "each" | "all";
  readonly threads: string;
  readonly memoryLimit: string;
}

const DAY = 86_400_000;
const WINDOWS = [1, 3, 7] as const;
const VIEWS = "('reco_artwork_view', 'reco_artwork_view2')";
/** Rows without a user are nobody's history, rows without an artwork have nothing to list. */
const SEEN =
  "event IN ('click', 'reco_artwork_view', 'reco_artwork_view2') AND user_id IS NOT NULL AND artwork_id IS NOT NULL";

/** Counts of one user's history, three to a BIGINT, twenty bits each. */
const PACKED = {
  like: ["p1", 0],
  author: ["p1", 20],
  model: ["p1", 40],
  tack: ["p2", 0],
  view: ["p2", 20],
  click: ["p2", 40],
} as const;
type Counted = keyof typeof PACKED;

/**
 * What someone who knows DuckDB well would write by hand for this service: one list per user and event kind, in order;
 * running counts; a window is a slice between two counts. Static views are reduced once, the as-of view to steps that one
 * ASOF join can read. Rows are sorted while they are narrow; lists join at the end, in a query that streams in order.
 */
export async function runScript(options: ScriptOptions): Promise<Record<string, number>> {
  const { data } = options;
  const db = await Database.open({
    threads: options.threads,
    memory_limit: options.memoryLimit,
    temp_directory: join(options.out, ".spill"),
  });
  const seconds: Record<string, number> = {};
  const stage = async (name: string, ...statements: string[]) => {
    const begin = performance.now();
    for (const statement of statements) await db.run(statement);
    seconds[name] = (seconds[name] ?? 0) + (performance.now() - begin) / 1000;
  };
  mkdirSync(options.out, { recursive: true });
  await stage(
    "views",
    `CREATE VIEW feed AS FROM read_parquet('${data}/feed/*/*.parquet', hive_partitioning = false)`,
    latest("profile", `${data}/user_profile/*.parquet`, "user_id", "updated_at", [
      "blur_nsfw",
      "show_nsfw",
      "safe_search",
      "followed_user_ids",
      "user_created_at",
    ]),
    latest("generation", `${data}/artwork_generation/*.parquet`, "artwork_id", "updated_at", [
      "model_id",
      "model_type",
      "width",
      "height",
      "lightning",
      "sampling_steps",
    ]),
    latest("aesthetic", `${data}/artwork_aesthetic.parquet`, "artwork_id", "scored_at", ["aes_score"]),
    latest("tack", `${data}/artwork_tack.parquet`, "artwork_id", "updated_at", ["tack_ids"]),
    latest("vector", `${data}/artwork_vector.parquet`, "artwork_id", "updated_at", [
      "media_safety_score",
      "text_safety_score",
    ]),
    // From which instant which version is the one to see: the newest of those that are known by then.
    `CREATE TEMP TABLE version AS SELECT id AS artwork_id, updated_at, greatest(updated_at + 1, ingested_at) AS seen_from,
      author_id, hide_prompts, is_sensitive, artwork_type, artwork_created_at,
      row_number() OVER (PARTITION BY id ORDER BY updated_at, author_id, hide_prompts, is_sensitive, artwork_type, artwork_created_at) AS rank
      FROM '${data}/artwork_properties/*.parquet' WHERE updated_at IS NOT NULL AND ingested_at IS NOT NULL`,
    `CREATE TEMP TABLE properties AS SELECT s.seen_from, v.* EXCLUDE (seen_from, rank) FROM (SELECT DISTINCT artwork_id, seen_from,
        max(rank) OVER (PARTITION BY artwork_id ORDER BY seen_from) AS rank FROM version) s JOIN version v USING (artwork_id, rank)`,
    `CREATE TEMP TABLE published AS SELECT author_id AS user_id,
      list({'made': artwork_created_at, 'known': ingested_at, 'id': id} ORDER BY artwork_created_at, id) AS works
      FROM '${data}/artwork_properties/*.parquet' WHERE id IS NOT NULL AND author_id IS NOT NULL AND ingested_at IS NOT NULL
        AND artwork_created_at IS NOT NULL GROUP BY author_id`,
    `CREATE TEMP TABLE dislikes AS SELECT user_id, list(artwork_id ORDER BY event_timestamp, artwork_id) AS disliked
      FROM feed WHERE event = 'dislike_click' AND artwork_id IS NOT NULL GROUP BY user_id`,
    `CREATE TEMP TABLE dislike_count AS SELECT user_id, event_timestamp AS ts,
      sum(count(*)) OVER (PARTITION BY user_id ORDER BY event_timestamp)::BIGINT AS n FROM feed
      WHERE event = 'dislike_click' AND artwork_id IS NOT NULL GROUP BY user_id, event_timestamp`,
    `CREATE TEMP TABLE qids AS SELECT feed_session, row_number() OVER (ORDER BY day, began, feed_session) - 1 AS qid FROM (
      SELECT feed_session, min(day) AS day, arg_min(began, day) AS began FROM (
        SELECT feed_session, event_timestamp // ${DAY} AS day, min(event_timestamp) AS began FROM feed
        WHERE ${between(options.days)} AND feed_session IS NOT NULL GROUP BY ALL) GROUP BY feed_session)`,
  );
  const passes = options.passes === "all" ? [options.days] : options.days.map((day) => [day]);
  for (const days of passes) {
    const start = startOf(days[0] ?? "");
    const end = start + days.length * DAY;
    await stage("history", ...history(start - 7 * DAY, end));
    await stage("targets", `CREATE OR REPLACE TEMP TABLE target AS ${targets(days)}`);
    await stage("rows", ...wideRows());
    await stage("bounds", ...bounds(options.bounds, start - 7 * DAY, end));
    for (const day of days) {
      const folder = join(options.out, `dt=${day}`);
      mkdirSync(folder, { recursive: true });
      await stage("order", `CREATE OR REPLACE TEMP TABLE day AS ${ordered(options.bounds, day)}`);
      await stage("write", `COPY (${assembled()}) TO '${folder}/part-0-0.parquet' (FORMAT parquet, COMPRESSION zstd)`);
    }
  }
  db.close();
  return seconds;
}

function startOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

function between(days: readonly string[]): string {
  return `event_timestamp >= ${startOf(days[0] ?? "")} AND event_timestamp < ${startOf(days.at(-1) ?? "") + DAY}`;
}

/** The latest row of a key; ties by the largest values. */
function latest(name: string, file: string, key: string, time: string, fields: readonly string[]): string {
  return `CREATE TEMP TABLE ${name} AS SELECT ${key}, ${fields.join(", ")} FROM '${file}'
    QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY ${[time, ...fields].map((field) => `${field} DESC NULLS LAST`).join(", ")}) = 1`;
}

/** Lists of each user, in the order of values at equal instants. */
function history(from: number, to: number): string[] {
  const range = `event_timestamp >= ${from} AND event_timestamp < ${to}`;
  return [
    `CREATE OR REPLACE TEMP TABLE likes AS
      SELECT l.user_id, l.artwork_id, l.event_timestamp AS ts,
        CASE WHEN p.updated_at >= l.event_timestamp - ${90 * DAY} THEN p.author_id END AS author_id, g.model_id, t.tack_ids
      FROM (SELECT user_id, artwork_id, event_timestamp FROM feed
        WHERE event = 'like' AND user_id IS NOT NULL AND artwork_id IS NOT NULL AND ${range}) l
      ASOF LEFT JOIN properties p ON l.artwork_id = p.artwork_id AND l.event_timestamp >= p.seen_from
      LEFT JOIN generation g ON g.artwork_id = l.artwork_id LEFT JOIN tack t ON t.artwork_id = l.artwork_id`,
    `CREATE OR REPLACE TEMP TABLE tacks AS
      SELECT user_id, list({'id': id, 'next': next} ORDER BY position) AS tacked FROM (
        SELECT *, lead(position, 1, 9223372036854775807) OVER (PARTITION BY user_id, id ORDER BY position) AS next FROM (
          SELECT user_id, id, row_number() OVER (PARTITION BY user_id ORDER BY ts, id) AS position
          FROM (SELECT user_id, ts, unnest(tack_ids) AS id FROM likes) WHERE id IS NOT NULL))
      GROUP BY user_id`,
    `CREATE OR REPLACE TEMP TABLE liked AS SELECT user_id, list(artwork_id ORDER BY ts, artwork_id) AS liked,
      list(author_id ORDER BY ts, author_id) FILTER (author_id IS NOT NULL) AS authors,
      list(model_id ORDER BY ts, model_id) FILTER (model_id IS NOT NULL) AS models FROM likes GROUP BY user_id`,
    `CREATE OR REPLACE TEMP TABLE viewed AS SELECT user_id,
      list(artwork_id ORDER BY event_timestamp, artwork_id) FILTER (event IN ${VIEWS}) AS viewed,
      list(artwork_id ORDER BY event_timestamp, artwork_id) FILTER (event = 'click') AS clicked
      FROM feed WHERE ${SEEN} AND ${range} GROUP BY user_id`,
  ];
}

/** Target rows that the session and content filters leave, with what these had to read. */
function targets(days: readonly string[]): string {
  return `
    WITH rows AS (SELECT * FROM feed WHERE ${between(days)}),
    judged AS (
      SELECT feed_session, event_timestamp // ${DAY} AS day FROM rows WHERE feed_session IS NOT NULL GROUP BY ALL
      HAVING count(*) FILTER (event IS NULL OR event NOT IN ${VIEWS}) = 0
        OR (count(*) FILTER (event IS NULL OR event NOT IN ${VIEWS}) = 1 AND count(*) FILTER (event = 'like') = 1))
    SELECT r.*, CASE WHEN p.artwork_type = 'ANIMATED_ARTWORK' THEN 'DEFAULT_I2V_MODEL' ELSE g.model_type END AS model_type,
      p.author_id, p.hide_prompts, p.is_sensitive, p.artwork_type, p.artwork_created_at
    FROM (
      SELECT k.*, CASE WHEN p.updated_at >= k.event_timestamp - ${90 * DAY}
        THEN struct_pack(author_id := p.author_id, hide_prompts := p.hide_prompts, is_sensitive := p.is_sensitive,
          artwork_type := p.artwork_type, artwork_created_at := p.artwork_created_at) END AS p
      FROM (FROM rows ANTI JOIN judged ON rows.feed_session = judged.feed_session AND rows.event_timestamp // ${DAY} = judged.day) k
      ASOF LEFT JOIN properties p ON k.artwork_id = p.artwork_id AND k.event_timestamp >= p.seen_from) r
    LEFT JOIN generation g ON g.artwork_id = r.artwork_id
    WHERE (CASE WHEN p.artwork_type = 'ANIMATED_ARTWORK' THEN 'DEFAULT_I2V_MODEL' ELSE g.model_type END = 'SD_V1_MODEL') IS NOT TRUE`;
}

/**
 * One row for every user and every item of the targets, so that two joins bring everything and none of them misses: a probe
 * without a match is put behind the others of its chunk, and the order of the rows is lost.
 */
function wideRows(): string[] {
  return [
    `CREATE OR REPLACE TEMP TABLE user_row AS
      SELECT u.user_id, p.* EXCLUDE (user_id), l.* EXCLUDE (user_id), k.tacked, v.* EXCLUDE (user_id), d.disliked, w.works AS published
      FROM (SELECT DISTINCT user_id FROM target) u
      LEFT JOIN profile p ON p.user_id = u.user_id LEFT JOIN liked l ON l.user_id = u.user_id LEFT JOIN tacks k ON k.user_id = u.user_id
      LEFT JOIN viewed v ON v.user_id = u.user_id LEFT JOIN dislikes d ON d.user_id = u.user_id LEFT JOIN published w ON w.user_id = u.user_id`,
    `CREATE OR REPLACE TEMP TABLE item_row AS
      SELECT i.artwork_id, g.* EXCLUDE (artwork_id, model_type), a.aes_score, t.tack_ids, v.* EXCLUDE (artwork_id)
      FROM (SELECT DISTINCT artwork_id FROM target) i
      LEFT JOIN generation g ON g.artwork_id = i.artwork_id LEFT JOIN aesthetic a ON a.artwork_id = i.artwork_id
      LEFT JOIN tack t ON t.artwork_id = i.artwork_id LEFT JOIN vector v ON v.artwork_id = i.artwork_id`,
  ];
}

/** Running counts at the end of each instant of a user, and (for `userlist`) what they were before each window. */
function bounds(form: Bounds, from: number, to: number): string[] {
  const range = `event_timestamp >= ${from} AND event_timestamp < ${to}`;
  const counts = `
    SELECT user_id, ts, sum(sum(p1)) OVER w::BIGINT AS p1, sum(sum(p2)) OVER w::BIGINT AS p2 FROM (
      SELECT user_id, ts, 1 + (author_id IS NOT NULL)::BIGINT * ${2 ** 20} + (model_id IS NOT NULL)::BIGINT * ${2 ** 40} AS p1,
        coalesce(list_count(tack_ids), 0) AS p2 FROM likes
      UNION ALL
      SELECT user_id, event_timestamp, 0, CASE WHEN event = 'click' THEN ${2 ** 40} ELSE ${2 ** 20} END FROM feed
      WHERE ${SEEN} AND ${range})
    GROUP BY user_id, ts WINDOW w AS (PARTITION BY user_id ORDER BY ts)`;
  if (form === "asof") return [`CREATE OR REPLACE TEMP TABLE counts AS ${counts}`];
  const frames = [0, ...WINDOWS].map(
    (days) =>
      `w${days} AS (PARTITION BY user_id ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND ${days * DAY + 1} PRECEDING)`,
  );
  const values = [0, ...WINDOWS].flatMap((days) =>
    ["p1", "p2"].map((pack) => `last_value(${pack} IGNORE NULLS) OVER w${days} AS ${pack}_${days}`),
  );
  return [
    `CREATE OR REPLACE TEMP TABLE counts AS SELECT * FROM (
      SELECT user_id, ts, asked, ${values.join(", ")} FROM (
        SELECT user_id, ts, max(p1) AS p1, max(p2) AS p2, bool_or(asked) AS asked FROM (
          SELECT user_id, ts, p1, p2, false AS asked FROM (${counts})
          UNION ALL SELECT DISTINCT user_id, event_timestamp, NULL, NULL, true FROM target) GROUP BY user_id, ts)
      WINDOW ${frames.join(", ")}) WHERE asked`,
  ];
}

function count(counted: Counted, window: number): string {
  const [pack, shift] = PACKED[counted];
  return `((coalesce(${pack}_${window}, 0) >> ${shift}) & 1048575)`;
}

/** The rows of a day in the order of the file, still narrow: the lists are not there yet, only their bounds. */
function ordered(form: Bounds, day: string): string {
  const rows = `(SELECT t.* REPLACE (coalesce(country_code, 0) AS country_code, coalesce(platform_code, 0) AS platform_code,
      CASE WHEN retriever_id IN (11, 12) THEN 1 WHEN retriever_id = 27 THEN 2 WHEN retriever_id IS NOT NULL THEN 0 END AS retriever_id), q.qid FROM target t LEFT JOIN qids q ON q.feed_session = t.feed_session WHERE ${between([day])})`;
  const packs = [0, ...WINDOWS].flatMap((window) => [`p1_${window}`, `p2_${window}`]);
  const found =
    form === "userlist"
      ? `SELECT r.*, ${packs.join(", ")} FROM ${rows} r LEFT JOIN counts c ON c.user_id = r.user_id AND c.ts = r.event_timestamp`
      : `SELECT r.*, ${[0, ...WINDOWS].map((window) => `c${window}.p1 AS p1_${window}, c${window}.p2 AS p2_${window}`).join(", ")} FROM ${rows} r ${[
          0,
          ...WINDOWS,
        ]
          .map(
            (window) =>
              `ASOF LEFT JOIN counts c${window} ON r.user_id = c${window}.user_id AND r.event_timestamp - ${window * DAY}::BIGINT > c${window}.ts`,
          )
          .join(" ")}`;
  return `SELECT row_number() OVER () AS place, * FROM (SELECT f.*, coalesce(d.n, 0) AS dislikes FROM (${found}) f
    ASOF LEFT JOIN dislike_count d ON f.user_id = d.user_id AND f.event_timestamp > d.ts
    ORDER BY event_timestamp, f.user_id, artwork_id, qid, event, current_like_count, country_code, platform_code, retriever_id, member_source)`;
}

function slice(list: string, counted: Counted, window: number): string {
  const [low, high] = [count(counted, window), count(counted, 0)];
  return `CASE WHEN ${low} = ${high} THEN [] ELSE ${list}[${low} + 1 : ${high}] END`;
}

function assembled(): string {
  const each = (column: (window: number) => string) => WINDOWS.map(column).join(", ");
  const age = (created: string) => `greatest(event_timestamp - ${created}, 0) / ${DAY}.0::DOUBLE`;
  return `
    SELECT qid, user_id, artwork_id, event_timestamp, event, current_like_count, country_code, platform_code, retriever_id, member_source,
      blur_nsfw, show_nsfw, safe_search, followed_user_ids, CASE WHEN user_created_at IS NOT NULL THEN ${age("user_created_at")} END AS user_age,
      author_id, hide_prompts, is_sensitive, artwork_type, CASE WHEN artwork_created_at IS NOT NULL THEN ${age("artwork_created_at")} END AS artwork_age,
      model_id, model_type, width, height, lightning, sampling_steps, aes_score, tack_ids, media_safety_score, text_safety_score,
      ${each((w) => `CASE WHEN len(l${w}) > 32 THEN l${w}[len(l${w}) - 31 :] ELSE l${w} END AS like_artwork_ids_${w}d`)},
      ${each((w) => `${slice("authors", "author", w)} AS like_artwork_author_ids_${w}d`)},
      ${each((w) => `${slice("models", "model", w)} AS like_artwork_model_ids_${w}d`)},
      ${each((w) => `${count("like", 0)} - ${count("like", w)} AS like_artwork_cnts_${w}d`)},
      ${each((w) => `list_transform(list_filter(k${w}, lambda s: s.next > tack_end), lambda s: s.id) AS like_artwork_tack_ids_${w}d`)},
      ${each((w) => `${slice("viewed", "view", w)} AS view_artwork_ids_${w}d`)},
      ${each((w) => `${slice("clicked", "click", w)} AS click_artwork_ids_${w}d`)},
      CASE WHEN dislikes = 0 THEN [] ELSE disliked[1 : dislikes] END AS dislike_artwork_ids,
      coalesce(list_transform(list_filter(works, lambda s, i: i = len(works) OR works[i + 1].id <> s.id), lambda s: s.id), []) AS user_recent_published_artworks,
      CAST(NULL AS FLOAT[]) AS image_embedding, CAST(NULL AS FLOAT[]) AS like_artwork_avg_embeds,
      CASE WHEN len(tack_ids) = 0 THEN 0 ELSE len(list_filter(tack_ids, lambda t: list_contains(like_artwork_tack_ids_7d, t))) / len(tack_ids) END::DOUBLE AS tack_overlap,
      CAST(NULL AS DOUBLE) AS taste_similarity
    FROM (
      SELECT * REPLACE (${WINDOWS.map((w) => `CASE WHEN list_contains(l${w}, artwork_id) THEN list_filter(l${w}, lambda x: x <> artwork_id) ELSE l${w} END AS l${w}`).join(", ")})
      FROM (
        SELECT *, ${each((w) => `${slice("liked", "like", w)} AS l${w}`)}, ${each((w) => `${slice("tacked", "tack", w)} AS k${w}`)}, ${count("tack", 0)} AS tack_end
        FROM (
          SELECT d.*, u.* EXCLUDE (user_id, published), i.* EXCLUDE (artwork_id),
            list_filter(u.published, lambda s: s.made < event_timestamp AND s.made >= event_timestamp - ${30 * DAY} AND s.known <= event_timestamp) AS works
          FROM day d JOIN user_row u ON u.user_id IS NOT DISTINCT FROM d.user_id
          JOIN item_row i ON i.artwork_id IS NOT DISTINCT FROM d.artwork_id)))
    ORDER BY place`;
}
