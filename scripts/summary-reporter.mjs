/**
 * The last line of a test run: `N passed, N failed`, and `, N skipped` if any test was. Checks that ran before vitest
 * (scripts/test.sh) count as tests. With CI set a skipped test is a failure, and so is a run without any test.
 */
export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    let passed = Number(process.env.DAEDALUS_CHECKS_PASSED ?? 0);
    let failed = Number(process.env.DAEDALUS_CHECKS_FAILED ?? 0) + unhandledErrors.length;
    const skipped = [];
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests += 1;
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped.push(`${module.relativeModuleId}: ${test.fullName}`);
      }
      // A file or a suite that broke before its tests: none of them says so.
      if (module.state() === "failed" && (tests === 0 || module.errors().length > 0)) failed += 1;
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed += 1;
    }
    if (reason === "interrupted") failed += 1;
    const inCi = ![undefined, "", "0", "false"].includes(process.env.CI);
    if (inCi && skipped.length > 0) {
      console.error(`\nSkipped, which CI=1 makes a failure:\n${skipped.map((name) => `  ${name}`).join("\n")}`);
      failed += skipped.length;
    }
    const told = inCi || skipped.length === 0 ? "" : `, ${skipped.length} skipped`;
    // After what the other reporters have still to print.
    process.once("exit", () => console.log(`\n${passed} passed, ${failed} failed${told}`));
    if (failed > 0) process.exitCode = 1;
  }
}
