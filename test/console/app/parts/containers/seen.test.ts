import { describe, expect, it } from "vitest";
import { isTroubled, toSeenState, toTroubles } from "../../../../../src/console/app/parts/containers/seen.ts";
import type { ProblemRow } from "../../../../../src/console/app/parts/problems.tsx";

const container = { id: "c1", name: "worker-1", engine: "e", kind: "CORE", role: "worker", service: "s", version: null } as const;

const loop: ProblemRow = {
  id: "p1",
  kind: "CONTAINER_RESTART_LOOP",
  severity: "CRITICAL",
  title: "worker-1 restarts in a loop",
  since: "2026-11-27T09:00:00Z",
  at: "2026-11-27T09:00:00Z",
  evidence: ["5 restarts in 15 min"],
  rule: "At least 3 restarts in 15 min",
  alert: null,
  env: null,
  destination: null,
  service: null,
  role: null,
  source: null,
  upstream: null,
  container,
  queue: null,
  host: null,
  engine: null,
  deploy: null,
};
const memory: ProblemRow = { ...loop, id: "p2", kind: "CONTAINER_MEMORY_HIGH", severity: "WARNING", title: "memory at 93 %" };

const running = { status: "running", health: "NONE", stale: false, kind: "CORE" } as const;

describe("toTroubles", () => {
  it.each([
    ["the critical one first", [loop, memory]],
    ["the critical one last", [memory, loop]],
  ])("chooses the critical problem of a container: %s", (_, rows) => {
    expect(toTroubles(rows).get("c1")?.word).toBe("restarts in a loop");
  });

  it("leaves out problems without a container", () => {
    expect(toTroubles([{ ...loop, container: null }]).size).toBe(0);
  });
});

describe("toSeenState", () => {
  const troubles = toTroubles([loop]);
  const warned = toTroubles([memory]);

  it("shows a running container that loops as bad", () => {
    const title = "worker-1 restarts in a loop\n5 restarts in 15 min";
    expect(toSeenState(running, troubles.get("c1"))).toEqual({ tone: "bad", word: "restarts in a loop", title });
    expect(isTroubled(running, troubles.get("c1"))).toBe(true);
  });

  it("shows a warning only where its own state is not worse", () => {
    expect(toSeenState(running, warned.get("c1"))).toMatchObject({ tone: "warn", word: "memory is high" });
    expect(toSeenState({ ...running, status: "exited" }, warned.get("c1"))).toEqual({ tone: "bad", word: "exited" });
  });

  it("shows one without a problem as its engine says", () => {
    expect(toSeenState(running, undefined)).toEqual({ tone: "ok", word: "running" });
    expect(isTroubled(running, undefined)).toBe(false);
  });

  it("says stale where the engine is silent, and counts it", () => {
    const row = { ...running, stale: true };
    expect(toSeenState(row, troubles.get("c1"))).toMatchObject({ tone: "unknown", word: "stale" });
    expect(isTroubled(row, undefined)).toBe(true);
  });
});
