import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { defaultLimits } from "../../src/http/limits.ts";
import { toContainerId } from "../../src/graphql/refs.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe, type Subscribed } from "../support/subscribe.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({
  reader: { scopes: ["ops:read"] },
  staging: { scopes: ["ops:read"], environments: ["staging"] },
  logs: { scopes: ["ops:logs"] },
  revoked: { scopes: ["ops:read"] },
  reduced: { scopes: ["ops:read"] },
  narrowed: { scopes: ["ops:read", "ops:logs"] },
  busy: { scopes: ["ops:read", "ops:logs"] },
});
type Holder = Parameters<typeof tokens.of>[0];

const web = sampleContainer({ name: "web" });
const production = sampleContainer({ name: "web-production", env: "production" });
const nowhere = sampleContainer({ name: "web-nowhere", env: null });
const redis = sampleContainer({ name: "redis", kind: "accessory", role: "redis" });
const everything = [web, production, nowhere, redis];
const memory = createMemorySources({ containers: everything });
let deploy = sampleDeployInfo;
const sources = { ...memory.sources, deploy: { ...memory.sources.deploy, read: async () => deploy } };
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  gateway = await startGateway(sources, { tokensFile: tokens.file, limits: { recheckMs: 100 } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const patient = { timeout: 20_000 };
const containers = (args = "") => `subscription { containers${args} {
  snapshot changed { id engine name status version deploy { currentTag } } removed { id engine name } engines { name ok } ended } }`;
const events = (args = "") =>
  `subscription { containerEvents${args} { events { action name env } dropped interrupted ended } }`;
const open = (holder: Holder, query: string) => subscribe(gateway.url, tokens.of(holder), query);
const changes = (subscribed: Subscribed) => subscribed.of("containers");

function event(container = web, action = "start"): ContainerEvent {
  const time = "2026-01-13T09:46:00.000000001Z";
  return { time, action, exitCode: null, signal: null, health: null, previousName: null, container };
}

test("containers: the list, then only real changes of its rows", async () => {
  const all = open("reader", containers("(includeAccessories: true)"));
  await expect.poll(() => changes(all).length, patient).toBe(1);
  expect(changes(all)[0]).toMatchObject({
    snapshot: true,
    removed: [],
    engines: [{ name: "local", ok: true }],
    ended: null,
  });
  expect(changes(all)[0].changed.map(({ name }: { name: string }) => name)).toEqual([
    "web",
    "web-nowhere",
    "web-production",
    "redis",
  ]);
  memory.setContainers(everything.map((row) => ({ ...row, observedAt: "2026-01-13T09:47:00Z" })));
  await sleep(1500);
  expect(changes(all)).toHaveLength(1);
  memory.setContainers([{ ...web, status: "exited" }, production, nowhere]);
  await expect.poll(() => changes(all).length, patient).toBe(2);
  const { engine } = redis;
  const id = toContainerId(redis);
  expect(changes(all)[1]).toMatchObject({
    snapshot: false,
    changed: [{ name: "web", status: "exited" }],
    removed: [{ id, engine, name: "redis" }],
  });
  const begin = performance.now();
  memory.setContainers(everything);
  await expect
    .poll(() => changes(all)[2]?.changed.map(({ name }: { name: string }) => name), patient)
    .toEqual(["web", "redis"]);
  expect(performance.now() - begin).toBeLessThan(800);
  await all.leave();
});

test("containers: deploys and fields are resolved again for each message", async () => {
  memory.setContainers([{ ...web, version: "latest", floating: true }]);
  const all = open("reader", containers());
  await expect
    .poll(() => changes(all)[0]?.changed, patient)
    .toMatchObject([{ version: deploy.currentTag, deploy: { currentTag: deploy.currentTag } }]);
  // No container changes.
  deploy = { ...deploy, currentTag: "deploy-20260113-next" };
  await expect
    .poll(() => changes(all)[1]?.changed, patient)
    .toMatchObject([{ version: deploy.currentTag, deploy: { currentTag: deploy.currentTag } }]);
  await all.leave();
  deploy = sampleDeployInfo;
  memory.setContainers(everything);
});

test("a token sees only its environments in the list and in the events", async () => {
  const rows = open("staging", containers());
  const seen = open("staging", events());
  const one = open("reader", events('(name: "redis", includeAccessories: true)'));
  const some = open("reader", events("(env: PRODUCTION)"));
  await expect.poll(() => memory.board.readers, patient).toBe(3);
  await expect.poll(() => changes(rows).length, patient).toBe(1);
  for (const row of everything) memory.board.onEvent(event(row));
  memory.setContainers(everything.map((row) => ({ ...row, status: "paused" })));
  await expect.poll(() => changes(rows).length, patient).toBe(2);
  for (const { changed } of changes(rows)) expect(changed).toMatchObject([{ name: "web" }]);
  const namesOf = (subscribed: Subscribed) =>
    subscribed.of("containerEvents").flatMap((batch) => batch.events.map(({ name }: { name: string }) => name));
  await expect
    .poll(() => [namesOf(seen), namesOf(one), namesOf(some)], patient)
    .toEqual([["web"], ["redis"], ["web-production"]]);
  memory.setContainers(everything);
  await Promise.all([rows, seen, one, some].map((each) => each.leave()));
  for (const query of [containers("(env: PRODUCTION)"), events("(env: PRODUCTION)")]) {
    const refused = open("staging", query);
    await refused.done;
    expect(refused.messages).toMatchObject([{ errors: [{ extensions: { code: "forbidden" } }] }]);
    const blind = open("logs", query);
    await blind.done;
    expect(blind.messages).toMatchObject([{ errors: [{ extensions: { code: "forbidden" } }] }]);
  }
});

test("a client that leaves is removed, before and after its first message", async () => {
  const all = [open("reader", containers()), open("reader", events()), open("reader", events())];
  await expect.poll(() => [memory.changes.watchers, memory.board.readers], patient).toEqual([1, 2]);
  await Promise.all(all.map((each) => each.leave()));
  await expect.poll(() => [memory.changes.watchers, memory.board.readers], patient).toEqual([0, 0]);
  const signal = AbortSignal.abort("client_gone");
  for await (const batch of memory.board.read(() => true, signal)) expect(batch.ended).toBe("client_gone");
  const abort = new AbortController();
  const reading = [memory.board.read(() => true, abort.signal), memory.changes.watch(abort.signal)] as const;
  memory.board.onGap("local");
  await Promise.all([reading[0].next(), reading[1].next()]);
  await Promise.all([reading[0].return(), reading[1].return()]);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  expect([memory.changes.watchers, memory.board.readers]).toEqual([0, 0]);
  const unread = [memory.board.read(() => true, abort.signal), memory.changes.watch(abort.signal)];
  expect([memory.changes.watchers, memory.board.readers]).toEqual([1, 1]);
  abort.abort("client_gone");
  expect([memory.changes.watchers, memory.board.readers]).toEqual([0, 0]);
  expect(getEventListeners(abort.signal, "abort")).toEqual([]);
  await Promise.all(unread.map((each) => each.return(undefined)));
});

test("a token has five streams of any kind; the sixth is refused", async () => {
  const logs = 'subscription { containerLogs(name: "web") { ended } }';
  const five = [containers(), containers(), events(), events(), logs].map((query) => open("busy", query));
  await expect
    .poll(
      () => memory.changes.watchers + memory.board.readers + five.flatMap((each) => each.of("containerLogs")).length,
      patient,
    )
    .toBe(5);
  for (const query of [containers(), events(), logs]) {
    const sixth = open("busy", query);
    await sixth.done;
    expect(sixth.messages).toMatchObject([{ errors: [{ extensions: { code: "rate_limited", retryAfter: 5 } }] }]);
  }
  await Promise.all(five.map((each) => each.leave()));
});

test.each([
  ["revoked", "unauthorized", () => tokens.revoke("revoked")],
  ["reduced", "forbidden", () => tokens.change("reduced", { environments: ["staging"] })],
  ["narrowed", "forbidden", () => tokens.change("narrowed", { scopes: ["ops:read"] })],
] as const)("a token that is %s meanwhile ends its streams: %s", async (holder, reason, act) => {
  const both = [open(holder, containers()), open(holder, events())] as const;
  await expect.poll(() => [memory.changes.watchers, memory.board.readers], patient).toEqual([1, 1]);
  await expect.poll(() => both[0].messages.length, patient).toBe(1);
  act();
  await Promise.all(both.map((each) => each.done));
  expect(both[0].of("containers").at(-1)?.ended).toBe(reason);
  expect(both[1].of("containerEvents").at(-1)?.ended).toBe(reason);
});

test("an engine that is lost and comes back is reported", async () => {
  const [all, some] = [open("reader", containers()), open("reader", events())];
  await expect.poll(() => changes(all).length, patient).toBe(1);
  await expect.poll(() => memory.board.readers, patient).toBe(1);
  memory.board.onGap("local");
  await expect.poll(() => some.of("containerEvents"), patient).toMatchObject([{ events: [], interrupted: ["local"] }]);
  await Promise.all([all.leave(), some.leave()]);
});

test("at shutdown each subscription gets the reason and ends at once", async () => {
  const other = await startGateway(sources, { tokensFile: tokens.file });
  const both = [containers(), events()].map((query) => subscribe(other.url, tokens.of("reader"), query));
  await expect.poll(() => [memory.changes.watchers, memory.board.readers], patient).toEqual([1, 1]);
  await expect.poll(() => both[0]?.messages.length, patient).toBe(1);
  const begin = performance.now();
  await other[Symbol.asyncDispose]();
  await Promise.all(both.map((each) => each.done));
  // Long before they would be cut off.
  expect(performance.now() - begin).toBeLessThan(defaultLimits.drainMs / 2);
  expect(both[0]?.of("containers").at(-1)?.ended).toBe("shutdown");
  expect(both[1]?.of("containerEvents").at(-1)?.ended).toBe("shutdown");
  expect([memory.changes.watchers, memory.board.readers]).toEqual([0, 0]);
});
