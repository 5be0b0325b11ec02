import type { LocationStore } from "./location.js";
import type { Mistakes } from "./mistakes.js";
import { type Compute, DEFAULT_TASK_ATTEMPTS, PIT_ENGINES, ROLLING_ENGINES, type Runtime } from "./runtime.js";
import type { RuntimeFile, RuntimePart } from "./runtime-schema.js";

const NO_ROWS: readonly never[] = Object.freeze([]);
const DEFAULT_COMPUTE: Compute = Object.freeze({
  engine: ROLLING_ENGINES[0],
  pitEngine: PIT_ENGINES[0],
  duckdbConfig: Object.freeze({}),
  taskAttempts: DEFAULT_TASK_ATTEMPTS,
});
const OUTPUT_ROOT = "data/training_output/${service}";

/** Those whose absence something else complains of. */
const KEYS = [
  "featureRefs",
  "spine",
  "lookups",
  "ageColumns",
  "udfColumns",
  "embeddingCoverageFilter",
  "outputColumns",
] as const satisfies readonly (keyof Runtime)[];

/**
 * The runtime as it holds for a service: its part of `services:` laid over the top-level keys, whole keys at a time; `null`
 * is as if absent; defaults filled. Remembers where each key stands. `feedStart` and `feedEnd` are empty where they are
 * missing (that was reported).
 */
export function layRuntime(file: RuntimeFile, service: string, locations: LocationStore, mistakes: Mistakes): Runtime {
  const { top, services } = file;
  const part: RuntimePart = Object.hasOwn(services, service) ? (services[service] ?? {}) : {};
  const origin = (key: keyof Runtime): RuntimePart => (Object.hasOwn(part, key) ? part : top);
  const pick = <Key extends keyof Runtime>(key: Key): NonNullable<RuntimePart[Key]> | undefined => {
    const from = origin(key);
    return from[key] ?? undefined;
  };
  const filter = pick("embeddingCoverageFilter");
  const sessions = pick("sessionFilter");
  const remap = pick("retrieverRemap");
  const output = pick("outputColumns");
  const runtime: Runtime = Object.freeze({
    feedStart: pick("feedStart") ?? "",
    feedEnd: pick("feedEnd") ?? "",
    entitySpineChunkRows: pick("entitySpineChunkRows") ?? 500_000n,
    dayWorkers: pick("dayWorkers") ?? 1n,
    outputRoot: pick("outputRoot") ?? OUTPUT_ROOT,
    compute: pick("compute") ?? DEFAULT_COMPUTE,
    featureRefs: pick("featureRefs") ?? NO_ROWS,
    spine: pick("spine") ?? Object.freeze({}),
    ...(filter === undefined ? {} : { embeddingCoverageFilter: filter }),
    ...(sessions === undefined ? {} : { sessionFilter: sessions }),
    lookups: pick("lookups") ?? NO_ROWS,
    ageColumns: pick("ageColumns") ?? NO_ROWS,
    udfColumns: pick("udfColumns") ?? NO_ROWS,
    curation: pick("curation") ?? NO_ROWS,
    contentFilter: pick("contentFilter") ?? NO_ROWS,
    ...(remap === undefined ? {} : { retrieverRemap: remap }),
    ...(output === undefined ? {} : { outputColumns: output }),
  });
  rememberOrigins(runtime, top, part, locations);
  const lacks = (key: string): boolean =>
    mistakes.mayLack(part, key) || (!Object.hasOwn(part, key) && mistakes.mayLack(top, key));
  if (mistakes.mayLack(file, "services") || mistakes.mayLack(services, service)) mistakes.lose(runtime);
  for (const key of KEYS.filter(lacks)) mistakes.lose(runtime, key);
  return runtime;
}

function rememberOrigins(runtime: Runtime, top: RuntimePart, part: RuntimePart, locations: LocationStore): void {
  const [above, own] = [locations.placesOf(top), locations.placesOf(part)];
  const self = own?.self ?? above?.self;
  if (self === undefined) return;
  locations.remember(runtime, {
    self,
    values: new Map([...(above?.values ?? []), ...(own?.values ?? [])]),
    keys: new Map([...(above?.keys ?? []), ...(own?.keys ?? [])]),
  });
}
