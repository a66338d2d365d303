import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

/** The part of vitest's JSON report that counts. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}

/**
 * The closing line for vitest JSON reports. A report that is missing and a test file that failed before its first test (an import or
 * a hook) count as one failure each: a suite that could not run must never look green.
 */
export function summarise(reports: readonly (Report | null)[]): { line: string; ok: boolean } {
  let [passed, failed, skipped] = [0, 0, 0];
  for (const report of reports) {
    if (report === null) {
      failed += 1;
      continue;
    }
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    failed += report.testResults.filter(
      (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
    ).length;
    skipped += report.numPendingTests + report.numTodoTests;
  }
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { line, ok: failed === 0 && passed > 0 };
}

if (import.meta.main) {
  const reports = process.argv
    .slice(2)
    .map((path) => (existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Report) : null));
  const { line, ok } = summarise(reports);
  console.log(line);
  process.exitCode = ok ? 0 : 1;
}
