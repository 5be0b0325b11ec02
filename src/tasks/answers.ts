import { DaedalusError } from "../errors/problem.js";
import { decode } from "./exact-json.js";
import type { FinalAnswer } from "./messages.js";

/** What a handler returned; throws what it threw. */
export function resultOf(answer: FinalAnswer): unknown {
  if (answer.type === "done") return decode(answer.answer);
  if (answer.type === "refused") throw new DaedalusError(answer.problems, answer.exitCode);
  const error = new Error(answer.message);
  if (answer.stack !== undefined) error.stack = answer.stack;
  throw Object.assign(error, answer.code === undefined ? {} : { code: answer.code });
}
