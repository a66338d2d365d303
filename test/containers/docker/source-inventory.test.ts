import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { type ContainerSourceOptions, createContainerSource } from "../../../src/containers/docker/source.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { createSharedBudget } from "../../../src/lib/budget/budget.ts";
import { soon } from "../../support/docker-containers.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import { type FakeEngine, fullId, hang, inspected, json, listed, startFakeEngine } from "../../support/docker-fake.ts";
import { until } from "../../support/until.ts";

// Loading it takes longer than the short deadlines here.
beforeAll(() => import("dockerode"));

const [a, b] = [fullId("a"), fullId("b")];

function watch(engine: FakeEngine, options: Partial<ContainerSourceOptions> = {}) {
  const timeouts = { listTimeoutMs: 10_000, inspectTimeoutMs: 10_000 };
  const settings = {
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    ...timeouts,
    ...options,
  };
  const source = createContainerSource(settings);
  const rows = async () => (await source.list(soon())).containers;
  return { ...source, rows, [Symbol.asyncDispose]: () => source.close() };
}

async function startEngine(...names: readonly (readonly [id: string, name: string])[]) {
  const engine = await startFakeEngine();
  engine.on("/containers/json", json(names.map(([id, name]) => listed(id, name))));
  for (const [id, name] of names) engine.on(`${id}/json`, json(inspected(id, name)));
  return engine;
}

const inspections = (engine: FakeEngine, id: string) =>
  engine.calls.filter((call) => call.includes(`${id}/json`)).length;

test("an event changes one row, and leaves the others the same objects", async () => {
  await using engine = await startEngine([a, "web-a"], [b, "web-b"]);
  await using source = watch(engine);
  const [before, other] = await source.rows();
  engine.on(`${a}/json`, json(inspected(a, "web-a2")));
  engine.emit("rename", a);
  await until(async () => (await source.rows())[0]?.name === "web-a2");
  const [after, same] = await source.rows();
  expect(after).not.toBe(before);
  expect(same).toEqual(other);
  expect(inspections(engine, b)).toBe(1);
  engine.emit("destroy", a);
  await until(async () => (await source.rows()).length === 1);
});

test("what happens between the subscription and the list is not lost", async () => {
  await using engine = await startEngine([a, "web-a"]);
  let destroyed = false;
  // The engine made this list before the container went, and answers after that.
  engine.on("/containers/json", (request, response) => {
    if (!destroyed) engine.emit("destroy", b);
    destroyed = true;
    setTimeout(() => json([listed(a, "web-a"), listed(b, "web-b")])(request, response), 100);
  });
  // Nothing but the order of the questions tells.
  engine.on(`${b}/json`, hang);
  await using source = watch(engine, { inspectTimeoutMs: 400 });
  expect((await source.rows()).map(({ name }) => name)).toEqual(["web-a"]);
});

test("a flood of events costs few inspections, and one after the last die", async () => {
  await using engine = await startEngine([a, "web-a"]);
  await using source = watch(engine);
  await source.rows();
  const asked: number[] = [];
  engine.on(`${a}/json`, (request, response) => {
    asked.push(performance.now());
    json(inspected(a, "web-a"))(request, response);
  });
  const begin = performance.now();
  for (let round = 0; round < 50; round++) {
    for (let each = 0; each < 200; each++) engine.emit(each % 2 ? "start" : "die", a);
    await sleep(10);
  }
  const end = performance.now();
  await until(async () => (asked.at(-1) ?? 0) > end + 900);
  const during = asked.filter((at) => at < end + 900).length;
  expect(during).toBeGreaterThan(1);
  // One in a tenth of a second, however long the flood took.
  expect(during).toBeLessThan((end - begin) / 100 + 10);
});

test("a lost engine is stale for a while, then gone, and whole when back", async () => {
  await using engine = await startEngine([a, "web-a"]);
  await using source = watch(engine, { staleMs: 4000 });
  const [row] = await source.rows();
  expect(row).toMatchObject({ stale: false, observedAt: expect.stringMatching(/^\d{4}-.*Z$/) });
  engine.on("/", json({ message: "out" }, 503));
  engine.cut();
  await until(async () => (await source.list(soon())).engines[0]?.ok === false);
  const { containers, engines } = await source.list(soon());
  expect(containers).toMatchObject([{ name: "web-a", stale: true }]);
  expect(engines).toMatchObject([{ ok: false, contactAt: expect.any(Number), error: { code: "docker_unavailable" } }]);
  await expect(source.inspectNow(row as Container, createSharedBudget(soon()))).rejects.toMatchObject({
    code: "docker_unavailable",
  });
  await until(async () => (await source.rows()).length === 0);
  expect(await source.list(soon())).toMatchObject({
    containers: [],
    engines: [{ error: { code: "docker_unavailable" } }],
  });
  engine.on("/", (request, response) => {
    if (request.url === "/_ping") response.writeHead(200, { "api-version": "1.45" }).end();
    else if (request.url?.includes("/events")) response.writeHead(200).flushHeaders();
    else if (request.url?.includes(a)) json(inspected(a, "web-a"))(request, response);
    else json([listed(a, "web-a")])(request, response);
  });
  await until(async () => (await source.rows())[0]?.stale === false);
});

test("an engine has the environments of its last list, null before the first", async () => {
  await using engine = await startFakeEngine();
  const labels = { service: "wallet-core", role: "web", destination: "staging" };
  const other = { ...labels, service: "shop", destination: "production" };
  const all = { [a]: labels, [b]: other };
  engine.on("/containers/json", json({ message: "out" }, 503));
  for (const [id, Labels] of Object.entries(all))
    engine.on(`/containers/${id}/json`, json(inspected(id, `x-${id[0]}`, { Labels })));
  await using source = watch(engine, { engines: [{ ...engine.options, env: "production" }], staleMs: 0 });
  const status = async () => (await source.list(soon())).engines[0];
  expect(await status()).toMatchObject({ env: "production", runs: null, ok: false });
  engine.on("/containers/json", json(Object.entries(all).map(([id, Labels]) => listed(id, `x-${id[0]}`, { Labels }))));
  await until(async () => (await status())?.ok === true);
  // The other is of another product: no limited token sees it.
  expect(await status()).toMatchObject({ env: "production", runs: new Set(["staging"]) });
  engine.on("/", json({ message: "out" }, 503));
  engine.cut();
  await until(async () => (await status())?.ok === false);
  expect(await source.list(soon())).toMatchObject({ containers: [], engines: [{ runs: new Set(["staging"]) }] });
});

test("a list finds what no event reported", async () => {
  await using engine = await startEngine([a, "web-a"]);
  await using source = watch(engine, { resyncMs: 200 });
  await source.rows();
  engine.on(
    "/containers/json",
    json([listed(a, "web-a", { State: "exited", Status: "Exited (1) 2 hours ago" }), listed(b, "web-b")]),
  );
  engine.on(`${b}/json`, json(inspected(b, "web-b")));
  const exited = inspected(a, "web-a") as { State: object };
  engine.on(`${a}/json`, json({ ...exited, State: { Status: "exited", StartedAt: "2026-01-13T09:40:10Z" } }));
  await until(async () => inspections(engine, b) === 1);
  expect(await source.listRetired(soon())).toMatchObject([{ fullId: a, status: "exited" }]);
});

test("an idle engine gets lists alone, and no inspection of unchanged rows", async () => {
  await using engine = await startEngine([a, "web-a"], [b, "web-b"]);
  await using source = watch(engine, { resyncMs: 150 });
  await source.rows();
  const before = engine.requests.length;
  const begin = performance.now();
  await until(async () => engine.requests.length >= before + 5);
  const idle = engine.requests.slice(before);
  expect(new Set(idle)).toEqual(new Set(["GET /v1.45/containers/json?all=1"]));
  expect(idle.length).toBeLessThan((performance.now() - begin) / 150 + 2);
});

test("an action asks its engine, and waits for no other", async () => {
  await using engine = await startEngine([a, "web-a"]);
  await using source = watch(engine);
  const [row] = await source.rows();
  engine.on(`${a}/json`, json(inspected(a, "web-moved")));
  expect(await source.inspectNow(row as Container, createSharedBudget(soon()))).toMatchObject({
    container: { name: "web-moved" },
  });
  // Also the memory has learned.
  expect(await source.rows()).toMatchObject([{ name: "web-moved" }]);
  engine.on(`${a}/json`, hang);
  await expect(source.inspectNow(row as Container, createSharedBudget(soon()))).rejects.toMatchObject({
    code: "docker_timeout",
  });
  engine.on(`${a}/json`, json({ message: "No such container" }, 404));
  await expect(source.inspectNow(row as Container, createSharedBudget(soon()))).rejects.toMatchObject({
    code: "container_not_found",
  });
  expect(await source.rows()).toEqual([]);
});

test("a lost engine was seen to have what it removed and renamed before", async () => {
  await using engine = await startEngine([a, "web-a"], [b, "web-b"]);
  await using source = watch(engine);
  await source.rows();
  engine.emit("destroy", b, { name: "web-b" });
  engine.emit("rename", a, { name: "web-new", oldName: "/web-a" });
  engine.emit("create", fullId("c"), { name: "web-c", service: "wallet-core" });
  const names = () => source.everSeen(engine.options.name)?.map(({ name }) => name);
  await until(async () => (await source.rows()).length === 1);
  engine.on("/", json({ message: "out" }, 503));
  engine.cut();
  await until(async () => (await source.list(soon())).engines[0]?.ok === false);
  expect(new Set(names())).toEqual(new Set(["web-a", "web-b", "web-new", "web-c"]));
});

test("a new container is heard of until it was inspected, or is gone", async () => {
  await using engine = await startEngine([a, "web-a"]);
  await using source = watch(engine);
  await source.rows();
  const heard = () => source.heard().map(({ name, role, isInspected }) => [name, role, isInspected]);
  expect(heard()).toEqual([]);
  const release = Promise.withResolvers<void>();
  engine.on(`${b}/json`, (...call) => void release.promise.then(() => json(inspected(b, "web-b"))(...call)));
  engine.emit("create", b, { name: "web-b", service: "wallet-core", role: "web" });
  engine.emit("create", fullId("c"), { name: "web-c", service: "wallet-core", role: "web" });
  await until(() => heard().length > 0);
  await until(() => heard().length === 1);
  expect(heard()).toEqual([["web-b", "web", false]]);
  expect((await source.rows()).map(({ name }) => name)).toEqual(["web-a"]);
  release.resolve();
  await until(async () => (await source.rows()).length === 2);
  expect(heard()).toEqual([]);
});

test("a name is asked of the engine itself, and is known from then on", async () => {
  await using engine = await startEngine([a, "web-a"]);
  await using source = watch(engine);
  await source.rows();
  const budget = createSharedBudget(soon());
  const find = async (name: string) => (await source.findByName(name, engine.options.name, budget)).map(({ id }) => id);
  // No event has come of the new one, nor of its name.
  engine.on("/containers/json", json([listed(a, "web-a"), listed(b, "web-b.1")]));
  engine.on(`${b}/json`, json(inspected(b, "web-b.1")));
  expect(await find("web-b.1")).toEqual([b.slice(0, 12)]);
  const filters = engine.calls.map((call) =>
    new URL(call.replace("GET ", ""), "http://engine").searchParams.get("filters"),
  );
  expect(filters).toContain(String.raw`{"name":["^/?web-b\\.1$"]}`);
  expect((await source.rows()).map(({ name }) => name)).toEqual(["web-a", "web-b.1"]);
  expect(await find("web-c")).toEqual([]);
  engine.on("/containers/json", json([listed(a, "web-c")]));
  engine.on(`${a}/json`, json(inspected(a, "web-c")));
  expect(await find("web-c")).toEqual([a.slice(0, 12)]);
  expect(await source.findByName("web-c", "unknown", budget)).toEqual([]);
});

test("an engine that never listed may have had any container", async () => {
  await using engine = await startEngine([a, "web-a"]);
  engine.on("/containers/json", json({ message: "out" }, 503));
  await using source = watch(engine);
  await source.rows();
  expect(source.everSeen(engine.options.name)).toBeNull();
  expect(source.everSeen("unknown")).toBeNull();
});
