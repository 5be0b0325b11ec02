import { viewColumn } from "../compiler/names.js";
import type { ResolvedService } from "../compiler/resolve/resolved-service.js";
import { identifier } from "../engines/sql/text.js";
import { DaedalusError } from "../errors/problem.js";
import { traceProblem } from "../errors/trace.js";
import { isoInstant, type Nanos, nanosOf } from "../trace/instants.js";
import type { Interpreter } from "../trace/interpreter.js";
import type { Reading } from "../trace/reading.js";
import { type Row, ticksIn, valueIn } from "../trace/row.js";
import { constantOf, readable, valueRead } from "../trace/sql-values.js";
import { equalValues, shown } from "../trace/values.js";
import type { Identity } from "./identity.js";
import type { TypedAddress } from "./row-address.js";

/** The spine's key columns, which an address may name although no operator reads them. */
export function keyColumns({ spine }: ResolvedService) {
  return spine.keys.flatMap((key) => {
    const column = spine.columns.get(key);
    return column === undefined
      ? []
      : [{ name: viewColumn(spine.name, key), source: column.source, dtype: column.dtype }];
  });
}

/** SQL over the spine: the keys of the address. */
function keysCondition({ keys }: TypedAddress, service: ResolvedService): string {
  const same = [...keys].map(
    ([key, { value, dtype }]) =>
      `r.${identifier(viewColumn(service.spine.name, key))} IS NOT DISTINCT FROM ${constantOf(value, dtype)}`,
  );
  return same.join(" AND ") || "TRUE";
}

/** Ticks of the spine's instant; undefined if the time lies between two. */
function ticksOf({ instant }: Identity, time: Nanos): bigint | undefined {
  if (instant.resolution === "ns") return time;
  return time % 1_000n === 0n ? time / 1_000n : undefined;
}

/** The rows of the spine that an address names. */
export async function rowsOfAddress(
  interpreter: Interpreter,
  identity: Identity,
  service: ResolvedService,
  typed: TypedAddress,
): Promise<readonly Row[]> {
  const ticks = ticksOf(identity, typed.time);
  if (ticks === undefined) return [];
  const time = `r.${identifier(identity.instant.column)} = CAST('${ticks}' AS HUGEINT)`;
  return interpreter.spine.rowsWhere(`${keysCondition(typed, service)} AND ${time}`);
}

/** Whether a row is one that the address names. */
export function isNamed(row: Row, identity: Identity, service: ResolvedService, { keys, time }: TypedAddress): boolean {
  const ticks = ticksIn(row, identity.instant.column);
  if (ticks === null || nanosOf(ticks, identity.instant) !== time) return false;
  return [...keys].every(([key, { value }]) => {
    const own = valueIn(row, viewColumn(service.spine.name, key));
    return (own === null && value === null) || equalValues(own, value);
  });
}

/** How many near rows or times an error names. */
const NEAREST = 4;

/** What is told of an address that names no row: what is near. */
export async function noSuchRow(
  reading: Reading,
  { instant }: Identity,
  service: ResolvedService,
  typed: TypedAddress,
): Promise<DaedalusError> {
  const { spine } = service;
  const time = `r.${identifier(instant.column)}`;
  const ticks = instant.resolution === "ns" ? typed.time : typed.time / 1_000n;
  const distance = `abs(CAST(${time} AS HUGEINT) - CAST('${ticks}' AS HUGEINT))`;
  const keys = keyColumns(service);
  const ask = (terms: readonly string[], condition: string) =>
    reading.select(
      spine.name,
      terms,
      `WHERE ${condition} AND ${time} IS NOT NULL GROUP BY ALL ORDER BY ${[`min(${distance})`, ...terms.map((_, index) => index + 1)].join(", ")} LIMIT ${NEAREST}`,
    );
  const isoOf = (answer: Readonly<Record<string, unknown>>) =>
    isoInstant(nanosOf(BigInt(String(answer["t"])), instant));
  const sameKeys = await ask([`${time} AS t`], keysCondition(typed, service));
  const asked = `${[...typed.keys].map(([key, { value, dtype }]) => `${key}=${shown(value, dtype)}`).join(",")}@${isoInstant(typed.time)}`;
  const refuse = (what: string, near: readonly string[]) =>
    new DaedalusError([traceProblem("no-such-row", { view: spine.name, row: asked, what, nearest: near })], 2);
  if (sameKeys.length > 0) return refuse("the nearest times of these keys", sameKeys.map(isoOf));
  const terms = keys.map(({ name, dtype }, index) => `${readable(`r.${identifier(name)}`, dtype)} AS c${index}`);
  const others = await ask([...terms, `${time} AS t`], "TRUE");
  return refuse(
    "no row has these keys; the nearest rows in time",
    others.map((answer) => {
      const told = keys.map(
        ({ dtype }, index) => `${spine.keys[index]}=${shown(valueRead(answer[`c${index}`]), dtype)}`,
      );
      return `${told.join(",")}@${isoOf(answer)}`;
    }),
  );
}
