#!/usr/bin/env node
// The command `daeda`. Nothing is imported before the version is known to be one that can read it.
const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  process.stderr.write(
    `daeda needs Node.js 20 or newer, and this is ${process.version}; get a newer one from https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  const { runCommandLine } = await import("./run-command-line.js");
  process.exitCode = await runCommandLine(process.argv.slice(2));
}

export {};
