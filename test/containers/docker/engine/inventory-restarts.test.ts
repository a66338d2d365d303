import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createInventory } from "../../../../src/containers/docker/engine/inventory.ts";
import { findContainerProblems } from "../../../../src/problems/containers.ts";
import { app, rulesOf } from "../../../support/docker-facts.ts";
import { finish } from "../../../support/steps.ts";

const fullId = "1".repeat(64);
const created = app("wallet-core-production", "worker", "v1", { fullId, createdAt: "2026-01-13T09:59:00Z" });
const nowMs = Date.parse("2026-01-13T10:00:00Z");

/** An engine with one container, and what the gateway knows of it. */
function createWorld() {
  const rules = rulesOf("wallet-core-production");
  const inventory = createInventory({ env: null, rules, hostNames: [] }, () => {});
  let truth = { ...created, state: "running", restarts: 0 };
  /** The count of an inspection since which the container ran on; null without one. */
  let counted: number | null = null;
  const isLive = () => truth.state !== "exited";
  const list = () => {
    const raw = { ...truth, hostname: null, restarts: null, variables: null, startedAt: null };
    inventory.applyList([{ raw, recent: false }], inventory.begin());
  };
  const act = (state: string, restarts: number) => {
    truth = { ...truth, state, restarts };
    counted = null;
  };
  const steps = {
    list,
    inspect() {
      inventory.learn(truth, inventory.begin());
      counted = isLive() ? truth.restarts : null;
    },
    fail() {
      list();
      inventory.demote(fullId);
    },
    crash() {
      if (isLive()) truth = { ...truth, state: "restarting", restarts: truth.restarts + 1 };
    },
    run() {
      if (isLive()) truth = { ...truth, state: "running" };
    },
    /** Its end is an event, which leads to an inspection. */
    giveUp() {
      act("exited", truth.restarts);
      steps.fail();
    },
    stop() {
      inventory.doubtRestarts(fullId);
      act("exited", truth.restarts);
    },
    start() {
      if (!isLive()) act("running", 0);
    },
    restart() {
      inventory.doubtRestarts(fullId);
      act("running", 0);
    },
    restartEngine() {
      act("running", 0);
      inventory.doubtRestarts(null);
      list();
    },
  };
  list();
  steps.inspect();
  return {
    steps,
    truth: () => truth,
    counted: () => counted,
    row: () => inventory.snapshot(false).known(fullId)?.row,
    problems: () =>
      finish(
        findContainerProblems({
          nowMs,
          containers: inventory.snapshot(false).visible,
          retired: [],
          lost: [],
          unlisted: [],
          forgottenUntil: () => null,
          events: [],
          samples: new Map(),
        }),
      ).problems,
    inventory,
  };
}

type World = ReturnType<typeof createWorld>;
const anyStep = fc.constantFrom(...(Object.keys(createWorld().steps) as (keyof World["steps"])[]));

const labels = {
  name: created.name,
  engine: "web-1",
  role: "worker",
  env: "production",
  service: "wallet-core-production",
  destination: null,
  version: "v1",
  isInspected: true,
};

describe("a container that cannot be inspected for a while", () => {
  it("has no more restarts than it had, and its labels, always", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (names) => {
        const world = createWorld();
        for (const name of names) {
          world.steps[name]();
          const { restarts = -1, ...row } = world.row() ?? {};
          expect(row).toMatchObject(labels);
          // Only what was read just now is as new as the container.
          const most = name === "fail" ? world.truth().restarts : Number.POSITIVE_INFINITY;
          expect(restarts ?? 0).toBeLessThanOrEqual(most);
          expect(restarts).toBe(world.counted() ?? restarts);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("stays in its restart loop", () => {
    const looping = fc.constantFrom("list", "inspect", "fail", "crash", "run");
    fc.assert(
      fc.property(fc.array(looping, { maxLength: 30 }), (names) => {
        const world = createWorld();
        for (const name of ["crash", "crash", "crash", "inspect", ...names] as const) {
          world.steps[name]();
          if (name !== "crash") world.steps.list();
        }
        expect(world.problems()).toMatchObject([{ kind: "container_restart_loop", container: { env: "production" } }]);
      }),
    );
  });

  it.each(["restart", "stop", "restartEngine", "giveUp"] as const)("has no known restarts after a %s", (name) => {
    const { steps, row } = createWorld();
    steps.crash();
    steps.inspect();
    steps.fail();
    expect(row()?.restarts).toBe(1);
    steps[name]();
    steps.start();
    steps.fail();
    expect(row()?.restarts).toBeNull();
    steps.inspect();
    steps.fail();
    expect(row()?.restarts).toBe(0);
  });

  it("has none where it was inspected as ended, and runs again", () => {
    const { steps, row } = createWorld();
    steps.crash();
    steps.giveUp();
    steps.inspect();
    expect(row()?.restarts).toBe(1);
    steps.start();
    steps.fail();
    expect(row()?.restarts).toBeNull();
  });

  it("has none where its inspection was asked for before the restart", () => {
    const { steps, row, inventory } = createWorld();
    steps.crash();
    steps.run();
    const asked = inventory.begin();
    inventory.doubtRestarts(fullId);
    inventory.learn({ ...created, restarts: 1 }, asked);
    steps.fail();
    expect(row()?.restarts).toBeNull();
  });
});
