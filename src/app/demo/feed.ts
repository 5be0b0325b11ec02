import type { DemoSize, Population } from "./demo-size.js";

/** Rows of a page at most: shown at the same instant. */
const PAGE_ROWS = 4;
const DAY = 86_400;
const HOUR = 3_600;

/** How many rows a day has, and the number of its first one. */
function rowsOf({ days, events }: DemoSize, day: number): readonly [first: number, rows: number] {
  const from = Math.floor((events * day) / days);
  return [from, Math.floor((events * (day + 1)) / days) - from];
}

/**
 * One day of the feed. Rows come in pages: most pages hold several rows of one instant, and some of these show an artwork twice.
 * A page belongs to one of three visits of its user, the busiest user being many times as busy as most. The last visit of a day
 * and the first of the next may be one session. Artworks: one in four from a few of the user's own taste, so that histories
 * repeat themselves, else popular ones or new ones.
 */
export function feedOfDay(size: DemoSize, population: Population, day: number): string {
  const [first, rows] = rowsOf(size, day);
  const { users, firstUserId, firstArtworkId, feedStart } = population;
  return `
    WITH paged AS (
      SELECT i, CASE WHEN seldom('alone', i // ${PAGE_ROWS}, 0.25) THEN i ELSE i // ${PAGE_ROWS} * ${PAGE_ROWS} END AS page
      FROM (SELECT ${first} + range AS i FROM range(${rows}))
    ), visiting AS (
      SELECT *, often_low('user', page, ${users}) AS u, pick('visit', page, 3) AS visit,
        CASE WHEN i > page AND seldom('twice', i, 0.15) THEN i - 1 ELSE i END AS shown
      FROM paged
    ), sitting AS (
      SELECT *, CASE visit
          WHEN 0 THEN CASE WHEN seldom('late night', u * ${size.days + 1} + ${day}, 0.3) THEN ${day} END
          WHEN 2 THEN CASE WHEN seldom('late night', u * ${size.days + 1} + ${day + 1}, 0.3) THEN ${day + 1} END
        END AS night
      FROM visiting
    ), timed AS (
      SELECT *, ${feedStart + day * DAY} + pick('pause', page, ${HOUR}) + CASE night
          WHEN ${day} THEN 0
          WHEN ${day + 1} THEN ${DAY - HOUR}
          ELSE pick('start', (u * ${size.days} + ${day}) * 3 + visit, ${DAY - HOUR})
        END AS t
      FROM sitting
    ), showing AS (
      SELECT *, CASE
          WHEN seldom('own', shown, 0.25) THEN (u * 31 + pick('taste', shown, 12) * 97) % made_before(${feedStart})
          WHEN seldom('popular', shown, 0.5) THEN often_low('artwork', shown, made_before(t))
          ELSE made_before(t) - 1 - often_low('artwork', shown, made_before(t))
        END AS a
      FROM timed
    )
    SELECT
      CASE WHEN seldom('signed out', page, 0.01) THEN NULL ELSE ${firstUserId} + u END AS user_id,
      CASE WHEN seldom('no artwork', i, 0.003) THEN NULL ELSE ${firstArtworkId} + a END AS artwork_id,
      t * 1000 AS event_timestamp,
      CASE
        WHEN seldom('no event', i, 0.003) THEN NULL
        WHEN seldom('like', i, 0.08) THEN 'like'
        WHEN seldom('click', i, 0.13) THEN 'click'
        WHEN seldom('dislike', i, 0.02) THEN 'dislike_click'
        WHEN seldom('second', i, 0.25) THEN 'reco_artwork_view2'
        ELSE 'reco_artwork_view'
      END AS event,
      CASE WHEN seldom('no session', page, 0.02) THEN NULL
        WHEN night IS NULL THEN concat('s', u, '-', ${day}, '-', visit)
        ELSE concat('s', u, '-', night, '-night') END AS feed_session,
      CASE WHEN seldom('no count', i, 0.02) THEN NULL ELSE greatest(t - made(a), 0) * pick('fame', a, 50) // ${DAY} END AS current_like_count,
      CASE WHEN seldom('no country', u, 0.1) THEN NULL ELSE [76, 250, 276, 356, 392, 840][1 + pick('country', u, 6)]::INTEGER END AS country_code,
      CASE WHEN seldom('no platform', page, 0.1) THEN NULL ELSE (1 + pick('platform', u * 3 + visit, 4))::INTEGER END AS platform_code,
      CASE WHEN seldom('no retriever', page, 0.05) THEN NULL ELSE [11, 12, 27, 31, 40][1 + pick('retriever', page, 5)]::INTEGER END AS retriever_id,
      CASE WHEN seldom('no source', u, 0.1) THEN NULL ELSE ['organic', 'paid', 'invited'][1 + pick('source', u, 3)] END AS member_source
    FROM showing
    ORDER BY t, i`;
}
