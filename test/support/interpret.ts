import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CompiledService } from "#daedalus/app/compile-service.js";
import { withTrainingInputs } from "#daedalus/app/training-inputs.js";
import { dayStartMicros, MICROS_PER_DAY } from "#daedalus/columnar/instants.js";
import { Interpreter } from "#daedalus/trace/interpreter.js";
import { Reading } from "#daedalus/trace/reading.js";
import type { TrainingDay } from "../oracles/training-day.js";
import type { Dtype } from "../oracles/values.js";

/** What the interpreter makes of every row of the days, in file order; a fault is told in the place of its value. */
export async function interpretDays(
  compiled: CompiledService,
  outputRoot: string,
  days: readonly string[],
): Promise<ReadonlyMap<string, Omit<TrainingDay, "parts"> & { readonly faults: readonly string[] }>> {
  const { pipeline } = compiled;
  return withTrainingInputs(compiled, { outputRoot }, async ({ sources, session, stores }) => {
    const map = join(outputRoot, "qid_map.parquet");
    const reading = new Reading({
      pipeline,
      sources,
      session,
      stores,
      places: false,
      ...(existsSync(map) ? { qidMap: map } : {}),
    });
    const interpreter = new Interpreter(reading);
    const results = new Map<string, Omit<TrainingDay, "parts"> & { readonly faults: readonly string[] }>();
    for (const day of days) {
      const from = dayStartMicros(day);
      const factor = pipeline.spine.time.resolution === "ns" ? 1_000n : 1n;
      const [low, high] = [from * factor, (from + MICROS_PER_DAY) * factor].map(
        (ticks) => `CAST('${ticks}' AS HUGEINT)`,
      );
      const column = `r."${pipeline.spine.time.column}"`;
      const rows = await interpreter.spine.rowsWhere(`${column} >= ${low} AND ${column} < ${high}`);
      const interpreted = (await interpreter.interpret(rows)).filter(({ dropped }) => dropped === undefined);
      results.set(day, {
        columns: pipeline.output.map(({ name, dtype }) => ({ name, dtype: dtype as Dtype })),
        rows: interpreted.map(({ output }) => [...output.values()].map(({ value }) => value)),
        faults: interpreted.flatMap(({ output }) => [...output.values()].flatMap(({ fault }) => fault?.says ?? [])),
      });
    }
    await reading.close();
    return results;
  });
}
