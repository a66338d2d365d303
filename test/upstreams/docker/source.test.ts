import { beforeAll, expect, test } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { createContainerSource } from "../../../src/upstreams/docker/source.ts";
import { soon } from "../../support/docker-containers.ts";
import { type FakeEngine, fullId, hang, inspected, json, listed, ping, startFakeEngine } from "../../support/docker-fake.ts";

// Loading it takes longer than the short deadlines here.
beforeAll(() => import("dockerode"));

const [a, b, c] = [fullId("a"), fullId("b"), fullId("c")];

function createSource(...engines: FakeEngine[]) {
  const timeouts = {
    listTimeoutMs: 500,
    inspectTimeoutMs: 500,
    statsTimeoutMs: 500,
    statsWindowMs: 10,
    logsTimeoutMs: 500,
    restartGraceMs: 0,
  };
  return createContainerSource({
    engines: engines.map(({ options }) => options),
    service: "wallet-core",
    logger: silentLogger,
    ...timeouts,
  });
}

test("asks for nothing until it is asked, and for one list however many want it", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  const source = createSource(engine);
  expect(engine.requests).toEqual([]);
  const listings = await Promise.all(Array.from({ length: 10 }, () => source.list(soon())));
  expect(engine.requests).toEqual(["GET /_ping", "GET /v1.45/containers/json?all=1"]);
  expect(new Set(listings.map(({ containers }) => containers[0]?.name))).toEqual(new Set(["web-a"]));
  await source.list(soon());
  expect(engine.requests).toHaveLength(3);
});

test("sends exactly these requests", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a", { StopTimeout: 900 })));
  engine.on(`${a}/stats`, json({ read: "2026-01-13T09:40:00Z", cpu_stats: { cpu_usage: { total_usage: 1 } } }));
  engine.on(`${a}/logs`, (_, response) => response.end());
  engine.on(`${a}/restart`, (_, response) => response.writeHead(204).end());
  const source = createSource(engine);
  const ref = { engine: "fake", fullId: a };
  await source.inspect([ref], soon());
  await source.stats([ref], soon());
  await source.logs(ref, { tail: 10, since: "5.000000000", until: "9.000000000", stream: "stderr" }, soon());
  await source.restart(ref);
  expect(engine.requests).toEqual([
    "GET /_ping",
    "GET /v1.45/containers/json?all=1",
    `GET /v1.45/containers/${a}/json`,
    `GET /v1.45/containers/${a}/stats?stream=false&one-shot=true`,
    `GET /v1.45/containers/${a}/stats?stream=false&one-shot=true`,
    `GET /v1.45/containers/${a}/json`,
    `GET /v1.45/containers/${a}/logs?stdout=1&stderr=1&timestamps=1&tail=42&since=5.000000000`,
    `GET /v1.45/containers/${a}/json`,
    // The container asks for 900 s: 60 at most.
    `POST /v1.45/containers/${a}/restart?t=60`,
    `GET /v1.45/containers/${a}/json`,
  ]);
});

test("only a full id ever reaches an engine", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  const source = createSource(engine);
  await source.list(soon());
  const before = engine.requests.length;
  for (const bad of ["web-a", a.slice(0, 12), `${a}/../${b}`, a.toUpperCase(), ""]) {
    expect((await source.inspect([{ engine: "fake", fullId: bad }], soon()))[0]).toBeInstanceOf(Error);
  }
  expect(await source.stats([{ engine: "other", fullId: a }], soon())).toMatchObject([{ code: "container_not_found" }]);
  expect(engine.requests).toHaveLength(before);
});

test("a container that hangs is answered from the list and from what is known of it; the others as ever", async () => {
  await using engine = await startFakeEngine();
  engine.on(
    "/containers/json",
    json([listed(a, "w-a", { Image: "sha256:x", Status: "Up 2 hours (healthy)" }), listed(b, "w-b"), listed(c, "w-c")]),
  );
  engine.on(`${a}/json`, json(inspected(a, "w-a", { Env: ["KAMAL_VERSION=v7", "SECRET=x"] })));
  engine.on(`${b}/json`, json(inspected(b, "w-b")));
  const source = createSource(engine);
  const refs = [a, b, c].map((id) => ({ engine: "fake", fullId: id }));
  await source.inspect(refs, soon());
  engine.on(`${a}/json`, hang);
  expect(await source.inspect(refs, soon())).toMatchObject([
    {
      name: "w-a",
      version: "v7",
      host: "h-0123456789ab",
      image: "x:1",
      health: "healthy",
      status: "running",
      restarts: null,
      startedAt: null,
    },
    { name: "w-b", restarts: 2 },
    null,
  ]);
});

test("an engine where every inspection hangs ends after two deadlines", async () => {
  await using engine = await startFakeEngine();
  const ids = Array.from({ length: 60 }, (_, index) => index.toString(16).padStart(2, "0").repeat(32));
  engine.on("/containers/json", json(ids.map((id, index) => listed(id, `w-${index}`))));
  engine.on("/json", (request, response) =>
    request.url?.includes("/containers/json") ? json(ids.map((id, i) => listed(id, `w-${i}`)))(request, response) : undefined,
  );
  const source = createSource(engine);
  const start = performance.now();
  const all = await source.inspect(
    ids.map((id) => ({ engine: "fake", fullId: id })),
    soon(),
  );
  expect(performance.now() - start).toBeLessThan(2200);
  expect(all.map((one) => (one as { restarts: unknown }).restarts)).toEqual(ids.map(() => null));
});

test("one engine's failure hides nothing of the other", async () => {
  await using up = await startFakeEngine("up");
  await using down = await startFakeEngine("down");
  up.on("/containers/json", json([listed(a, "web-a")]));
  down.on("/_ping", hang);
  const { containers, engines } = await createSource(down, up).list(soon());
  expect(containers.map(({ name }) => name)).toEqual(["web-a"]);
  expect(engines).toEqual([
    { name: "down", ok: false, error: { code: "docker_timeout", message: "Docker engine down: no answer within 0.5 s" } },
    { name: "up", ok: true, error: null },
  ]);
});

test("negotiates again when another engine stands in its place", async () => {
  await using engine = await startFakeEngine();
  engine.on("/_ping", ping("1.42"));
  engine.on("/containers/json", json([]));
  const source = createSource(engine);
  await source.list(soon());
  engine.on("/containers/json", json({ message: "client version 1.42 is too old. Minimum supported API version is 1.44" }, 400));
  engine.on("/_ping", ping("1.51"));
  expect((await source.list(soon())).engines[0]).toMatchObject({ ok: false, error: { code: "docker_error" } });
  engine.on("/containers/json", json([]));
  expect((await source.list(soon())).engines[0]).toMatchObject({ ok: true });
  expect(engine.requests.filter((request) => !request.includes("_ping")).map((request) => request.split("/")[1])).toEqual([
    "v1.42",
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
  const restart = source.restart({ engine: "fake", fullId: a }).finally(() => (done = true));
  await source.close();
  expect(done).toBe(true);
  await restart;
});
