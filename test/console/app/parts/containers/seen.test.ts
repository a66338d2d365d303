import { describe, expect, it } from "vitest";
import { toTroubles, toWorse } from "../../../../../src/console/app/parts/containers/seen.ts";

const container = {
  name: "worker-1",
  engine: "e",
  kind: "CORE",
  role: "worker",
  service: "s",
  version: "v1",
} as const;

const loop: Parameters<typeof toTroubles>[0][number] = {
  id: "p1",
  kind: "CONTAINER_RESTART_LOOP",
  severity: "CRITICAL",
  title: "worker-1 restarts in a loop",
  since: "2026-11-27T09:00:00Z",
  at: "2026-11-27T09:00:00Z",
  measure: "restarts",
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
const memory: typeof loop = {
  ...loop,
  id: "p2",
  kind: "CONTAINER_MEMORY_HIGH",
  severity: "WARNING",
  title: "memory at 93 %",
};

describe("toTroubles", () => {
  it.each([
    ["the critical one first", [loop, memory]],
    ["the critical one last", [memory, loop]],
  ])("chooses the critical problem of a container: %s", (_, rows) => {
    expect(toTroubles(rows).get("e/worker-1")?.word).toBe("restarts in a loop");
  });

  it("leaves out problems without a container", () => {
    expect(toTroubles([{ ...loop, container: null }]).size).toBe(0);
  });
});

describe("toWorse", () => {
  const [looping, warned] = [toTroubles([loop]).get("e/worker-1"), toTroubles([memory]).get("e/worker-1")];
  const running = { tone: "ok", word: "running" } as const;
  const exited = { tone: "bad", word: "exited" } as const;

  it("shows a running container that loops as bad", () => {
    const title = "worker-1 restarts in a loop\n5 restarts in 15 min";
    expect(toWorse(running, looping, true)).toEqual({
      tone: "bad",
      word: "restarts in a loop",
      title,
      since: loop.since,
    });
  });

  it("shows a warning only where its own state is not worse", () => {
    expect(toWorse(running, warned, true)).toMatchObject({ tone: "warn", word: "memory is high" });
    expect(toWorse(exited, warned, true)).toEqual(exited);
  });

  it("shows a container without a problem as its engine says", () => {
    expect(toWorse(running, undefined, true)).toEqual(running);
  });

  it("shows a paused container as paused when its role is down", () => {
    const down = toTroubles([{ ...loop, kind: "ROLE_DOWN", title: "No container of worker runs", since: null }]).get(
      "e/worker-1",
    );
    const paused = { tone: "warn", word: "paused", since: null } as const;
    expect(toWorse(paused, down, true)).toMatchObject({ tone: "bad", word: "paused", since: null });
    expect(toWorse(running, down, true)).toMatchObject({ tone: "bad", word: "role down" });
  });

  it("does not show a running container as well while problems are unknown", () => {
    expect(toWorse(running, undefined, false)).toMatchObject({ tone: "neutral", word: "running" });
    expect(toWorse(exited, undefined, false)).toEqual(exited);
    expect(toWorse(running, looping, false)).toMatchObject({ tone: "bad", word: "restarts in a loop" });
  });
});
