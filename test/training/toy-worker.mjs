// The real worker with a day that first does what DAEDALUS_TEST_DAY says: `sleep <file>`, `die-once <file>`,
// `touch <file> <times>`; `move <from> <to> <n>` moves a file before the n-th day is reported.
import { appendFileSync, existsSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const load = (file) => import(pathToFileURL(join(process.env.DAEDALUS_TEST_DIST, file)).href);
const { openDaySession } = await load("engines/sql/day-session.js");
const { SqlSession } = await load("engines/sql/session.js");
const { openSource } = await load("sources/open-source.js");
const { serveTasks } = await load("tasks/worker.js");
const { DAYS_TASK, daysTaskHandler } = await load("training/days-task.js");
const [what, file, times, nth] = (process.env.DAEDALUS_TEST_DAY ?? "").split(" ");
let reported = 0;
/** No aggregate here is one of the tag pythonic. */
const rolling = { count: 1, run: () => Promise.reject(new Error("nobody")), interrupt: () => {}, close: () => {} };

/** Before a day is reported, so that its commit meets the change. */
function touch() {
  if (what !== "touch") return;
  const done = existsSync(`${file}.touched`) ? readFileSync(`${file}.touched`, "utf8").length : 0;
  if (done >= Number(times)) return;
  appendFileSync(`${file}.touched`, "x");
  utimesSync(file, new Date(), new Date(Date.now() + 1000 * (done + 1)));
}

function move() {
  reported += 1;
  if (what === "move" && reported === Number(nth)) renameSync(file, times);
}

async function openDay({ project, views, duckdbConfig }) {
  const session = await SqlSession.open(duckdbConfig);
  const sources = new Map();
  for (const [name, view] of Object.entries(views)) sources.set(name, await openSource(project, view, session).pin());
  const day = await openDaySession({ session, sources, rolling });
  return {
    async run(request, written) {
      if (what === "sleep") {
        // Told when the query runs: an interrupt before it would be none.
        setTimeout(() => writeFileSync(file, String(process.pid)), 100);
        await session.query(
          "SELECT count(*) AS n FROM range(100000000000) a, range(1000) b WHERE a.range % 7 = b.range % 5",
        );
      }
      if (what === "die-once" && !existsSync(file)) {
        writeFileSync(file, "");
        process.kill(process.pid, "SIGKILL");
      }
      await day.run(request, (...result) => {
        touch();
        move();
        written(...result);
      });
    },
    interrupt: () => day.interrupt(),
    close: () => day.close(),
  };
}

serveTasks({ [DAYS_TASK]: () => daysTaskHandler(openDay) });
