import { OpsError } from "../../../src/lib/errors.ts";
import { beforeAll, expect, test } from "vitest";
import { readSelf } from "../../../src/containers/docker/restart.ts";
import { type ContainerSourceOptions, createContainerSource } from "../../../src/containers/docker/source.ts";
import { createSharedBudget } from "../../../src/lib/budget/budget.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { toLogTimestamp } from "../../../src/lib/time.ts";
import { sampleEngine } from "../../support/containers.ts";
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

// Loading it takes longer than the short deadlines here.
beforeAll(() => import("dockerode"));

const [a, b, c] = [fullId("a"), fullId("b"), fullId("c")];

const createSource = (...engines: FakeEngine[]) => createSourceWith({}, ...engines);

function createSourceWith(more: Partial<ContainerSourceOptions>, ...engines: FakeEngine[]) {
  const timeouts = {
    listTimeoutMs: 2000,
    inspectTimeoutMs: 2000,
    statsTimeoutMs: 2000,
    statsWindowMs: 10,
    logsTimeoutMs: 2000,
    restartGraceMs: 0,
    ...more,
  };
  const settings = {
    engines: engines.map(({ options }) => options),
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    ...timeouts,
  };
  const source = createContainerSource(settings);
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}

test("a source calls an engine at the first call, then answers from memory", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  await using source = createSource(engine);
  expect(engine.requests).toEqual([]);
  const listings = await Promise.all(Array.from({ length: 10 }, () => source.list(soon())));
  expect(engine.calls).toEqual(["GET /_ping", "GET /v1.45/containers/json?all=1", `GET /v1.45/containers/${a}/json`]);
  // Subscribed before the list, so that nothing is missed between them.
  expect(engine.requests[1]).toMatch(/^GET \/v1\.45\/events\?filters=/);
  expect(new Set(listings.map(({ containers }) => containers[0]?.name))).toEqual(new Set(["web-a"]));
  const again = await source.list(soon());
  expect(engine.requests).toHaveLength(4);
  // The very same rows: what is made of them can be reused.
  expect(again.containers).toBe(listings[0]?.containers);
});

test("the requests to an engine are exactly these", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a", { StopTimeout: 900 })));
  engine.on(`${a}/stats`, json({ read: "2026-01-13T09:40:00Z", cpu_stats: { cpu_usage: { total_usage: 1 } } }));
  engine.on(`${a}/logs`, (_, response) => response.end());
  engine.on(`${a}/restart`, (_, response) => response.writeHead(204).end());
  await using source = createSource(engine);
  const ref = { engine: "fake", fullId: a };
  await source.list(soon());
  await source.stats([ref], createSharedBudget(soon()));
  await source.logs(
    ref,
    { tail: 10, since: toLogTimestamp("5"), until: toLogTimestamp("9"), stream: "stderr" },
    createSharedBudget(soon()),
  );
  await source.restart(ref, (await source.markRestart(ref)).mark.stopSeconds);
  expect(engine.calls).toEqual([
    "GET /_ping",
    "GET /v1.45/containers/json?all=1",
    `GET /v1.45/containers/${a}/json`,
    // The second sample with the start that both belong to, or they do not meet.
    `GET /v1.45/containers/${a}/stats?stream=false&one-shot=true`,
    `GET /v1.45/containers/${a}/stats?stream=false&one-shot=true`,
    `GET /v1.45/containers/${a}/json`,
    `GET /v1.45/containers/${a}/json`,
    `GET /v1.45/containers/${a}/logs?stdout=1&stderr=1&timestamps=1&tail=42&since=5.000000000`,
    `GET /v1.45/containers/${a}/json`,
    // The container asks for 900 s: 60 at most.
    // Its id and its clock; what only has the time is asked where it does not say them.
    "GET /v1.45/info",
    "GET /_ping",
    `POST /v1.45/containers/${a}/restart?t=60`,
    `GET /v1.45/containers/${a}/json`,
  ]);
});

test("who gives up on statistics leaves others theirs", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  const sample = json({ read: "2026-01-13T09:40:00Z", cpu_stats: { cpu_usage: { total_usage: 1 } } });
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  engine.on(`${a}/stats`, (request, response) => {
    asked.resolve();
    void answer.promise.then(() => sample(request, response));
  });
  await using source = createSource(engine);
  const ref = { engine: "fake", fullId: a };
  await source.list(soon());
  const waiting = source.stats([ref], createSharedBudget(soon()));
  const caller = new AbortController();
  const leaving = source.stats([ref], createSharedBudget(caller.signal));
  await asked.promise;
  caller.abort(new DOMException("The caller's time is up", "TimeoutError"));
  expect(await leaving).toMatchObject([{ code: "docker_timeout" }]);
  answer.resolve();
  expect(await waiting).toMatchObject([{ memPct: null }]);
  const before = engine.requests.length;
  const gone = AbortSignal.abort(new OpsError("query_timeout", "late"));
  expect(await source.stats([{ engine: "fake", fullId: b }], createSharedBudget(gone))).toMatchObject([
    { code: "query_timeout" },
  ]);
  expect(engine.requests).toHaveLength(before);
});

test("only a full id ever reaches an engine", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  await using source = createSource(engine);
  await source.list(soon());
  const before = engine.requests.length;
  for (const bad of ["web-a", a.slice(0, 12), `${a}/../${b}`, a.toUpperCase(), ""]) {
    const ref = { engine: "fake", fullId: bad };
    await expect(source.inspectNow(ref, createSharedBudget(soon()))).rejects.toMatchObject({ upstream: "docker:fake" });
  }
  expect(await source.stats([{ engine: "other", fullId: a }], createSharedBudget(soon()))).toMatchObject([
    { code: "container_not_found" },
  ]);
  expect(engine.requests).toHaveLength(before);
});

test("a container that hangs is shown from the list, others are inspected", async () => {
  await using engine = await startFakeEngine();
  engine.on(
    "/containers/json",
    json([listed(a, "w-a", { Image: "sha256:x", Status: "Up 2 hours (healthy)" }), listed(b, "w-b"), listed(c, "w-c")]),
  );
  engine.on(`${a}/json`, json(inspected(a, "w-a", { Env: ["KAMAL_VERSION=v7", "SECRET=x"] })));
  engine.on(`${b}/json`, json(inspected(b, "w-b")));
  await using source = createSource(engine);
  expect((await source.list(soon())).containers.map(({ name }) => name)).toEqual(["w-a", "w-b"]);
  engine.on(`${a}/json`, hang);
  engine.on(
    "/containers/json",
    json([listed(a, "w-a", { Image: "sha256:x", Status: "Up 2 hours (healthy)" }), listed(b, "w-b")]),
  );
  for (const id of [a, b]) engine.emit("start", id);
  await until(async () => (await source.list(soon())).containers[0]?.startedAt === null);
  expect((await source.list(soon())).containers).toMatchObject([
    {
      name: "w-a",
      version: "v7",
      host: "h-0123456789ab",
      image: "x:1",
      health: "healthy",
      status: "running",
      restarts: 2,
      startedAt: null,
    },
    { name: "w-b", restarts: 2 },
  ]);
});

test("an engine where every inspection hangs is answered from its list", async () => {
  await using engine = await startFakeEngine();
  const ids = Array.from({ length: 60 }, (_, index) => index.toString(16).padStart(2, "0").repeat(32));
  const list = json(ids.map((id, index) => listed(id, `w-${index}`)));
  engine.on("/json", (request, response) => request.url?.includes("/containers/json") && list(request, response));
  const inspectTimeoutMs = 15_000;
  await using source = createSourceWith({ inspectTimeoutMs }, engine);
  const start = performance.now();
  const { containers, engines } = await source.list(soon());
  expect(performance.now() - start).toBeLessThan(inspectTimeoutMs / 2);
  expect(engines).toMatchObject([{ ok: true }]);
  expect(containers.map(({ restarts }) => restarts)).toEqual(ids.map(() => null));
});

test("one engine's failure hides nothing of the other", async () => {
  await using up = await startFakeEngine("up");
  await using down = await startFakeEngine("down");
  up.on("/containers/json", json([listed(a, "web-a")]));
  up.on(`${a}/json`, json(inspected(a, "web-a")));
  down.on("/_ping", hang);
  await using source = createSource(down, up);
  const { containers, engines } = await source.list(soon());
  expect(containers.map(({ name }) => name)).toEqual(["web-a"]);
  expect(engines).toEqual([
    {
      name: "down",
      env: null,
      runs: null,
      isInspected: true,
      ok: false,
      lostAt: null,
      contactAt: null,
      listedAt: null,
      error: { code: "docker_timeout", message: "Docker engine down: no answer within 2 s" },
      clockSkew: null,
      clockOffset: null,
    },
    sampleEngine({
      name: "up",
      runs: new Set(),
      isInspected: true,
      contactAt: expect.any(Number),
      listedAt: expect.any(String),
      clockSkew: expect.any(Number),
      clockOffset: { least: expect.any(Number), most: expect.any(Number) },
    }),
  ]);
});

test("a replaced engine is asked for its version again", async () => {
  await using engine = await startFakeEngine();
  engine.on("/_ping", ping("1.42"));
  engine.on("/containers/json", json([]));
  await using source = createSource(engine);
  const status = async () => (await source.list(soon())).engines[0];
  expect(await status()).toMatchObject({ ok: true });
  const refusal = json({ message: "client version 1.42 is too old. Minimum supported API version is 1.44" }, 400);
  engine.on("/v1.42/", refusal);
  engine.on("/_ping", ping("1.51"));
  engine.cut();
  await until(async () => (await status())?.ok === true && engine.calls.at(-1) === "GET /v1.45/containers/json?all=1");
  expect(engine.calls.filter((request) => !request.includes("_ping")).map((request) => request.split("/")[1])).toEqual([
    "v1.42",
    "v1.45",
  ]);
});

test("a closed source waits for its restarts", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  engine.on("/restart", (_, response) => void setTimeout(() => response.writeHead(204).end(), 100));
  const source = createSource(engine);
  let done = false;
  const restart = source.restart({ engine: "fake", fullId: a }, 10).finally(() => (done = true));
  await source.close();
  expect(done).toBe(true);
  await restart;
});

test("a container is protected by its label of the value `true` alone", async () => {
  await using engine = await startFakeEngine();
  const name = "wallet-core-ops.protected";
  engine.on("/containers/json", json([listed(a, "web-a"), listed(b, "web-b"), listed(c, "web-c")]));
  engine.on(
    `${a}/json`,
    json(inspected(a, "web-a", { Labels: { service: "wallet-core", role: "web", [name]: "true" } })),
  );
  engine.on(
    `${b}/json`,
    json(inspected(b, "web-b", { Labels: { service: "wallet-core", role: "web", [name]: "false" } })),
  );
  engine.on(`${c}/json`, json(inspected(c, "web-c")));
  await using source = createSource(engine);
  const reasons = await Promise.all(
    [a, b, c].map(async (id) => (await source.inspectNow({ engine: "fake", fullId: id })).protectedBy),
  );
  // In a container that cannot find out its own id every container is protected.
  const self = (await readSelf())(a);
  expect(reasons).toEqual([self ?? `label ${name}`, self, self]);
});

test.each([
  ["listTimeoutMs", "/containers/json", 0.11],
  ["inspectTimeoutMs", `${a}/json`, 0.12],
  ["statsTimeoutMs", "/stats", 0.13],
  ["logsTimeoutMs", "/logs", 0.14],
] as const)("%s is the time that %s may take", async (setting, path, seconds) => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([]));
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  engine.on(path, hang);
  await using source = createSourceWith({ [setting]: seconds * 1000, cgroupRoot: null }, engine);
  const ref = { engine: "fake", fullId: a };
  const asks = {
    listTimeoutMs: async () => (await source.list(soon())).engines[0]?.error?.message,
    inspectTimeoutMs: () => source.inspectNow(ref, createSharedBudget(soon())),
    statsTimeoutMs: async () => ((await source.stats([ref], createSharedBudget(soon())))[0] as Error).message,
    logsTimeoutMs: () => source.logs(ref, { tail: 1 }, createSharedBudget(soon())),
  };
  const shown = await asks[setting]().catch((error: unknown) => (error as Error).message);
  // A part of the time of a log goes by for its inspection.
  expect(shown).toMatch(
    new RegExp(
      `^Docker engine fake: no answer within 0\\.${setting === "logsTimeoutMs" ? "[01]" : String(seconds).slice(2)}\\d* s$`,
    ),
  );
});
