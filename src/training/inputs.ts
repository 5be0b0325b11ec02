import { isAbsolute, relative } from "node:path";
import { type Day, dayStartMicros, MICROS_PER_DAY } from "../columnar/instants.js";
import type { Connection } from "../definitions/base.js";
import type { FeatureView } from "../definitions/feature-view.js";
import { type StoreDefinition, storeIdentity } from "../embeddings/lance-store.js";
import type { SqlSession } from "../engines/sql/session.js";
import type { ArrowUdfTransform } from "../operators/arrow-udf-transform.js";
import type { Pipeline } from "../operators/pipeline.js";
import type { RayUdfTransform } from "../operators/ray-udf-transform.js";
import type { Scan } from "../operators/scan.js";
import { fingerprint } from "../runs/fingerprint.js";
import type { FileIdentity, Source, SourceTime } from "../sources/source.js";
import { type ManifestInput, type ManifestInputs, OUTPUT_FORMAT } from "../storage/day-manifest.js";
import type { UdfBundle } from "../udfs/bundle-udfs.js";

/** A compiled service with what it reads: what every question about its days needs. */
export interface TrainingInputs {
  readonly pipeline: Pipeline;
  readonly project: { readonly directory: string; readonly connections: Readonly<Record<string, Connection>> };
  /** The views that the pipeline scans, by name. */
  readonly views: ReadonlyMap<string, FeatureView>;
  /** The embedding stores that the pipeline asks, by name. */
  readonly stores: ReadonlyMap<string, StoreDefinition>;
  /** The views' sources, by view name; not pinned, so that changes are seen. */
  readonly sources: ReadonlyMap<string, Source>;
  /** The functions of the project's own, if the pipeline calls some. */
  readonly udfs?: UdfBundle;
  /** The session that the sources were opened with. */
  readonly session: SqlSession;
  /** `YYYYMM`, both months inclusive. */
  readonly feed: { readonly start: string; readonly end: string };
  /** Absolute, or relative to the current directory. */
  readonly outputRoot: string;
}

/** The scans of a pipeline, in its order. */
export function scansOf(pipeline: Pipeline): readonly Scan[] {
  return pipeline.operators.filter((operator) => operator.kind === "scan");
}

/** The source of a view that the pipeline scans; a view without one is a fault of the caller. */
export function sourceOf(inputs: Pick<TrainingInputs, "sources">, view: string): Source {
  const source = inputs.sources.get(view);
  if (source === undefined) throw new Error(`no source was opened for view ${view}`);
  return source;
}

/** The operators that fill embedding columns. */
export function enrichmentsOf(pipeline: Pipeline): readonly RayUdfTransform[] {
  return pipeline.operators.filter((operator) => operator.kind === "ray_udf_transform");
}

/** The operators that fill columns in after the rows are written, in their order. */
export function lateOperatorsOf(pipeline: Pipeline): readonly (RayUdfTransform | ArrowUdfTransform)[] {
  return pipeline.operators.flatMap((operator) =>
    operator.kind === "ray_udf_transform" || (operator.kind === "arrow_udf_transform" && operator.engine === "pythonic")
      ? [operator]
      : [],
  );
}

/** The stores that decide which rows a day has. */
export function coverageStoresOf(pipeline: Pipeline): readonly string[] {
  const names = pipeline.operators.flatMap((operator) =>
    operator.kind === "filter" && operator.rule.type === "coverage" ? [operator.rule.store] : [],
  );
  return [...new Set(names)];
}

/** The definitions of the stores that decide which rows a day has, by name. */
export function coverageStores(
  inputs: Pick<TrainingInputs, "pipeline" | "stores">,
): Readonly<Record<string, StoreDefinition>> {
  return Object.fromEntries(coverageStoresOf(inputs.pipeline).map((name) => [name, storeOf(inputs, name)]));
}

/** The definition of a store that the pipeline asks. */
export function storeOf(inputs: Pick<TrainingInputs, "stores">, name: string): StoreDefinition {
  const store = inputs.stores.get(name);
  if (store === undefined) throw new Error(`no definition of embedding store ${name}`);
  return store;
}

/** The event time of the spine view, as its source has it. */
export function spineTime(pipeline: Pipeline): SourceTime {
  for (const scan of scansOf(pipeline)) {
    if (scan.view !== pipeline.spine.view) continue;
    const instant = scan.instants.find((candidate) => candidate.name === pipeline.spine.time.column);
    if (instant !== undefined) return { source: instant.source, unit: instant.unit };
  }
  throw new Error(`no scan of view ${pipeline.spine.view} has the instant ${pipeline.spine.time.column}`);
}

/**
 * SHA-256 of each part of the resolved definition, by a name that a reader recognises. Engines are not in it: they give the
 * same table.
 */
export function definitionParts(
  inputs: Pick<TrainingInputs, "pipeline" | "views" | "project" | "stores">,
): Readonly<Record<string, string>> {
  const { pipeline, views, project, stores } = inputs;
  const parts: Record<string, string> = {
    "output format": fingerprint(OUTPUT_FORMAT),
    service: fingerprint([pipeline.service, pipeline.version, pipeline.embeddings]),
    "output columns": fingerprint(pipeline.output),
    spine: fingerprint(pipeline.spine),
  };
  for (const operator of pipeline.operators) {
    const { engine: _, ...definition } = operator;
    if (definition.kind === "pit_join") {
      const { pitEngine: __, ...rest } = definition;
      parts[`operator ${operator.name}`] = fingerprint(rest);
    } else if (definition.kind === "rolling_aggregate") {
      const { rollingEngine: __, specs, ...rest } = definition;
      for (const spec of specs) parts[`rolling ${spec.name} of ${operator.name}`] = fingerprint(spec);
      parts[`operator ${operator.name}`] = fingerprint([rest, specs.map((spec) => spec.name)]);
    } else parts[`operator ${operator.name}`] = fingerprint(definition);
  }
  for (const name of new Set(scansOf(pipeline).map((scan) => scan.view))) {
    const source = views.get(name)?.source;
    const path = source?.path;
    parts[`source of view ${name}`] = fingerprint({
      ...source,
      path: path !== undefined && isAbsolute(path) ? insideOf(project.directory, path) : path,
    });
  }
  for (const { name, uri, key, vector, dim } of coverageStoresOf(pipeline).map((store) => storeOf({ stores }, store)))
    parts[`embedding store ${name}`] = fingerprint({ uri, key, vector, dim });
  return parts;
}

/** Asks the sources what a day could see; the definition is hashed once. */
export class InputReader {
  readonly #inputs: TrainingInputs;
  readonly definition: Readonly<Record<string, string>>;

  constructor(inputs: TrainingInputs) {
    this.#inputs = inputs;
    this.definition = definitionParts(inputs);
  }

  /** As the sources are now. */
  async of(day: Day): Promise<ManifestInputs> {
    const before = dayStartMicros(day) + MICROS_PER_DAY;
    const bounded = new Map<string, ManifestInput>();
    const unbounded = new Map<string, ManifestInput>();
    for (const scan of scansOf(this.#inputs.pipeline)) {
      const source = sourceOf(this.#inputs, scan.view);
      const { range } = scan;
      if (range.kind === "unbounded") {
        if (!unbounded.has(scan.view))
          unbounded.set(scan.view, { view: scan.view, files: (await source.identity({})).files });
        continue;
      }
      const instant = scan.instants.find((candidate) => candidate.name === range.instant);
      if (instant === undefined) throw new Error(`scan ${scan.name} lacks its instant ${range.instant}`);
      const key = `${scan.view} ${instant.source}`;
      if (bounded.has(key)) continue;
      const { files } = await source.identity({ time: { source: instant.source, unit: instant.unit }, before });
      bounded.set(key, { view: scan.view, time: instant.source, files });
    }
    const stores = await this.stores();
    return {
      definition: this.definition,
      bounded: [...bounded.values()],
      unbounded: [...unbounded.values(), ...(await this.#stores(coverageStoresOf(this.#inputs.pipeline)))],
      ...(stores.length === 0 ? {} : { stores }),
    };
  }

  /** The stores that embeddings are taken from, as they are now. */
  stores(): Promise<readonly ManifestInput[]> {
    return this.#stores([...new Set(enrichmentsOf(this.#inputs.pipeline).map(({ store }) => store.name))]);
  }

  /** A store that is not there has no files. */
  async #stores(names: readonly string[]): Promise<readonly ManifestInput[]> {
    const found: ManifestInput[] = [];
    for (const store of names)
      found.push({
        store,
        files: (await storeIdentity(storeOf(this.#inputs, store), this.#inputs.project.directory)) ?? [],
      });
    return found;
  }
}

/** What the day's fingerprint is made of: definitions, and inputs that can hold rows before the day's end. */
export function fingerprintOf({ definition, bounded }: ManifestInputs): string {
  return fingerprint({ definition, bounded });
}

/** Tells apart what sources hold at two moments, bounded or not. */
export function inputsKey({ bounded, unbounded }: ManifestInputs): string {
  return fingerprint({ bounded, unbounded });
}

/** Sentences that tell how the definition differs. */
export function definitionChanges(was: ManifestInputs, is: ManifestInputs): readonly string[] {
  const names = new Set([...Object.keys(was.definition), ...Object.keys(is.definition)]);
  return [...names].flatMap((name) => {
    const [old, now] = [was.definition[name], is.definition[name]];
    if (old === now) return [];
    if (old === undefined) return [`${name} is new in the definition`];
    return [now === undefined ? `${name} is no longer in the definition` : `${name} has changed in the definition`];
  });
}

/** Sentences that tell which files appeared, changed or vanished. */
export function inputChanges(was: readonly ManifestInput[], is: readonly ManifestInput[]): readonly string[] {
  const keyOf = (input: ManifestInput) => `${whatOf(input)} ${input.time ?? ""}`;
  const old = new Map(was.map((input) => [keyOf(input), input]));
  const said = new Set<string>();
  for (const input of is) {
    const what = whatOf(input);
    const files = old.get(keyOf(input))?.files ?? [];
    // A version of a store is a file of its own, which says nothing to a reader.
    if (input.store !== undefined && files.length > 0) {
      if (fingerprint(files) !== fingerprint(input.files)) said.add(`${what} has changed`);
      continue;
    }
    const before = new Map(files.map((file) => [file.path, file]));
    const rangeless = (file: FileIdentity) =>
      file.range === undefined && input.time !== undefined
        ? `: its time range cannot be read from it, so it concerns every day after its first row; Parquet files, or folders dt=YYYY-MM-DD, would concern only the days from theirs on`
        : "";
    for (const file of input.files) {
      const known = before.get(file.path);
      before.delete(file.path);
      if (known === undefined) said.add(`${file.path} of ${what} appeared${rangeless(file)}`);
      else if (fingerprint(known) !== fingerprint(file)) said.add(`${file.path} of ${what} changed${rangeless(file)}`);
    }
    for (const path of before.keys()) said.add(`${path} of ${what} vanished`);
  }
  const now = new Set(is.map(keyOf));
  for (const input of was) if (!now.has(keyOf(input))) said.add(`${whatOf(input)} is no longer read`);
  return [...said];
}

function whatOf({ view, store }: ManifestInput): string {
  return store === undefined ? `view "${view}"` : `embedding store "${store}"`;
}

function insideOf(directory: string, path: string): string {
  const within = relative(directory, path);
  return within.startsWith("..") ? path : within;
}
