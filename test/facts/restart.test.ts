import { describe, expect, it } from "vitest";
import { describePeers, describeWork } from "../../src/facts/restart.ts";

describe("what a restart says of the other containers of a role", () => {
  it.each([
    ["neutral", "Unknown whether other containers keep serving: this token lacks ops:read.", null, null],
    ["bad", "This is the last healthy container of its role: nothing serves while it restarts.", true, 0],
    ["warn", "No other container of its role is healthy.", false, 0],
    ["ok", "1 other container of its role is healthy.", false, 1],
    ["ok", "2 other containers of its role are healthy.", false, 2],
  ] as const)("is %s: %s", (tone, text, lastHealthy, healthyPeers) => {
    expect(describePeers({ lastHealthy, healthyPeers })).toEqual({ tone, text });
  });
});

describe("what a restart says of jobs", () => {
  const gap = (source: string | null, reason: string) => ({ source, reason });
  const say = (work: Parameters<typeof describeWork>[0]) => describeWork(work).facts.map(({ text }) => text);

  it("counts those that it interrupts", () => {
    expect(describeWork({ jobs: ["a"], total: 3, gaps: [] })).toEqual({
      facts: [{ tone: "warn", text: "3 jobs are running in it and will be interrupted:" }],
      jobs: ["a"],
      total: 3,
    });
    expect(say({ jobs: ["a"], total: 1, gaps: [] })).toEqual(["1 job is running in it and will be interrupted:"]);
    expect(say({ jobs: [], total: 0, gaps: [] })).toEqual(["No jobs are running in it."]);
  });

  it("names why there may be more, each reason once", () => {
    const gaps = [gap("a", "no answer"), gap("b", "no hosts"), gap("c", "no answer"), gap(null, "no time")];
    expect(say({ jobs: [], total: 0, gaps })).toEqual([
      "No jobs are running in it.",
      "More jobs may be running in it: a, c: no answer; b: no hosts; no time.",
    ]);
  });

  it("is unknown without an answer, a job system or the right", () => {
    expect(say({ jobs: null, total: null, gaps: [gap("a", "no answer")] })).toEqual([
      "Unknown whether jobs are running in it: a: no answer.",
    ]);
    expect(say({ jobs: null, total: null, gaps: [] })).toEqual(["No job system records which jobs are running in it."]);
    expect(say(null)).toEqual(["Unknown whether jobs are running in it: this token lacks ops:read."]);
  });
});
