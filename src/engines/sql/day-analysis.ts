import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Analysis, OperatorFigures } from "../../compiler/explain/analysis.js";
import type { AnyOperator } from "../../operators/pipeline.js";
import type { Scan } from "../../operators/scan.js";
import type { FileIdentity, Source } from "../../sources/source.js";
import type { AnalysisRequest, DayResult } from "../../training/day.js";
import { Meter } from "./meter.js";
import type { DayPlan } from "./plan.js";
import { boundsOf, instantOf } from "./scan-range.js";
import type { SqlSession } from "./session.js";
import { type SessionState, SpanRun } from "./span-run.js";
import { composedInto } from "./stages.js";

/**
 * Runs a day as `train` would run it alone, with a meter beside it; `state` keeps no tables yet. Statements do the work of several operators at once, so
 * times and bytes belong to the operator whose statement it is, and the others name it in `countedIn`.
 */
export async function analyzeDay(state: SessionState, plan: DayPlan, request: AnalysisRequest): Promise<Analysis> {
  const { session, sources } = state;
  const { day, staging, profile, ...rest } = request;
  const meter = await Meter.on(session, profile);
  const span = new SpanRun(state, plan, { ...rest, days: [{ day, staging }] }, meter);
  let result: DayResult | undefined;
  try {
    await span.run((_, written) => {
      result = written;
    });
    await meter.off();
    if (result === undefined) throw new RangeError(`${day} was not written`);
    const scans = new Map<string, ScanFigures>();
    for (const scan of plan.scans) scans.set(scan.name, await scanFigures(scan, span, sources, request, session));
    return figuresOf(plan, request, result, meter, scans, await bytesOfParts(staging, result));
  } catch (error) {
    throw await span.explainFailure(error);
  } finally {
    await span.cleanUp();
  }
}

type ScanFigures = Pick<OperatorFigures, "rows" | "rowsIn" | "dropped" | "bytes" | "files">;

async function scanFigures(
  scan: Scan,
  span: SpanRun,
  sources: ReadonlyMap<string, Source>,
  { day }: AnalysisRequest,
  session: SqlSession,
): Promise<ScanFigures> {
  const [counts] = await session.query(
    `SELECT count(*) AS met, count(*) FILTER (WHERE ${scan.predicate?.sql ?? "TRUE"}) AS left FROM (${span.relationOf(scan)})`,
  );
  const [met, left] = [Number(counts?.["met"]), Number(counts?.["left"])];
  const files = await filesOf(scan, sources, day);
  return {
    rows: left,
    ...(scan.predicate === undefined ? {} : { rowsIn: met, dropped: met - left }),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    files: files.length,
  };
}

/** The files that may hold rows of what the engine reads. */
async function filesOf(
  scan: Scan,
  sources: ReadonlyMap<string, Source>,
  day: string,
): Promise<readonly FileIdentity[]> {
  const source = sources.get(scan.view);
  if (source === undefined) throw new RangeError(`no source for view "${scan.view}"`);
  const instant = instantOf(scan);
  const { from, to } = boundsOf(scan, [day]);
  const { files } = await source.identity(
    instant === undefined || to === undefined
      ? {}
      : { time: { source: instant.source, unit: instant.unit }, before: to },
  );
  return files.filter(({ range }) => from === undefined || range === undefined || BigInt(range[1]) >= from);
}

async function bytesOfParts(staging: string, { parts }: DayResult): Promise<number> {
  let bytes = 0;
  for (const { name } of parts) bytes += (await stat(join(staging, name))).size;
  return bytes;
}

function figuresOf(
  plan: DayPlan,
  { pipeline, day }: AnalysisRequest,
  result: DayResult,
  meter: Meter,
  scans: ReadonlyMap<string, ScanFigures>,
  partBytes: number,
): Analysis {
  const { order = 0, write = 0, statistics = 0, count = 0 } = result.seconds;
  const into = composedInto(plan, pipeline);
  const rows = new Map<string, number>();
  const operators: Record<string, OperatorFigures> = {};
  for (const operator of pipeline.operators) {
    const own = ownFigures(operator, rows.get(operator.inputs[0] ?? "") ?? 0, result, scans);
    rows.set(operator.output, own.rows);
    const tables = meter.bytesOf(operator.name);
    operators[operator.name] = {
      engine: engineOf(operator, plan),
      ...(tables === undefined ? {} : { bytes: tables }),
      ...own,
      ...(operator.kind === "sink" ? { bytes: partBytes } : {}),
      seconds: operator.kind === "sink" ? order + write + statistics : (result.seconds[operator.name] ?? 0),
      countedIn: into[operator.name] ?? [],
    };
  }
  const left = rows.get(pipeline.operators.at(-1)?.output ?? "");
  if (left !== result.rows) throw new RangeError(`${result.rows} rows were written, the operators tell of ${left}`);
  return {
    day,
    operators,
    rows: result.rows,
    seconds: Object.values(result.seconds).reduce((sum, seconds) => sum + seconds, 0),
    otherSeconds: count,
    peakMemoryBytes: meter.peakMemoryBytes,
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** Who ran it. What is filled in later is a typed NULL until enrich, so nobody has. */
function engineOf(operator: AnyOperator, { steps }: DayPlan): OperatorFigures["engine"] {
  const { kind, name } = operator;
  if (kind === "ray_udf_transform") return "none";
  if (operator.kind === "arrow_udf_transform") return operator.engine === "pythonic" ? "none" : "javascript";
  const made = steps.find((step) => step.kind !== "table" && step.operator === name);
  return made === undefined || made.kind === "table" ? "duckdb" : made.kind;
}

/** `before`: the rows of the first input. */
function ownFigures(
  operator: AnyOperator,
  before: number,
  { dropped }: DayResult,
  scans: ReadonlyMap<string, ScanFigures>,
): ScanFigures {
  if (operator.kind === "scan") return scans.get(operator.name) ?? { rows: 0 };
  if (operator.kind !== "filter") return { rows: before };
  const lost = dropped[operator.name] ?? 0;
  return { rows: before - lost, rowsIn: before, dropped: lost };
}
