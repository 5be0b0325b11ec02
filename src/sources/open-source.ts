import type { Connection } from "../definitions/base.js";
import type { FeatureView } from "../definitions/feature-view.js";
import type { SqlSession } from "../engines/sql/session.js";
import { DaedalusError } from "../errors/problem.js";
import { sourceProblem } from "../errors/source.js";
import { needsNetworkOrExtension } from "./address.js";
import { DuckDbSource } from "./duckdb-source.js";
import { FileSource } from "./file-source.js";
import type { Source } from "./source.js";

export interface SourceSurroundings {
  /** Absolute path of the project's folder. */
  readonly directory: string;
  readonly connections: Readonly<Record<string, Connection>>;
}

/**
 * The source of a view, read through the session. Opens nothing yet: what is wrong outside is told by the first question.
 * Throws DaedalusError, exit code 2: `source/no-address`, `source/table-or-query`, `source/needs-network` (which the compiler
 * has refused before).
 */
export function openSource(surroundings: SourceSurroundings, view: FeatureView, session: SqlSession): Source {
  const { path, databasePath, table, query } = view.source;
  const address = needsNetworkOrExtension(view);
  if (address !== undefined) throw refuse(sourceProblem("needs-network", { view: view.name, address }));
  if (path !== undefined) return new FileSource(surroundings.directory, path, view, session);
  if (databasePath === undefined) throw refuse(sourceProblem("no-address", { view: view.name }));
  if ((table === undefined) === (query === undefined))
    throw refuse(sourceProblem("table-or-query", { view: view.name }));
  return new DuckDbSource(
    surroundings.directory,
    { path: databasePath, ...(table === undefined ? {} : { table }), ...(query === undefined ? {} : { query }) },
    session,
  );
}

function refuse(problem: ReturnType<typeof sourceProblem>): DaedalusError {
  return new DaedalusError([problem], 2);
}
