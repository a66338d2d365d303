import { describe, expect, it } from "vitest";
import { failures, summarise } from "../../script/test-summary.ts";

function report(counts: { passed?: number; failed?: number; pending?: number }, files: [string, string[]][] = []) {
  return {
    numPassedTests: counts.passed ?? 0,
    numFailedTests: counts.failed ?? 0,
    numPendingTests: counts.pending ?? 0,
    numTodoTests: 0,
    testResults: files.map(([status, tests], index) => ({
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
    expect(summarise([report({ passed: 3 }), report({ passed: 4 })])).toEqual({ line: "7 passed, 0 failed", ok: true });
  });

  it("names skipped tests only if there are any", () => {
    expect(summarise([report({ passed: 1, pending: 2 })])).toEqual({ line: "1 passed, 0 failed, 2 skipped", ok: true });
  });

  it("counts a file that failed before its first test", () => {
    const broken = report({ passed: 5, pending: 1 }, [
      ["failed", []],
      ["failed", ["skipped"]],
      ["passed", ["passed"]],
    ]);
    expect(summarise([broken])).toEqual({ line: "5 passed, 2 failed, 1 skipped", ok: false });
  });

  it("does not count a file's failed tests twice", () => {
    expect(summarise([report({ passed: 1, failed: 1 }, [["failed", ["failed", "passed"]]])]).line).toBe("1 passed, 1 failed");
  });

  it("is not green without a report or without a test", () => {
    expect(summarise([report({ passed: 9 }), null])).toEqual({ line: "9 passed, 1 failed", ok: false });
    expect(summarise([report({})]).ok).toBe(false);
  });
});

describe("failures", () => {
  it("names failed tests and files, with their messages", () => {
    const files: [string, string[]][] = [
      ["failed", ["passed", "failed"]],
      ["failed", ["skipped"]],
      ["passed", ["passed"]],
    ];
    expect(failures([report({ passed: 2, failed: 1 }, files), null])).toEqual([
      "FAILED test/0.test.ts > number 1\n  expected 1\n  at line 7",
      "FAILED test/1.test.ts\n  no such module",
    ]);
  });
});
