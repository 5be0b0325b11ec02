import { sqlText } from "../support/duckdb.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const VIEWS = "('reco_artwork_view', 'reco_artwork_view2')";

const FIELDS = {
  profile: ["blur_nsfw", "show_nsfw", "safe_search", "followed_user_ids", "user_created_at"],
  properties: ["author_id", "hide_prompts", "is_sensitive", "artwork_type", "artwork_created_at"],
  generation: ["model_id", "model_type", "width", "height", "lightning", "sampling_steps"],
  aesthetic: ["aes_score"],
  tack: ["tack_ids"],
  vector: ["media_safety_score", "text_safety_score"],
} as const;
type View = keyof typeof FIELDS;

/** The sources with canonical names and all times, `at`, in milliseconds; every feed row has a number. */
function sources(data: string): string {
  const file = (path: string) => `read_parquet(${sqlText(`${data}/${path}`)}, hive_partitioning = false)`;
  return `
    e AS (SELECT row_number() OVER () AS row, *, event_timestamp AS ts FROM ${file("feed/*/*.parquet")}),
    profile AS (SELECT *, user_id AS id, updated_at AS at FROM ${file("user_profile/*.parquet")}),
    properties AS (SELECT *, updated_at AS at FROM ${file("artwork_properties/*.parquet")}),
    generation AS (SELECT *, artwork_id AS id, updated_at AS at FROM ${file("artwork_generation/*.parquet")}),
    aesthetic AS (SELECT *, artwork_id AS id, epoch_ms(scored_at) AS at FROM ${file("artwork_aesthetic.parquet")}),
    tack AS (SELECT *, artwork_id AS id, updated_at * 1000 AS at FROM ${file("artwork_tack.parquet")}),
    embedded AS (SELECT artwork_id AS id, embedding FROM ${file("embeddings.parquet")} WHERE artwork_id IS NOT NULL AND embedding IS NOT NULL),
    vector AS (SELECT *, artwork_id AS id, updated_at * 1000 AS at FROM ${file("artwork_vector.parquet")})`;
}

function largestFirst(columns: readonly string[]): string {
  return columns.map((column) => `${column} DESC NULLS LAST`).join(", ");
}

/** For every feed row the version that it sees. */
function seen(view: View, form: "latest" | "event"): string {
  const key = view === "profile" ? "user_id" : "artwork_id";
  const causal = form === "event" ? `AND v.at < e.ts${view === "properties" ? " AND v.ingested_at <= e.ts" : ""}` : "";
  const order = largestFirst(["at", ...FIELDS[view]].map((name) => `v.${name}`));
  return `
    seen_${view} AS (SELECT e.row, e.ts, v.at, ${FIELDS[view].map((name) => `v.${name}`).join(", ")}
      FROM e JOIN ${view} v ON v.id = e.${key} ${causal} QUALIFY row_number() OVER (PARTITION BY e.row ORDER BY ${order}) = 1)`;
}

/** The feed with what each row sees of each view (`h`, the history), and the day's rows that the filters leave (`r`). */
function rows(
  data: string,
  day: string,
  forms: Readonly<Record<View, "latest" | "event">>,
  dropSession: string,
  dropView: string,
): string {
  const start = Date.parse(`${day}T00:00:00Z`);
  const views = Object.keys(FIELDS) as View[];
  const fields = views.flatMap((view) => FIELDS[view].map((name) => `seen_${view}.${name}`));
  const joins = views.map(
    (view) =>
      `LEFT JOIN seen_${view} ON seen_${view}.row = e.row${view === "properties" ? ` AND seen_properties.at >= e.ts - ${90 * DAY}` : ""}`,
  );
  return `
    ${sources(data)}, ${views.map((view) => seen(view, forms[view])).join(", ")},
    h AS (SELECT e.*, ${fields.join(", ")} FROM e ${joins.join(" ")}),
    day AS (SELECT * FROM h WHERE ts >= ${start} AND ts < ${start + DAY}),
    numbered AS (SELECT feed_session, row_number() OVER (ORDER BY min(ts), feed_session) - 1 AS qid
      FROM day WHERE feed_session IS NOT NULL GROUP BY feed_session),
    today AS (SELECT * FROM day WHERE NOT coalesce(event IN ${VIEWS} AND ${dropView}, false)),
    sessions AS (SELECT feed_session, count(*) FILTER (event IS NULL OR event NOT IN ${VIEWS}) AS others, count(*) FILTER (event = 'like') AS likes
      FROM today WHERE feed_session IS NOT NULL GROUP BY feed_session),
    r AS (SELECT * FROM (SELECT today.* REPLACE (CASE WHEN artwork_type = 'ANIMATED_ARTWORK' THEN 'DEFAULT_I2V_MODEL' ELSE model_type END AS model_type),
        qid, others, likes FROM today LEFT JOIN numbered USING (feed_session) LEFT JOIN sessions USING (feed_session))
      WHERE (model_type <> 'SD_V1_MODEL' OR model_type IS NULL) AND (feed_session IS NULL OR NOT (${dropSession})))`;
}

function within(days: number): string {
  return `h.ts < r.ts AND h.ts >= r.ts - ${days * DAY}`;
}

function age(created: string, unit: number): string {
  return `CASE WHEN r.${created} IS NOT NULL THEN greatest(r.ts - r.${created}, 0) / ${unit}.0::DOUBLE END`;
}

/** Tacks of the user's liked artworks: each once, by its latest occurrence. */
function likedTacks(days: number): string {
  return `(SELECT coalesce(list(x ORDER BY latest, x), []) FROM (SELECT x, max(ts) AS latest FROM (SELECT h.ts, unnest(h.tack_ids) AS x
    FROM h WHERE h.user_id = r.user_id AND h.event = 'like' AND ${within(days)}) WHERE x IS NOT NULL GROUP BY x))`;
}

/**
 * `dssm_ranking` of one day (the only one of its run) written from the rules of the specification alone: every value is a subquery
 * over the whole history, slow and plain.
 */
export function dssmRankingByHand(data: string, day: string): string {
  const each = (column: (days: number) => string) => [1, 3, 7].map(column).join(", ");
  const listed = (value: string, events: string, days: number) =>
    `(SELECT coalesce(list(h.${value} ORDER BY h.ts, h.${value}) FILTER (h.${value} IS NOT NULL), []) FROM h
      WHERE h.user_id = r.user_id AND h.event IN ${events} AND ${within(days)})`;
  // The sum of the products, as doubles, from the first on.
  const inner = (a: string, b: string) =>
    `list_reduce(list_prepend(0::DOUBLE, list_transform(range(1, 65), lambda i: ${a}[i]::DOUBLE * ${b}[i]::DOUBLE)), lambda x, y: x + y)`;
  const forms = {
    profile: "latest",
    properties: "event",
    generation: "latest",
    aesthetic: "latest",
    tack: "latest",
    vector: "latest",
  } as const;
  return `
    WITH ${rows(data, day, forms, "others = 0 OR (others = 1 AND likes = 1)", "NOT coalesce(artwork_id IN (SELECT id FROM embedded), false)")}
    SELECT *, CASE WHEN len(tack_ids) = 0 THEN 0 ELSE len(list_filter(tack_ids, lambda t: t IS NOT NULL AND list_contains(like_artwork_tack_ids_7d, t))) / len(tack_ids)::DOUBLE END AS tack_overlap,
      ${inner("image_embedding", "like_artwork_avg_embeds")} / (sqrt(${inner("image_embedding", "image_embedding")})
        * sqrt(${inner("like_artwork_avg_embeds", "like_artwork_avg_embeds")})) AS taste_similarity
    FROM (SELECT r.*,
      (SELECT embedding FROM embedded WHERE id = r.artwork_id) AS image_embedding,
      (SELECT list_transform(range(1, 65), lambda d: CAST(list_reduce(list_transform(vectors, lambda v: v[d]::DOUBLE), lambda a, b: a + b) / len(vectors) AS FLOAT))
        FROM (SELECT list(embedding ORDER BY place) AS vectors
          FROM (SELECT unnest(like_artwork_ids_7d) AS id, generate_subscripts(like_artwork_ids_7d, 1) AS place) JOIN embedded USING (id))
        WHERE vectors IS NOT NULL) AS like_artwork_avg_embeds
    FROM (SELECT qid, r.user_id, r.artwork_id, r.event_timestamp, r.event, r.current_like_count,
      coalesce(r.country_code, 0) AS country_code, coalesce(r.platform_code, 0) AS platform_code,
      CASE WHEN r.retriever_id IN (11, 12) THEN 1 WHEN r.retriever_id = 27 THEN 2 WHEN r.retriever_id IS NOT NULL THEN 0 END AS retriever_id,
      r.member_source, r.blur_nsfw, r.show_nsfw, r.safe_search, r.followed_user_ids, ${age("user_created_at", DAY)} AS user_age,
      r.author_id, r.hide_prompts, r.is_sensitive, r.artwork_type, ${age("artwork_created_at", DAY)} AS artwork_age,
      r.model_id, r.model_type, r.width, r.height, r.lightning, r.sampling_steps, r.aes_score, r.tack_ids, r.media_safety_score, r.text_safety_score,
      ${each(
        (
          days,
        ) => `(SELECT coalesce(list(h.artwork_id ORDER BY h.ts, h.artwork_id), []) FROM h WHERE h.user_id = r.user_id AND h.event = 'like'
          AND h.artwork_id IS NOT NULL AND h.artwork_id IS DISTINCT FROM r.artwork_id AND ${within(days)})[-32:] AS like_artwork_ids_${days}d`,
      )},
      ${each((days) => `${listed("author_id", "('like')", days)} AS like_artwork_author_ids_${days}d`)},
      ${each((days) => `${listed("model_id", "('like')", days)} AS like_artwork_model_ids_${days}d`)},
      ${each((days) => `(SELECT count(h.artwork_id) FROM h WHERE h.user_id = r.user_id AND h.event = 'like' AND ${within(days)}) AS like_artwork_cnts_${days}d`)},
      ${each((days) => `${likedTacks(days)} AS like_artwork_tack_ids_${days}d`)},
      ${each((days) => `${listed("artwork_id", VIEWS, days)} AS view_artwork_ids_${days}d`)},
      ${each((days) => `${listed("artwork_id", "('click')", days)} AS click_artwork_ids_${days}d`)},
      (SELECT coalesce(list(h.artwork_id ORDER BY h.ts, h.artwork_id) FILTER (h.artwork_id IS NOT NULL), []) FROM h
        WHERE h.user_id = r.user_id AND h.event = 'dislike_click' AND h.ts < r.ts) AS dislike_artwork_ids,
      (SELECT coalesce(list(x ORDER BY latest, x), []) FROM (SELECT p.id AS x, max(p.artwork_created_at) AS latest FROM properties p
        WHERE p.author_id = r.user_id AND p.artwork_created_at < r.ts AND p.artwork_created_at >= r.ts - ${30 * DAY}
          AND p.ingested_at <= r.ts AND p.id IS NOT NULL GROUP BY p.id)) AS user_recent_published_artworks
    FROM r) AS r)`;
}

/** The latest row of the past; ties: the largest by key columns, then by fields in their order. */
function latest(value: string, where: string): string {
  const order = largestFirst(
    ["ts", "user_id", "artwork_id", "event", "feed_session", "current_like_count"].map((name) => `h.${name}`),
  );
  return `(SELECT list(h.${value} ORDER BY ${order}) FROM h WHERE ${where} AND h.ts < r.ts)[1]`;
}

/** `xgb_reranker` likewise; it sees of every view what was there before the event. */
export function xgbRerankerByHand(data: string, day: string): string {
  const forms = {
    profile: "event",
    properties: "event",
    generation: "event",
    aesthetic: "event",
    tack: "event",
    vector: "event",
  } as const;
  const of = (aggregate: string, where: string, days: number) =>
    `(SELECT ${aggregate} FROM h WHERE ${where} AND ${within(days)})`;
  const user = "h.user_id = r.user_id";
  const liked = `${user} AND h.event = 'like'`;
  const viewed = `${user} AND h.event IN ${VIEWS}`;
  const artwork = "h.artwork_id = r.artwork_id";
  return `
    WITH ${rows(data, day, forms, "others = 0", "false")}
    SELECT qid, r.user_id, r.artwork_id, r.event_timestamp, r.event, r.current_like_count, r.platform_code,
      ${age("user_created_at", DAY)} AS user_age, r.safe_search,
      ${of("count(*)", user, 1)} AS user_events_1d, ${of("count(*)", user, 7)} AS user_events_7d,
      ${of("count(h.artwork_id)", liked, 7)} AS like_artwork_cnts_7d,
      ${of("count(DISTINCT h.author_id)", liked, 7)} AS liked_authors_7d, len(${likedTacks(7)})::BIGINT AS liked_tacks_7d,
      ${of("sum(h.current_like_count)::BIGINT", liked, 7)} AS liked_like_count_sum_7d,
      ${of("sum(h.current_like_count)::DOUBLE / count(h.current_like_count)", viewed, 7)}::FLOAT AS viewed_like_count_mean_7d,
      ${of("max(h.current_like_count)", viewed, 7)} AS viewed_like_count_max_7d,
      ${of("sum(h.aes_score) / count(h.aes_score)", liked, 7)} AS liked_aes_score_mean_7d,
      ${of("list(h.model_type ORDER BY h.ts, h.model_type) FILTER (h.model_type IS NOT NULL)", liked, 7)}[-1] AS last_liked_model_type_7d,
      (SELECT count(DISTINCT p.id) FROM properties p WHERE p.author_id = r.user_id AND p.artwork_created_at < r.ts
        AND p.artwork_created_at >= r.ts - ${30 * DAY} AND p.ingested_at <= r.ts) AS published_artworks_30d,
      ${latest("artwork_id", `${user} AND h.event = 'dislike_click'`)} AS last_disliked_artwork_id,
      ${age("artwork_created_at", HOUR)} AS artwork_age, r.model_type, r.width, r.height, r.sampling_steps, r.aes_score::FLOAT AS aes_score,
      r.media_safety_score, ${of("count(*)", `${artwork} AND h.event IN ${VIEWS}`, 1)} AS artwork_views_1d,
      ${of("count(*)", `${artwork} AND h.event IN ${VIEWS}`, 7)} AS artwork_views_7d,
      ${of("count(*)", `${artwork} AND h.event = 'like'`, 7)} AS artwork_likes_7d,
      ${of("count(DISTINCT h.user_id)", artwork, 7)} AS artwork_viewers_7d,
      ${latest("current_like_count", artwork)} AS last_like_count,
      (SELECT count(*) FROM h WHERE ${user} AND ${artwork} AND h.event IN ${VIEWS} AND h.ts < r.ts) AS own_views
    FROM r`;
}
