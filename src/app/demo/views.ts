import type { Population } from "./demo-size.js";

/**
 * The tables beside the feed, as queries that stream: in the order of the entities' numbers, each with its versions. Version 1
 * came later than version 0; version 2 corrects version 1 and carries the same time.
 */
export function viewTables(population: Population): readonly (readonly [file: string, sql: string])[] {
  return [
    ["user_profile/part-0.parquet", userProfile(population)],
    ["artwork_properties/part-0.parquet", artworkProperties(population)],
    ["artwork_generation/part-0.parquet", artworkGeneration(population)],
    ["artwork_aesthetic.parquet", artworkAesthetic(population)],
    ["artwork_tack.parquet", artworkTack(population)],
    ["artwork_vector.parquet", artworkVector(population)],
    ["embeddings.parquet", embeddings(population)],
  ];
}

/** `e`: the entity's number; `v`: the version; `k`: a number of its own for the pair. */
function versions(table: string, entities: number, without: number): string {
  return `(SELECT e, v, e * 3 + v AS k FROM (
      SELECT range AS e, unnest(range(1 + seldom('${table} changed', range, 0.4)::BIGINT * (1 + seldom('${table} corrected', range, 0.4)::BIGINT))) AS v
      FROM range(${entities}) WHERE NOT seldom('no ${table}', range, ${without})))`;
}

/** When the version was written, in seconds: version 0 at `begin`, the others at one time between it and the end of the feed. */
function written(table: string, begin: string, { feedEnd }: Population): string {
  return `${begin} + (v > 0)::BIGINT * (1 + pick('${table} at', e, greatest(${feedEnd} - ${begin}, 1)))`;
}

/** NULL in a share of the rows. */
function mostly(what: string, index: string, share: number, value: string): string {
  return `CASE WHEN seldom('no ${what}', ${index}, ${share}) THEN NULL ELSE ${value} END`;
}

function userProfile(population: Population): string {
  const { users, firstUserId, feedEnd } = population;
  const joined = `(${feedEnd} - pick('joined', e, ${400 * 86_400}))`;
  return `
    SELECT
      ${firstUserId} + e AS user_id,
      ${mostly("profile time", "k", 0.01, `1000 * (${written("profile", joined, population)})`)} AS updated_at,
      ${mostly("blur", "e", 0.05, "seldom('blur', k, 0.5)")} AS blur_nsfw,
      ${mostly("show", "e", 0.05, "seldom('show', k, 0.3)")} AS show_nsfw,
      ${mostly("safe", "e", 0.05, "seldom('safe', k, 0.4)")} AS safe_search,
      ${mostly("follows", "e", 0.1, `[${firstUserId} + often_low('follows', k * 16 + range, ${users}) FOR range IN range(pick('followed', k, 11))]`)} AS followed_user_ids,
      ${mostly("birth", "e", 0.02, `1000 * ${joined}`)} AS user_created_at
    FROM ${versions("profile", users, 0.03)}`;
}

/** A row is known minutes after it was written, some days later, a few never; corrections are always late. */
function artworkProperties(population: Population): string {
  const { artworks, users, firstUserId, firstArtworkId } = population;
  return `
    SELECT
      ${mostly("id", "k", 0.002, `${firstArtworkId} + e`)} AS id,
      ${mostly("properties time", "k", 0.002, "1000 * written")} AS updated_at,
      ${mostly(
        "arrival",
        "k",
        0.01,
        `1000 * (written + CASE WHEN v = 2 THEN 3600 + pick('correction', k, 172800)
        WHEN seldom('late', k, 0.1) THEN 3600 + pick('delay', k, 259200) ELSE pick('delay', k, 600) END)`,
      )} AS ingested_at,
      ${mostly("author", "e", 0.03, `${firstUserId} + often_low('author', CASE WHEN seldom('new author', k, 0.1) THEN k ELSE e * 3 END, ${users})`)} AS author_id,
      ${mostly("hide", "e", 0.05, "seldom('hide', k, 0.1)")} AS hide_prompts,
      ${mostly("sensitive", "k", 0.05, "seldom('sensitive', k, 0.2)")} AS is_sensitive,
      ${mostly("type", "e", 0.02, "CASE WHEN animated(e) THEN 'ANIMATED_ARTWORK' ELSE 'ARTWORK' END")} AS artwork_type,
      ${mostly("creation", "e", 0.02, "1000 * made(e)")} AS artwork_created_at
    FROM (SELECT *, ${written("properties", "made(e)", population)} AS written FROM ${versions("properties", artworks, 0.03)})`;
}

function artworkGeneration(population: Population): string {
  const { artworks, firstArtworkId } = population;
  return `
    SELECT
      ${firstArtworkId} + e AS artwork_id,
      ${mostly("generation time", "k", 0.002, `1000 * (${written("generation", "made(e)", population)})`)} AS updated_at,
      ${mostly("model", "k", 0.05, "1 + often_low('model', k, 500)")} AS model_id,
      CASE WHEN animated(e) THEN 'SD_V1_MODEL'
        ELSE ['SD_V1_MODEL', 'SDXL_MODEL', 'SDXL_MODEL', 'FLUX_MODEL', 'DIT_MODEL', NULL][1 + pick('model type', k, 6)] END AS model_type,
      ${mostly("width", "e", 0.03, "(64 * (8 + pick('width', e, 17)))::INTEGER")} AS width,
      ${mostly("height", "e", 0.03, "(64 * (8 + pick('height', e, 17)))::INTEGER")} AS height,
      ${mostly("lightning", "e", 0.05, "seldom('lightning', k, 0.2)")} AS lightning,
      ${mostly("steps", "e", 0.05, "(4 + pick('steps', k, 47))::INTEGER")} AS sampling_steps
    FROM ${versions("generation", artworks, 0.05)}`;
}

function artworkAesthetic(population: Population): string {
  const { artworks, firstArtworkId } = population;
  return `
    SELECT ${firstArtworkId} + e AS artwork_id, make_timestamp(1000000 * (${written("aesthetic", "(made(e) + 60)", population)})) AS scored_at,
      ${mostly("score", "k", 0.05, "10 * draw('score', k)")} AS aes_score
    FROM ${versions("aesthetic", artworks, 0.1)}`;
}

function artworkTack(population: Population): string {
  const { artworks, firstArtworkId } = population;
  return `
    SELECT ${firstArtworkId} + e AS artwork_id, ${written("tack", "made(e)", population)} AS updated_at,
      ${mostly("tacks", "k", 0.1, `[${mostly("tack", "k * 8 + range", 0.02, "1 + often_low('tack', k * 8 + range, 2000)")} FOR range IN range(pick('tacks', k, 6))]`)} AS tack_ids
    FROM ${versions("tack", artworks, 0.1)}`;
}

function artworkVector(population: Population): string {
  const { artworks, firstArtworkId } = population;
  return `
    SELECT ${firstArtworkId} + e AS artwork_id, ${written("vector", "made(e)", population)} AS updated_at,
      ${mostly("media score", "k", 0.05, "draw('media score', k)")} AS media_safety_score,
      ${mostly("text score", "k", 0.05, "draw('text score', k)")} AS text_safety_score
    FROM ${versions("vector", artworks, 0.05)}`;
}

/** 64 dimensions, the `artwork_embed_dim` of the project: eight bytes of each of eight draws, exact as FLOAT. */
function embeddings({ artworks, firstArtworkId }: Population): string {
  const bytes = "[(bits >> shift) & 255 FOR shift IN [0, 8, 16, 24, 32, 40, 48, 56]]";
  return `
    SELECT ${firstArtworkId} + e AS artwork_id,
      ${mostly("vector yet", "e", 0.02, `[((2 * byte::INTEGER - 255) / 256)::FLOAT FOR byte IN flatten([${bytes} FOR bits IN [bits('embedding', e * 8 + range) FOR range IN range(8)]])]`)} AS embedding
    FROM (SELECT range AS e FROM range(${artworks}) WHERE NOT seldom('no embedding', range, 0.1))`;
}
