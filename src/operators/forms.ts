import { parseDType } from "../columnar/dtypes.js";
import type { Instant, TimeUnit } from "../columnar/instants.js";
import { DURATION_UNITS, type Duration, parseDuration } from "../columnar/instants.js";
import type { Window } from "../definitions/aggregations.js";
import { type Column, ENGINE_TAGS, type KeyPair, type Predicate } from "./operator.js";
import { aText, aWord, listOf, mapOf, oneOf } from "./yaml-form.js";

/** Forms of the values that several kinds of operators have. */
export const aDType = aWord("a dtype", (text) => parseDType(text));
export const anEngine = oneOf(...ENGINE_TAGS);
export const aDuration = aWord<Duration>("a duration", parseDuration);
export const aWindow = aWord<Window>("a duration or all", (text) => (text === "all" ? text : parseDuration(text)));
export const aDurationUnit = oneOf(...DURATION_UNITS);
export const aTimeUnit = oneOf<TimeUnit>("s", "ms", "us", "ns", "timestamp", "timestamp_ns", "date");
export const columnNames = listOf(aText);
export const aColumn = mapOf<Column>({ name: aText, dtype: aDType });
export const anInstant = mapOf<Instant>({ column: aText, resolution: oneOf("us", "ns") });
export const aKeyPair = mapOf<KeyPair>({ left: aText, right: aText });
export const aPredicate = mapOf<Predicate>({ text: aText, sql: aText, columns: columnNames });
