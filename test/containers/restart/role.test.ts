import { expect, it } from "vitest";
import type { RestartRequest } from "../../../src/containers/restart/limits.ts";
import { restartRole } from "../../../src/containers/restart/role.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";

const containers = ["a", "b", "c"].map((name) => sampleContainer({ name }));
const caller = createCaller();
const request = { reason: "leak", requestId: "r1", principal: caller.principal, origin: caller.origin(), waitMs: 1000 };

async function run(healthy: (name: string) => boolean, closing = new AbortController()) {
  const log: string[] = [];
  const requests: RestartRequest[] = [];
  let busy = 0;
  const steps = await restartRole(containers, {
    role: "web",
    request,
    find: async (one) => {
      log.push(`find ${one.name}`);
      return one;
    },
    restarts: {
      closing: closing.signal,
      restart: async (container, asked) => {
        expect(busy++).toBe(0);
        log.push(`restart ${container.name}`);
        requests.push(asked);
        await Promise.resolve();
        busy -= 1;
        if (container.name === "a" && !healthy("a")) throw new Error("refused");
        return { container, healthy: healthy(container.name) };
      },
    },
  });
  return { log, requests, outcomes: steps.map(({ outcome }) => outcome), steps };
}

it("restarts one after the other, each found anew, the step recorded", async () => {
  const { log, requests, outcomes } = await run(() => true);
  expect(log).toEqual(["find a", "restart a", "find b", "restart b", "find c", "restart c"]);
  expect(outcomes).toEqual(["restarted", "restarted", "restarted"]);
  expect(requests.map(({ args, free }) => [args, free])).toEqual([
    [{ role: "web", step: 1, of: 3 }, false],
    [{ role: "web", step: 2, of: 3 }, true],
    [{ role: "web", step: 3, of: 3 }, true],
  ]);
});

it("stops at the first that is not healthy, or fails", async () => {
  expect(await run((name) => name !== "b")).toMatchObject({
    outcomes: ["restarted", "unhealthy", "skipped"],
    log: ["find a", "restart a", "find b", "restart b"],
  });
  const { outcomes, steps } = await run((name) => name !== "a");
  expect(outcomes).toEqual(["failed", "skipped", "skipped"]);
  expect(steps[0]?.error).toMatchObject({ message: "refused" });
});

it("ends after the running one when the gateway stops", async () => {
  const closing = new AbortController();
  const { outcomes } = await run((name) => {
    if (name === "a") closing.abort();
    return true;
  }, closing);
  expect(outcomes).toEqual(["restarted", "skipped", "skipped"]);
});
