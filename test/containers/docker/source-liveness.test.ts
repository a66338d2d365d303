import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { createContainerSource } from "../../../src/containers/docker/source.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { soon } from "../../support/docker-containers.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import {
  type FakeEngine,
  fullId,
  hang,
  inspected,
  json,
  listed,
  ping,
  startFakeEngine,
} from "../../support/docker-fake.ts";
import { until } from "../../support/until.ts";

beforeAll(() => import("dockerode"));

const id = fullId("a");

async function start() {
  const engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(id, "web")]));
  engine.on(`${id}/json`, json(inspected(id, "web")));
  return engine;
}

function watch(engine: FakeEngine) {
  const timeouts = { listTimeoutMs: 2000, inspectTimeoutMs: 2000 };
  const source = createContainerSource({
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    ...timeouts,
  });
  const status = async () => (await source.list(soon())).engines[0];
  return { ...source, status, [Symbol.asyncDispose]: () => source.close() };
}

test("an engine gets one ping a second while asked, and no other pings", async () => {
  await using engine = await start();
  await using source = watch(engine);
  await source.status();
  const before = engine.requests.length;
  const begin = performance.now();
  const asked = () => engine.requests.slice(before);
  /** A slow machine is late with everything. */
  let slowest = 0;
  while (asked().length < 2) {
    const round = performance.now();
    const { contactAt } = (await source.status()) ?? {};
    const age = Date.now() - (contactAt ?? 0);
    await sleep(5);
    slowest = Math.max(slowest, performance.now() - round);
    expect(age).toBeLessThan(2000 + slowest * 2);
  }
  expect(new Set(asked())).toEqual(new Set(["GET /_ping"]));
  expect(asked().length).toBeLessThan((performance.now() - begin) / 1000 + 2);
  const idle = engine.requests.length;
  await sleep(1500);
  expect(engine.requests.length).toBe(idle);
});

test("an engine that hangs is noticed within a ping while somebody asks", async () => {
  await using engine = await start();
  await using source = watch(engine);
  await source.status();
  engine.on("/_ping", hang);
  // One second of silence, and the deadline of 2 s.
  await until(async () => (await source.status())?.ok === false);
  expect(await source.list(soon())).toMatchObject({
    containers: [{ name: "web", stale: true }],
    engines: [{ ok: false, error: { code: "docker_timeout" } }],
  });
});

test.each([
  ["hangs is reported stale", hang, { ok: false, error: { code: "docker_timeout" } }],
  ["is well comes at once", ping("1.47"), { ok: true, error: null }],
])("the first answer after a silence is current: an engine that %s", async (_, answer, expected) => {
  await using engine = await start();
  await using source = watch(engine);
  await source.status();
  engine.on("/_ping", answer);
  await sleep(3100);
  expect(source.listCached()).toBeNull();
  expect(await Promise.all([source.status(), source.status()])).toMatchObject([expected, expected]);
  expect(source.listCached()).not.toBeNull();
});
