import { readdirSync, readFileSync } from "node:fs";

/** The largest memory that a process and its descendants had together, in MB, sampled while it runs. */
export class PeakMemory {
  #peak = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly pid: number) {
    this.#timer = setInterval(() => this.#sample(), 50);
  }

  stop(): number {
    clearInterval(this.#timer);
    return Math.round(this.#peak / 1024);
  }

  #sample(): void {
    const parents = new Map<number, number>();
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      // "pid (name) state ppid …"; the name may hold anything, so the last parenthesis counts.
      const stat = read(`/proc/${name}/stat`);
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    }
    let sum = 0;
    for (const pid of parents.keys()) {
      let up: number | undefined = pid;
      while (up !== undefined && up !== this.pid && up > 1) up = parents.get(up);
      if (up === this.pid) sum += Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
    }
    this.#peak = Math.max(this.#peak, sum);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended in between
  }
}
