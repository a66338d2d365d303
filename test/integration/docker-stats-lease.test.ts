import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { toBound } from "../support/bound.ts";
import { removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startRequestLog } from "../support/docker-request-log.ts";

const target = inject("dockerSocket");
const refs: { engine: string; fullId: string }[] = [];

beforeAll(async () => {
  for (const name of ["statslease-a", "statslease-b", "statslease-c"]) {
    refs.push({ engine: "web-1", fullId: await startContainer(target, { name, cmd: ["sleep", "600"] }) });
  }
});

afterAll(() =>
  removeContainers(
    target,
    refs.map(({ fullId }) => fullId),
  ),
);

function createSource(socketPath: string, cgroupRoot?: string | null) {
  const source = createContainerSource({
    engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
    rules: rulesOf("statslease"),
    logger: silentLogger,
    statsLeaseMs: 3000,
    ...(cgroupRoot === undefined ? {} : { cgroupRoot }),
  });
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}

test("16 callers cost the engine one sampling: two samples a container", async () => {
  await using log = await startRequestLog(target);
  await using source = createSource(log.socketPath, null);
  const answers = await Promise.all(Array.from({ length: 16 }, () => source.stats(refs, createSharedBudget(soon()))));
  expect(log.count("/stats")).toBe(2 * refs.length);
  expect(answers.every((answer) => answer.every((stats, index) => stats === answers[0]?.[index]))).toBe(true);
  expect(answers[0]).toMatchObject([{ source: "engine" }, { source: "engine" }, { source: "engine" }]);
});

test("stats are under 2 s old while read; an idle gateway reads none", async () => {
  await using log = await startRequestLog(target);
  await using source = createSource(log.socketPath, null);
  await source.list(soon());
  await sleep(1000);
  expect(log.count("/stats")).toBe(0);
  await source.stats(refs, createSharedBudget(soon()));
  const ages: number[] = [];
  const end = performance.now() + 5000;
  while (performance.now() < end) {
    for (const stats of await source.stats(refs, createSharedBudget(soon()))) {
      if (stats && "sampledAt" in stats) ages.push(Date.now() - Date.parse(stats.sampledAt));
    }
    await sleep(50);
  }
  expect(Math.max(...ages)).toBeLessThan(toBound(2000));
  const background = log.count("/stats") - 2 * refs.length;
  expect(background).toBeGreaterThanOrEqual(2 * refs.length);
  expect(background).toBeLessThanOrEqual(6 * refs.length);
  // The lease ends three seconds after the last question.
  await sleep(5000);
  const ended = log.count("/stats");
  await sleep(4000);
  expect(log.count("/stats")).toBe(ended);
});

test("local cgroups need no stats call of the engine", async () => {
  await using log = await startRequestLog(target);
  await using source = createSource(log.socketPath);
  const answer = await source.stats(refs, createSharedBudget(soon()));
  await sleep(2000);
  expect(answer).toMatchObject([{ source: "cgroup" }, { source: "cgroup" }, { source: "cgroup" }]);
  expect(await source.stats(refs, createSharedBudget(soon()))).toMatchObject(answer.map(() => ({ source: "cgroup" })));
  expect(log.count("/stats")).toBe(0);
});
