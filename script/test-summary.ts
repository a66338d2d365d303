import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { findNotPassed } from "./security-case/case.ts";
import { sections } from "./security-case/claims.ts";

/** The part of vitest's JSON report that counts. */
export interface Report {
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
 * The closing line for vitest JSON reports. A report that is missing and a test file that failed
 * before its first test (an import or a hook) count as one failure each: a suite that could not run
 * must never look green.
 */
export function summarise(reports: readonly (Report | null)[]): { line: string; ok: boolean } {
  const files = reports.flatMap((report) => report?.testResults ?? []);
  const states = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
  const passed = states.filter((status) => status === "passed").length;
  const failedTests = states.filter((status) => status === "failed").length;
  const failed =
    failedTests + files.filter(failedBeforeTests).length + reports.filter((report) => report === null).length;
  const skipped = states.length - passed - failedTests;
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return { line, ok: failed === 0 && passed > 0 };
}

function failedBeforeTests(file: TestFile): boolean {
  return file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed");
}

/** More failed files than this are no accident of one test: then none runs again. */
const maxAgain = 3;

/**
 * The failed files of a suite on real services that run once more: all, or none where they are
 * many.
 */
export function findAgain({ testResults }: Report): string[] {
  const names = testResults.filter(({ status }) => status === "failed").map(({ name }) => name);
  return names.length > maxAgain ? [] : names;
}

/**
 * A suite's report after its failed files have run again: their second results, and the first
 * failures of those that passed then.
 */
export function mergeRuns(first: Report, again: Report): { report: Report; unstable: readonly string[] } {
  const second = new Map(again.testResults.map((file) => [file.name, file]));
  const testResults = first.testResults.map((file) => second.get(file.name) ?? file);
  const recovered = first.testResults.filter(
    ({ name, status }) => status === "failed" && second.get(name)?.status === "passed",
  );
  const unstable = failures([{ testResults: recovered }]).map((text) => text.replace("FAILED", "UNSTABLE"));
  return { report: { testResults }, unstable };
}

/**
 * Each failure with its file and at most 20 lines of its message. They stand before the closing
 * line, as CI shows the end of a long log.
 */
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

function read(path: string): Report | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Report) : null;
}

/**
 * The report of a suite, with its second run where there was one. Prints which tests passed only
 * then.
 */
function readSuite(path: string): Report | null {
  const [first, again] = [read(path), read(path.replace(".json", "-again.json"))];
  if (first === null || again === null) return first;
  const { report, unstable } = mergeRuns(first, again);
  for (const text of unstable) console.log(text);
  return report;
}

if (import.meta.main) {
  const reports = process.argv.slice(2).map((path) => readSuite(path));
  const { line, ok } = summarise(reports);
  for (const text of failures(reports)) {
    console.log(text);
  }
  const unshown = findNotPassed(sections, reports);
  for (const claim of unshown) console.log(`NOT SHOWN ${claim}`);
  console.log(line);
  process.exitCode = ok && unshown.length === 0 ? 0 : 1;
}
