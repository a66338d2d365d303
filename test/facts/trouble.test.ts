import { describe, expect, it } from "vitest";
import { toContainerState } from "../../src/facts/container.ts";
import { createContainerOrder, toTroubles, toWorse } from "../../src/facts/trouble.ts";

const container = { engine: "e", name: "worker-1" };

const loop: Parameters<typeof toTroubles>[0][number] = {
  kind: "CONTAINER_RESTART_LOOP",
  severity: "CRITICAL",
  title: "worker-1 restarts in a loop",
  since: "2026-11-27T09:00:00Z",
  evidence: ["5 restarts in 15 min"],
  rule: "At least 3 restarts in 15 min",
  container,
};
const memory: typeof loop = {
  ...loop,
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

it("the order of containers has the worst state or problem first", () => {
  const running = { name: "a", engine: "e", status: "running", health: "HEALTHY", stale: false, kind: "CORE" };
  const rows = [
    running,
    { ...running, stale: true, health: "UNHEALTHY" },
    { ...running, health: "starting" },
    { ...running, name: "worker-1" },
    { ...running, health: "unhealthy" },
    { ...running, status: "paused" },
    { ...running, status: "exited" },
    { ...running, status: "exited", kind: "accessory" },
    { ...running, name: "worker-1", stale: true },
  ];
  const words = rows
    .toSorted(createContainerOrder(toTroubles([loop])))
    .map((row) => `${row.name} ${toContainerState(row).word}`);
  expect(words).toEqual([
    "worker-1 healthy",
    "a unhealthy",
    "a exited",
    "a starting",
    "a paused",
    "a stale",
    "a exited",
    "worker-1 stale",
    "a healthy",
  ]);
});
