import { describe, expect, it } from "vitest";
import { failures, findAgain, mergeRuns, summarise } from "../../script/test-summary.ts";

/** A report of test files: the status of each, with the statuses of its tests. */
function report(...files: (readonly [status: string, ...tests: string[]])[]) {
  return {
    testResults: files.map(([status, ...tests], index) => ({
      name: `test/${index}.test.ts`,
      status,
      message: status === "failed" ? "no such module" : "",
      assertionResults: tests.map((test, at) => ({
        status: test,
        title: `number ${at}`,
        fullName: `number ${at}`,
        failureMessages: [`expected ${at}\nat line 7`],
      })),
    })),
  };
}

describe("summarise", () => {
  it("adds up the reports", () => {
    const reports = [report(["passed", "passed", "passed"]), report(["passed", "passed"], ["passed", "passed"])];
    expect(summarise(reports)).toEqual({ line: "4 passed, 0 failed", ok: true });
  });

  it("names skipped tests only if there are any", () => {
    const mixed = report(["passed", "passed", "skipped", "pending", "todo"]);
    expect(summarise([mixed])).toEqual({ line: "1 passed, 0 failed, 3 skipped", ok: true });
  });

  it("counts a file that failed before its first test", () => {
    const broken = report(["failed"], ["failed", "skipped"], ["passed", "passed"]);
    expect(summarise([broken])).toEqual({ line: "1 passed, 2 failed, 1 skipped", ok: false });
  });

  it("does not count a file's failed tests twice", () => {
    expect(summarise([report(["failed", "failed", "passed"])])).toEqual({ line: "1 passed, 1 failed", ok: false });
  });

  it("is not green without a report or without a test", () => {
    expect(summarise([report(["passed", "passed"]), null])).toEqual({ line: "1 passed, 1 failed", ok: false });
    expect(summarise([report()]).ok).toBe(false);
  });
});

describe("failures", () => {
  it("names failed tests and files, with their messages", () => {
    const files = report(["failed", "passed", "failed"], ["failed", "skipped"], ["passed", "passed"]);
    expect(failures([files, null])).toEqual([
      "FAILED test/0.test.ts > number 1\n  expected 1\n  at line 7",
      "FAILED test/1.test.ts\n  no such module",
    ]);
  });
});

describe("a second run", () => {
  it("is of the failed files, if they are few", () => {
    expect(findAgain(report(["passed", "passed"], ["failed", "failed"], ["failed"]))).toEqual([
      "test/1.test.ts",
      "test/2.test.ts",
    ]);
    expect(findAgain(report(["failed"], ["failed"], ["failed"], ["failed"]))).toEqual([]);
  });

  it("replaces the first results, and names what passed only then", () => {
    const first = report(["failed", "passed", "failed"], ["passed", "passed"]);
    const merged = mergeRuns(first, report(["passed", "passed", "passed"]));
    expect(merged.unstable).toEqual(["UNSTABLE test/0.test.ts > number 1\n  expected 1\n  at line 7"]);
    expect(summarise([merged.report])).toEqual({ line: "3 passed, 0 failed", ok: true });
  });

  it("that fails too stays a failure", () => {
    const first = report(["failed", "failed"], ["failed"]);
    const merged = mergeRuns(first, report(["failed", "failed"]));
    expect(merged.unstable).toEqual([]);
    expect(summarise([merged.report])).toEqual({ line: "0 passed, 2 failed", ok: false });
  });
});
