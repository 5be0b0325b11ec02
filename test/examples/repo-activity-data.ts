import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const checkout = resolve(import.meta.dirname, "../..");

export const example = join(checkout, "examples/repo_activity");
export const fromGit = join(example, "from-git");

/**
 * The folder that holds `repo_activity/`: `DAEDALUS_DATA`, else the data beside the checkout, else what `from-git` makes of the
 * checkout itself (of a repository of its own where the sources are no clone). So there always is one.
 */
export function repoActivityData(): string {
  const places = [process.env["DAEDALUS_DATA"], resolve(checkout, "../shared/data")];
  for (const place of places)
    if (place && existsSync(join(place, "repo_activity/events.parquet"))) return resolve(place);
  made ??= madeFromCheckout();
  return made;
}

let made: string | undefined;

export function madeFromCheckout(): string {
  const data = mkdtempSync(join(tmpdir(), "daedalus-from-git-"));
  let clone = checkout;
  if (!existsSync(join(checkout, ".git"))) {
    clone = join(data, "clone");
    git(data, "init", "-q", clone);
    execFileSync("cp", ["-r", join(checkout, "src"), join(checkout, "docs"), clone]);
    git(clone, "add", "-A");
    git(clone, "commit", "-qm", "The sources");
  }
  execFileSync(fromGit, [clone, "--out", join(data, "repo_activity")], { stdio: "pipe" });
  return data;
}

/** git without the user's settings. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync("git", ["-C", folder, ...args], {
    stdio: "pipe",
    encoding: "utf8",
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
      GIT_AUTHOR_NAME: "A",
      GIT_AUTHOR_EMAIL: "a@example.org",
      GIT_COMMITTER_NAME: "A",
      GIT_COMMITTER_EMAIL: "a@example.org",
    },
  });
}
