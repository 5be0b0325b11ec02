import { spawn } from "node:child_process";
import { PeakMemory } from "./train/peak-memory.js";

/** What a process said on its last line, its seconds from start to end, and the largest memory of it and its children in MB. */
export interface MeasuredProcess<Answer> {
  readonly answer: Answer;
  readonly wall: number;
  readonly peak: number;
}

/** Runs a program of Node.js in a process of its own, so that nobody starts on another's warm memory. Throws if it fails. */
export async function measuredProcess<Answer>(args: readonly string[]): Promise<MeasuredProcess<Answer>> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const memory = new PeakMemory(child.pid ?? 0);
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  const status = await new Promise((settle) => child.on("close", settle));
  const peak = memory.stop();
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
  const answer = JSON.parse(output.trim().split("\n").at(-1) ?? "") as Answer;
  return { answer, wall: (performance.now() - begin) / 1000, peak };
}
