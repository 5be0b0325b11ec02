// A worker with toy handlers; DAEDALUS_TEST_DIST names the build.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const load = (file) => import(pathToFileURL(join(process.env.DAEDALUS_TEST_DIST, file)).href);
const { serveTasks } = await load("tasks/worker.js");
const { DaedalusError } = await load("errors/problem.js");

serveTasks({
  toy: () => {
    let tasks = 0;
    let abort = new AbortController();
    return {
      async run(body, report) {
        tasks += 1;
        abort = new AbortController();
        if (body.do === "die") process.kill(process.pid, "SIGKILL");
        if (body.do === "die-once" && !existsSync(body.marker)) {
          writeFileSync(body.marker, "");
          process.kill(process.pid, "SIGKILL");
        }
        if (body.do === "nap") await sleep(300);
        if (body.do === "refuse") throw new DaedalusError([{ code: "toy/refused", says: "no" }], 2);
        if (body.do === "break") throw Object.assign(new Error("disk"), { code: "ENOSPC" });
        if (body.do === "sleep") {
          writeFileSync(join(body.folder, "pid"), String(process.pid));
          await sleep(60_000, undefined, { signal: abort.signal });
        }
        if (body.do === "tell") for (const part of body.value) report(part);
        if (body.do === "hang") await sleep(60_000);
        return { pid: process.pid, tasks, echo: body.value };
      },
      interrupt: () => abort.abort(),
      close: () => undefined,
    };
  },
});
