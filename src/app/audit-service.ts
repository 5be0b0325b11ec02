import { tmpdir } from "node:os";
import { type AuditReport, audit as auditService, type AuditOptions as Options } from "../audit/audit.js";
import type { OpenDay } from "../audit/laboratory.js";
import type { Project } from "../definitions/project.js";
import type { SqlSession } from "../engines/sql/session.js";
import { makeSpillFolder, spillFolder } from "../engines/sql/spill-folder.js";
import { DaedalusError } from "../errors/problem.js";
import { openSource } from "../sources/open-source.js";
import type { Source } from "../sources/source.js";
import type { CompiledService } from "./compile-service.js";
import { openDay as openDayHere } from "./open-day.js";
import { checkOptions, FLAG, FUNCTION, SIGNAL, TEXT, TEXTS, wholeNumber } from "./options.js";
import { type OutputOptions, withTrainingInputs } from "./training-inputs.js";

export interface AuditOptions extends Options, OutputOptions {}

const OPTIONS = {
  outputRoot: TEXT,
  rows: wholeNumber(0),
  trials: wholeNumber(0),
  seed: wholeNumber(0),
  date: TEXT,
  columns: TEXTS,
  strict: FLAG,
  counterExamples: TEXT,
  signal: SIGNAL,
  onProgress: FUNCTION,
};

/**
 * Proves point-in-time correctness on the service's own data: derives a sample of the written rows again from the sources,
 * without the engine, and perturbs the future of some rows to see that nothing before it moves. Writes only below temporary
 * folders. `openDay`: the engine under audit, if not this version's own. Throws DaedalusError as `train` does; RangeError for options
 * that are none.
 */
export async function audit(
  compiled: CompiledService,
  options: AuditOptions = {},
  openDay: OpenDay = (context) => openDayHere(context),
): Promise<AuditReport> {
  checkOptions("audit", options, OPTIONS);
  const { project, resolved, pipeline } = compiled;
  const { duckdbConfig } = project.runtimeOf(pipeline.service).compute;
  return withTrainingInputs(compiled, options, (inputs) =>
    auditService(
      {
        inputs,
        project,
        service: resolved,
        openViews: () => openViews(project, inputs.session),
        openDay,
        duckdbConfig,
        // Where what a killed audit has left is removed by a later one.
        temporary: () => {
          const folder = spillFolder(duckdbConfig["temp_directory"] ?? tmpdir());
          makeSpillFolder(folder);
          return folder;
        },
      },
      options,
    ),
  );
}

/** The sources of all views that can be read: those that other services alone need may be out of reach. */
async function openViews(project: Project, session: SqlSession): Promise<ReadonlyMap<string, Source>> {
  const sources = new Map<string, Source>();
  const place = { directory: project.directory, connections: project.base.connections };
  for (const view of project.views.values())
    try {
      const source = openSource(place, view, session);
      await source.schema();
      sources.set(view.name, source);
    } catch (error) {
      if (!(error instanceof DaedalusError)) throw error;
    }
  return sources;
}
