import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { removeContainers, soon, startContainer, stopContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("followstart"),
  logger: silentLogger,
});
const ids: string[] = [];

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, ids);
});

/**
 * Well below the 2 s and 5 s that looking again takes by itself, and below the half second that the
 * lines of a role wait for each other.
 */
const promptMs = 400;

test("the first line after a start arrives at once", async () => {
  const fullId = await startContainer(socketPath, {
    name: "followstart-web",
    labels: { service: "followstart", role: "web" },
    cmd: ["sh", "-c", "trap 'exit 0' TERM; echo hello; while :; do sleep 0.05; done"],
  });
  ids.push(fullId);
  // An event of the second in which an engine is first watched may come again: the first start is
  // none of ours.
  const from = Date.now();
  const abort = new AbortController();
  const starts: number[] = [];
  const hellos: number[] = [];
  const events = source.events(
    ({ action, container }) => action === "start" && container.fullId === fullId,
    abort.signal,
  );
  await source.list(soon());
  const readingEvents = (async () => {
    for await (const { events: found } of events)
      starts.push(...found.map(({ time }) => Date.parse(time)).filter((time) => time >= from));
  })();
  const lines = await source.follow({ engine: "web-1", fullId }, { tail: 0 }, abort.signal);
  const readingLines = (async () => {
    for await (const batch of lines) hellos.push(...batch.lines.map(() => Date.now()));
  })();
  for (const stoppedMs of [0, 300, 900, 2000, 3500]) {
    const before = hellos.length;
    await stopContainer(socketPath, fullId);
    await sleep(stoppedMs);
    await callDocker(socketPath, "POST", `/containers/${fullId}/start`);
    await until(async () => hellos.length > before && starts.length > before, 8000);
  }
  abort.abort();
  await Promise.all([readingEvents, readingLines]);
  const delays = hellos.map((at, index) => at - (starts[index] ?? Number.NaN));
  expect(delays).toHaveLength(5);
  expect(Math.max(...delays)).toBeLessThan(promptMs);
}, 60_000);
