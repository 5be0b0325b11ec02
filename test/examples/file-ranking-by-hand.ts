import { sqlText } from "../support/duckdb.js";

const DAY = 86_400_000;

/**
 * `file_ranking` of one day (the only one of its run) written from the rules of the specification alone: every value is a
 * subquery over the whole history, slow and plain.
 */
export function fileRankingByHand(folder: string, day: string): string {
  const table = (name: string) => sqlText(`${folder}/${name}.parquet`);
  const start = Date.parse(`${day}T00:00:00Z`);
  const before = (days: number) => `h.ts < r.ts AND h.ts >= r.ts - ${days * DAY}::BIGINT`;
  const user = (days: number) => `h.user_id = r.user_id AND ${before(days)}`;
  const file = (days: number) => `h.file_id = r.file_id AND ${before(days)}`;
  const newest = (list: string) => `(${list})[-50:]`;
  const touched = (days: number) =>
    newest(`SELECT coalesce(list(h.file_id ORDER BY h.ts, h.file_id), []) FROM h
      WHERE ${user(days)} AND h.event IN ('add', 'modify') AND h.file_id <> r.file_id`);
  const folders = (days: number) =>
    `(SELECT coalesce(list(x ORDER BY latest, x), []) FROM (SELECT x, max(ts) AS latest FROM (SELECT h.ts, unnest(h.dir_ids) AS x
      FROM h WHERE ${user(days)}) GROUP BY x))`;
  return `
    WITH e AS (SELECT *, event_timestamp AS ts FROM ${table("events")}),
    h AS (SELECT e.*, f.owner_id, f.file_type, f.path_length, f.dir_ids, f.created_at
      FROM e LEFT JOIN ${table("files")} f ON f.file_id = e.file_id AND f.created_at < e.ts),
    r AS (SELECT *, CASE file_type WHEN 'rhtml' THEN 'erb' ELSE file_type END AS cured FROM h WHERE ts >= ${start} AND ts < ${start + DAY}),
    sessions AS (SELECT session_id, row_number() OVER (ORDER BY min(ts), session_id) - 1 AS qid FROM r GROUP BY session_id),
    made AS (
      SELECT qid, r.user_id, r.file_id, r.ts AS event_timestamp, r.event,
        (SELECT greatest(r.ts - u.first_seen_at, 0) / ${DAY}.0::DOUBLE FROM ${table("users")} u WHERE u.user_id = r.user_id) AS user_age,
        (SELECT count(*) FROM h WHERE ${user(1)}) AS user_touches_1d,
        (SELECT count(*) FROM h WHERE ${user(7)}) AS user_touches_7d,
        (SELECT count(*) FROM h WHERE ${user(30)}) AS user_touches_30d,
        (SELECT count(DISTINCT h.file_id) FROM h WHERE h.user_id = r.user_id AND h.ts < r.ts) AS user_files,
        (SELECT count(*) FROM ${table("files")} f WHERE f.owner_id = r.user_id AND f.created_at < r.ts AND f.created_at >= r.ts - ${90 * DAY}) AS user_created_files_90d,
        ${touched(1)} AS touched_file_ids_1d, ${touched(7)} AS touched_file_ids_7d, ${touched(30)} AS touched_file_ids_30d,
        ${newest(`SELECT coalesce(list(h.owner_id ORDER BY h.ts, h.owner_id) FILTER (h.owner_id IS NOT NULL), []) FROM h WHERE ${user(30)}`)} AS touched_owner_ids_30d,
        ${folders(7)} AS touched_dir_ids_7d, ${folders(30)} AS touched_dir_ids_30d,
        len(${folders(30)})::BIGINT AS touched_dirs_30d,
        (SELECT sum(h.path_length)::DOUBLE / count(h.path_length) FROM h WHERE ${user(30)} AND h.event <> 'delete')::FLOAT AS mean_path_length_30d,
        (SELECT list(h.file_type ORDER BY h.ts, h.file_type) FILTER (h.file_type IS NOT NULL) FROM h WHERE ${user(30)})[-1] AS last_file_type_30d,
        (SELECT coalesce(list(x ORDER BY latest, x), []) FROM (SELECT h.file_id AS x, max(h.ts) AS latest FROM h
          WHERE h.user_id = r.user_id AND h.ts < r.ts AND h.event = 'delete' GROUP BY h.file_id)) AS deleted_file_ids,
        ${newest(`SELECT coalesce(list(f.file_id ORDER BY f.created_at, f.file_id), []) FROM ${table("files")} f
          WHERE f.owner_id = r.user_id AND f.created_at < r.ts AND f.created_at >= r.ts - ${365 * DAY}::BIGINT`)} AS recent_own_file_ids,
        r.owner_id,
        coalesce(CASE r.cured WHEN 'yaml' THEN 'yml' WHEN 'jpeg' THEN 'jpg' WHEN 'htm' THEN 'html' ELSE r.cured END, 'new') AS file_type,
        coalesce(r.path_length, 0)::INTEGER AS path_length, r.dir_ids, (r.ts - r.created_at) / ${DAY}.0::DOUBLE AS file_age,
        (SELECT count(*) FROM h WHERE ${file(7)}) AS file_touches_7d,
        (SELECT count(*) FROM h WHERE ${file(90)}) AS file_touches_90d,
        (SELECT count(DISTINCT h.user_id) FROM h WHERE ${file(90)}) AS file_editors_90d,
        (SELECT list(h.user_id ORDER BY h.ts, h.user_id) FROM h WHERE h.file_id = r.file_id AND h.ts < r.ts)[-1] AS last_editor,
        (SELECT count(*) FROM h WHERE h.user_id = r.user_id AND h.file_id = r.file_id AND h.ts < r.ts) AS own_touches
      FROM r JOIN sessions USING (session_id)
      WHERE r.cured IS NULL OR r.cured NOT IN ('rhtml', 'png', 'gif', 'jpg', 'ico', 'lock'))
    FROM made`;
}
