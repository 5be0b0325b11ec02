import { installJsonFunctions } from "../engines/sql/json-lines.js";
import type { SqlSession } from "../engines/sql/session.js";
import { installCasts } from "./casts.js";

/** The functions that scans call: once per session. */
export async function installReading(session: SqlSession): Promise<void> {
  installJsonFunctions(session);
  await installCasts(session);
}
