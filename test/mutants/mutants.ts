/** A seeded fault of the engine: the text that stands in `file`, what it becomes, and the rule that it breaks. */
export interface Mutant {
  readonly rule: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const windows = "src/engines/sql/windows.ts";
const pointInTime = "src/engines/sql/point-in-time-join.ts";
const latest = "src/engines/sql/join.ts";
const clock = "src/engines/sql/clock.ts";
const values = "src/engines/sql/values.ts";
const rolling = "src/engines/sql/rolling-aggregate.ts";
const filter = "src/engines/sql/filter.ts";
const project = "src/engines/sql/project.ts";
const plan = "src/engines/sql/day-plan.ts";
const planner = "src/engines/sql/planner.ts";
const spanRun = "src/engines/sql/span-run.ts";
const sink = "src/engines/sql/sink.ts";
const kernelWindows = "src/engines/kernel/windows.ts";
const kernelJoin = "src/engines/kernel/point-in-time-join.ts";
const kernelHistory = "src/kernels/history-index.ts";

// The replacements hold template text of the engine, so `${…}` in them is meant as it stands.
export const MUTANTS: readonly Mutant[] = [
  {
    rule: "a row of the same instant is not history",
    file: windows,
    find: "${bound} > ${prefix}.t",
    replace: "${bound} >= ${prefix}.t",
  },
  {
    rule: "a window begins at t − w: not one tick earlier",
    file: clock,
    find: "- CAST('${ticks}' AS BIGINT))`",
    replace: "- CAST('${ticks + 1n}' AS BIGINT))`",
  },
  {
    rule: "a window begins at t − w: not one tick later",
    file: clock,
    find: "- CAST('${ticks}' AS BIGINT))`",
    replace: "- CAST('${ticks - 1n}' AS BIGINT))`",
  },
  {
    rule: "among equal times by value, ascending",
    file: windows,
    find: "orderBy([{ sql: `v${index}`, dtype: element }])",
    replace: 'orderBy([{ sql: `v${index}`, dtype: element }], "DESC")',
  },
  {
    rule: "available <= t, not <",
    file: windows,
    find: "lambda s: s['a'] <= ${time}",
    replace: "lambda s: s['a'] < ${time}",
  },
  {
    rule: "what is not yet available is not in a window",
    file: windows,
    find: "lambda s: s['a'] <= ${time}",
    replace: "lambda s: s['a'] <= ${time} OR TRUE",
  },
  {
    rule: "exclude_self drops the own value",
    file: windows,
    find: "if (own) list =",
    replace: "if (own && column.flatten) list =",
  },
  {
    rule: "exclude_self drops the elements of the own list",
    file: windows,
    find: "if (own) list =",
    replace: "if (own && !column.flatten) list =",
  },
  {
    rule: "max_length applies after exclude_self",
    file: windows,
    find: "!filtered && column.maxLength !== undefined ? `greatest",
    replace: "column.maxLength !== undefined ? `greatest",
  },
  {
    rule: "max_length keeps the most recent",
    file: windows,
    find: "list_slice(${list}, -${column.maxLength}, -1)",
    replace: "list_slice(${list}, 1, ${column.maxLength})",
  },
  {
    rule: "flatten_distinct keeps each value once",
    file: windows,
    find: "if (column.distinct) list =",
    replace: "if (column.distinct && column.maxLength !== undefined) list =",
  },
  {
    rule: "distinct keeps the latest occurrence, not the first",
    file: windows,
    find: "keepLastPositions(list, elementOf(value.element))",
    replace: "`list_transform(list_distinct(${list}), lambda x: list_position(${list}, x))`",
  },
  {
    rule: "`last` is the last element, not the first",
    file: windows,
    find: "THEN ${all}[${hi.count}] END",
    replace: "THEN ${all}[${low} + 1] END",
  },
  {
    rule: "count_distinct counts a value once",
    file: windows,
    find: "return distinctElements(list, value.element);",
    replace: "return `len(${list})`;",
  },
  {
    rule: "a float sum is exact",
    file: windows,
    find: "const sum = `${EXACT_SUM}(CAST(${list} AS DOUBLE[]))`;",
    replace: "const sum = `list_sum(CAST(${list} AS DOUBLE[]))`;",
  },
  {
    rule: "NULL values do not count",
    file: windows,
    find: 'count(${source ? `v${index}` : "*"})',
    replace: "count(*)",
  },
  {
    rule: "only the listed events count",
    file: rolling,
    find: "if (spec.events)",
    replace: "if (spec.events && spec.where)",
  },
  {
    rule: "only rows where `where` is TRUE count",
    file: rolling,
    find: "if (spec.where)",
    replace: "if (spec.where && spec.events)",
  },
  {
    rule: "a NULL key has no history",
    file: planner,
    find: "`o.${name} = ${table}.${name}`",
    replace: "`coalesce(o.${name}, (SELECT min(${name}) FROM ${table})) = ${table}.${name}`",
  },
  {
    rule: "a point-in-time join never sees its own instant",
    file: pointInTime,
    find: '= ${alias}.kid AND ${time} > ${alias}."@after"`',
    replace: '= ${alias}.kid AND ${time} >= ${alias}."@after"`',
  },
  {
    rule: "ttl: a match of exactly that age is one",
    file: pointInTime,
    find: '${alias}."@t" >= ${minus(time, self.ttl, clock)}',
    replace: '${alias}."@t" > ${minus(time, self.ttl, clock)}',
  },
  {
    rule: "ttl: an older match is none",
    file: pointInTime,
    find: "self.ttl === undefined ? undefined :",
    replace: "self.ttl !== undefined || self.ttl === undefined ? undefined :",
  },
  {
    rule: "a right row exists from its available_field on",
    file: pointInTime,
    find: "greatest(${available}, -9223372036854775807) - 1",
    replace: "greatest(${available}, -9223372036854775807)",
  },
  {
    rule: "a right row does not exist before its available_field",
    file: pointInTime,
    find: 'greatest(${time}, ${before}) AS "@after"',
    replace: '${time} AS "@after"',
  },
  {
    rule: "ties: the row that is largest, not smallest",
    file: latest,
    find: 'orderBy(ties, "DESC")',
    replace: 'orderBy(ties, "ASC")',
  },
  {
    rule: "a static view gives its latest row",
    file: latest,
    find: 'max(${time}) AS "@t"',
    replace: 'min(${time}) AS "@t"',
  },
  {
    rule: "a NULL time is older than all others, but a row",
    file: latest,
    find: 'r."@t" IS NOT DISTINCT FROM m."@t"',
    replace: 'r."@t" = m."@t"',
  },
  {
    rule: "a view without a time must be unique by its keys",
    file: latest,
    find: '"@rows" > 1',
    replace: '"@rows" > 9',
  },
  {
    rule: "view-only sessions have no event outside the view events",
    file: filter,
    find: "'\"outside\" = 0'",
    replace: "'\"outside\" <= 1'",
  },
  {
    rule: "single-like sessions have exactly one event outside",
    file: filter,
    find: '"outside" = 1 AND "likes" = 1',
    replace: '"outside" >= 1 AND "likes" >= 1',
  },
  {
    rule: "a NULL event is outside the view events",
    file: filter,
    find: "NOT coalesce(${isOneOf(rule.viewEvents)}, FALSE)",
    replace: "NOT coalesce(${isOneOf(rule.viewEvents)}, TRUE)",
  },
  {
    rule: "an age is 0 if created is later",
    file: project,
    find: "WHEN ${difference} <= 0 THEN CAST(0 AS DOUBLE)",
    replace: "WHEN ${difference} = 0 THEN CAST(0 AS DOUBLE)",
  },
  {
    rule: "remap: NULL stays NULL",
    file: project,
    find: "CASE WHEN ${column} IS NULL THEN NULL${cases",
    replace: "CASE WHEN FALSE THEN NULL${cases",
  },
  {
    rule: "remap: what is not in the map becomes `otherwise`",
    file: project,
    find: "value.otherwise === undefined ? fitting(column, assignment)",
    replace: "value.otherwise === undefined || value.map.length > 0 ? fitting(column, assignment)",
  },
  {
    rule: "a NULL cell becomes the default",
    file: project,
    find: "return `coalesce(${source}, ${typed(value.default, assignment)})`;",
    replace: "return source;",
  },
  {
    rule: "curation only where TRUE",
    file: project,
    find: "CASE WHEN (${value.where.sql}) THEN",
    replace: "CASE WHEN coalesce((${value.where.sql}), TRUE) THEN",
  },
  {
    rule: "the content filter keeps a row where it is NULL",
    file: plan,
    find: "`coalesce((${sql}), FALSE)`",
    replace: "`coalesce((${sql}), TRUE)`",
  },
  {
    rule: "a row goes if one of the predicates is TRUE, not all",
    file: plan,
    find: '.join(" OR ")})`',
    replace: '.join(" AND ")})`',
  },
  {
    rule: "the order of values: NULL first",
    file: values,
    find: '"ASC NULLS FIRST"',
    replace: '"ASC NULLS LAST"',
  },
  {
    rule: "the order of values: −0 before +0",
    file: values,
    find: "(${expression} = 0 AND NOT signbit(${expression})) ${order}",
    replace: "(${expression} = 0) ${order}",
  },
  {
    rule: "a part holds entity_spine_chunk_rows rows",
    file: sink,
    find: "rowid < ${first + count})",
    replace: "rowid <= ${first + count})",
  },
  {
    rule: "a session is judged on each day anew",
    file: filter,
    find: "const dayOf = (side: string): string =>",
    replace: 'const dayOf = (_: string): string => "0";\n  const unused = (side: string): string =>',
  },
  {
    rule: "a day's file holds the rows of that day",
    file: spanRun,
    find: "first += count;",
    replace: "first += count > 1 ? count - 1 : count;",
  },
  {
    rule: "qid: by first time, then id",
    file: "src/training/qid-map.ts",
    find: "ORDER BY first_time ASC NULLS FIRST, session_id",
    replace: "ORDER BY session_id, first_time ASC NULLS FIRST",
  },
  {
    rule: "rows that are equal in the narrow columns stand by the wide ones",
    file: sink,
    find: "if (isTied && narrow.length < columns.length)",
    replace: "if (!isTied && narrow.length < columns.length)",
  },
  {
    rule: "rows that are equal in the leading columns stand by the narrow ones that follow",
    file: sink,
    find: "isTied = await rank(narrowTies, narrowRanks, equal, narrow);",
    replace: "isTied = false;",
  },
  {
    rule: "kernel: a row of the same instant is not history",
    file: "assembly/window-bounds.ts",
    find: "firstAtOrAfter(index, from, to, time, ",
    replace: "firstAtOrAfter(index, from, to, time + 1, ",
  },
  {
    rule: "kernel: a window begins at t − w: not one tick later",
    file: "assembly/window-bounds.ts",
    find: ": time - length;",
    replace: ": time - length + 1;",
  },
  {
    rule: "kernel: a window begins at t − w: not one tick earlier",
    file: "assembly/window-bounds.ts",
    find: ": time - length;",
    replace: ": time - length - 1;",
  },
  {
    rule: "kernel: a NULL key has no history",
    file: "assembly/window-bounds.ts",
    find: "if (valid == 0 || load<u8>(valid + row) != 0) group =",
    replace: "group =",
  },
  {
    rule: "kernel: an own row that is not known yet is not dropped twice",
    file: "assembly/own-rows.ts",
    find: "if (filter.available == 0) return min(end - first, most);",
    replace: "return min(end - first, most);",
  },
  {
    rule: "kernel: a value is hidden where none of its rows is known",
    file: "assembly/window-count.ts",
    find: "<< 2)) >= hi && !isKnownBefore(filter, query, row, lo)) values--;",
    replace: "<< 2)) >= hi) values--;",
  },
  {
    rule: "kernel: a value that leaves a window and stays in it is one",
    file: "assembly/distinct-path.ts",
    find: "distinct -= <i32>(at(next, lo) >= hi);",
    replace: "distinct -= 1;",
  },
  {
    rule: "kernel: without the own value the next one is the extreme",
    file: "assembly/window-extreme.ts",
    find: "if (!pairs || !some || !isOwn(filter, query, best)) return true;",
    replace: "return true;",
  },
  {
    rule: "kernel: rows of an instant stand by value",
    file: kernelHistory,
    find: "for (const value of values) kernels.orderTies(",
    replace: "for (const value of values.slice(1)) kernels.orderTies(",
  },
  {
    rule: "kernel: rows out of order are ordered by time",
    file: "assembly/order-groups.ts",
    find: "if (x != y) return x > y;",
    replace: "if (x != y) return x > y + 1;",
  },
  {
    rule: "kernel: available <= t, not <",
    file: "assembly/filter.ts",
    find: "if (filter.available != 0 && load<i64>(filter.available + place) > load<i64>(filter.known + (query << 3)))",
    replace:
      "if (filter.available != 0 && load<i64>(filter.available + place) >= load<i64>(filter.known + (query << 3)))",
  },
  {
    rule: "kernel: the own value is left out",
    file: "assembly/filter.ts",
    find: "isOwn(filter, query, load<i64>(filter.values + place))) return false;",
    replace: "isOwn(filter, query, load<i64>(filter.values + place))) return true;",
  },
  {
    rule: "kernel: the own value is left out of lists",
    file: "assembly/window-list.ts",
    find: "written += (<usize>(all || equalityCode(code, filter.kind) != own)) << 3;",
    replace: "written += 8;",
  },
  {
    rule: "kernel: a NULL own value drops nothing",
    file: "assembly/window-list.ts",
    find: "const all = load<u8>(filter.ownValid + query) == 0;",
    replace: "const all = false;",
  },
  {
    rule: "kernel: distinct values stand by their latest occurrence",
    file: "assembly/filter.ts",
    find: "if (later < hi) return false;",
    replace: "if (later < hi - 1) return false;",
  },
  {
    rule: "kernel: a later occurrence that is not yet known is none",
    file: "assembly/filter.ts",
    find: "while (later < hi && filter.available != 0",
    replace: "while (later < 0 && filter.available != 0",
  },
  {
    rule: "kernel: max_length keeps the newest",
    file: "assembly/window-list.ts",
    find: "if (maxLength >= 0 && hi - lo > maxLength) lo = hi - maxLength;",
    replace: "const most = maxLength >= 0 && hi - lo > maxLength ? lo + maxLength : hi;",
  },
  {
    rule: "kernel: max_length counts after the own value and repeats have gone",
    file: "assembly/window-list.ts",
    find: "for (let row = hi - 1; row >= lo && first > written; row--) {",
    replace: "for (let row = hi - 1; row >= max(lo, hi - maxLength) && first > written; row--) {",
  },
  {
    rule: "kernel: the least value is the least",
    file: "assembly/window-extreme.ts",
    find: "return largest == a > b ? a : b;",
    replace: "return a > b ? a : b;",
  },
  {
    rule: "kernel: an empty window has no extreme",
    file: "assembly/window-extreme.ts",
    find: "store<u8>(valid + query, <u8>some);",
    replace: "store<u8>(valid + query, 1);",
  },
  {
    rule: "kernel: an empty window has no last value",
    file: "assembly/window-last.ts",
    find: "store<u8>(valid + query, <u8>(row >= lo));",
    replace: "store<u8>(valid + query, 1);",
  },
  {
    rule: "kernel: an empty window has no sum",
    file: "assembly/window-sum.ts",
    find: "store<u8>(valid + query, <u8>(count > 0));\n    if (mean)",
    replace: "store<u8>(valid + query, 1);\n    if (mean)",
  },
  {
    rule: "kernel: an integer sum outside int64 stops",
    file: "assembly/window-sum.ts",
    find: "if (high != low >> 63 && outside < 0)",
    replace: "if (high != low >> 63 && outside < -1)",
  },
  {
    rule: "kernel: sums of floats are exact: what is below the top bits decides the rounding",
    file: "assembly/exact-sum.ts",
    find: "if (lo << zeros != 0) top |= 1;",
    replace: "if (lo << zeros == 0) top |= 0;",
  },
  {
    rule: "kernel: NaN is the largest value",
    file: "assembly/codes.ts",
    find: "const NAN64: i64 = 0x7ff8000000000000;",
    replace: "const NAN64: i64 = -0x7ff8000000000000;",
  },
  {
    rule: "kernel: −0 and +0 are one value",
    file: "assembly/codes.ts",
    find: "return kind != INTEGER && code == -1 ? 0 : code;",
    replace: "return code;",
  },
  {
    rule: "kernel: a row joined to the past is fresh while its age is at most ttl",
    file: kernelJoin,
    find: '."@t" >= ${minus(time, self.ttl, clock)}',
    replace: '."@t" > ${minus(time, self.ttl, clock)}',
  },
  {
    rule: "kernel: a row to see, whose values the index holds, is fresh while its age is at most ttl",
    file: kernelJoin,
    find: ".c${columns.length} >= ${minus(time, self.ttl, clock)}",
    replace: ".c${columns.length} > ${minus(time, self.ttl, clock)}",
  },
  {
    rule: "kernel: a row of the same instant is not the row to see",
    file: "assembly/latest-rows.ts",
    find: "half)) << 4)) < time",
    replace: "half)) << 4)) <= time",
  },
  {
    rule: "kernel: a NULL of the row to see is NULL",
    file: "assembly/latest-rows.ts",
    find: "~(load<i64>(record) >> bit) & 1",
    replace: "load<i32>(found + (query << 2)) > 0",
  },
  {
    rule: "kernel: the row to see is the largest of those of one instant",
    file: "assembly/latest-rows.ts",
    find: "timeAt(pairs, row - 1) >= timeAt(pairs, row)",
    replace: "timeAt(pairs, row - 1) > timeAt(pairs, row)",
  },
  {
    rule: "kernel: a count with a value counts rows that have one",
    file: kernelWindows,
    find: "CASE WHEN ${value} IS NOT NULL THEN TRUE END",
    replace: "TRUE",
  },
];
