/** One mistake, told to the reader: what is wrong, where, what to do. */
export interface Problem {
  /** `<family>/<kebab-case>`: `definition/unknown-column`. */
  readonly code: string;
  /** One sentence with the fact. */
  readonly says: string;
  /** One sentence with the remedy. */
  readonly help?: string;
  /** The nearest valid name, if a name was mistaken. */
  readonly suggestion?: string;
  /** File of the user's (relative to the project) or data file. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** The line of the file, and how many characters to mark. */
  readonly excerpt?: { readonly text: string; readonly length: number };
}

/** By file, line and column; what stands in no file comes first. */
export function byPlace(left: Problem, right: Problem): number {
  const [a, b] = [left.file ?? "", right.file ?? ""];
  if (a !== b) return a < b ? -1 : 1;
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}

/** 1: failed at run time; 2: bad usage or definitions. */
export type ExitCode = 1 | 2;

/** The only error that Daedalus throws on purpose; whatever else escapes is a bug and is reported as one. */
export class DaedalusError extends Error {
  override readonly name = "DaedalusError";
  readonly problems: readonly Problem[];
  readonly exitCode: ExitCode;

  constructor(problems: readonly Problem[], exitCode: ExitCode, options?: { readonly cause?: unknown }) {
    super(problems.map(formatProblem).join("\n\n"), options);
    this.problems = problems;
    this.exitCode = exitCode;
  }
}

/** The form of `11-style-by-example.md`: place and code, fact, marked excerpt, remedy. */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(":");
  const lines = [place === "" ? problem.code : `${place}  ${problem.code}`, `  ${problem.says}`];
  if (problem.excerpt && problem.line !== undefined && problem.column !== undefined) {
    const gutter = String(problem.line).padStart(5);
    lines.push(`${gutter} | ${problem.excerpt.text}`);
    lines.push(
      `${" ".repeat(5)} | ${" ".repeat(problem.column - 1)}${"^".repeat(Math.max(1, problem.excerpt.length))}`,
    );
  }
  if (problem.suggestion !== undefined) lines.push(`  did you mean "${problem.suggestion}"?`);
  if (problem.help !== undefined) lines.push(`  ${problem.help}`);
  return lines.join("\n");
}
