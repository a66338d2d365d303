import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { findNotPassed } from "./security-case/case.ts";
import { sections } from "./security-case/claims.ts";

/** The part of vitest's JSON report that counts. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly TestFile[];
}

interface TestFile {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly title: string;
    readonly fullName: string;
    readonly failureMessages?: readonly string[];
  }[];
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
    failed += report.testResults.filter(failedBeforeTests).length;
    skipped += report.numPendingTests + report.numTodoTests;
  }
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { line, ok: failed === 0 && passed > 0 };
}

function failedBeforeTests(file: TestFile): boolean {
  return file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed");
}

/** Each failure with its file and at most 20 lines of its message. They stand before the closing line, as CI shows the end of a long log. */
export function failures(reports: readonly (Report | null)[]): readonly string[] {
  return reports.flatMap((report) =>
    (report?.testResults ?? []).flatMap((file) => {
      const tests = file.assertionResults.filter((test) => test.status === "failed");
      const texts = tests.map((test) => failure(`${file.name} > ${test.fullName}`, test.failureMessages?.join("\n")));
      return failedBeforeTests(file) ? [failure(file.name, file.message)] : texts;
    }),
  );
}

function failure(name: string, message = ""): string {
  const lines = message.split("\n").slice(0, 20);
  return [`FAILED ${name}`, ...lines.map((line) => `  ${line}`)].join("\n");
}

if (import.meta.main) {
  const reports = process.argv
    .slice(2)
    .map((path) => (existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Report) : null));
  const { line, ok } = summarise(reports);
  for (const text of failures(reports)) {
    console.log(text);
  }
  const unshown = findNotPassed(sections, reports);
  for (const claim of unshown) console.log(`NOT SHOWN ${claim}`);
  console.log(line);
  process.exitCode = ok && unshown.length === 0 ? 0 : 1;
}
