import util from "node:util";
import { beforeAll, expect, test, vi } from "vitest";
import { createContainerSource } from "../../../src/containers/docker/source.ts";
import { createSharedBudget } from "../../../src/lib/budget/budget.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { soon } from "../../support/docker-containers.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import { type FakeEngine, fullId, inspected, json, listed, ping, startFakeEngine } from "../../support/docker-fake.ts";
import { until } from "../../support/until.ts";

const [a, b] = [fullId("a"), fullId("b")];

// Loading it takes longer than a deadline on a busy machine.
beforeAll(() => import("dockerode"));

function createSource(engine: FakeEngine) {
  const settings = {
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    statsWindowMs: 1,
    listTimeoutMs: 20_000,
  };
  const source = createContainerSource(settings);
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}

/** What the one engine of a source says of itself. */
async function statusOf(engine: FakeEngine) {
  await using source = createSource(engine);
  return (await source.list(soon())).engines[0];
}

// wollomatic/socket-proxy answers 405 where it has no rule for a method at all.
test.each([403, 405])("a socket proxy that answers %i is forbidden, its HTML not passed on", async (refusal) => {
  await using engine = await startFakeEngine();
  engine.on("/containers", (_, response) =>
    response.writeHead(refusal, { "content-type": "text/html" }).end("<h1>Forbidden secret</h1>"),
  );
  const status = await statusOf(engine);
  expect(status).toMatchObject({ ok: false, error: { code: "docker_forbidden" } });
  expect(JSON.stringify(status)).not.toMatch(/secret|h1/);
});

test.each([
  ["no engine at all", ping(""), "no API version"],
  ["an engine that is too old", ping("1.40"), "its API 1.40 is older than 1.41"],
])("%s is docker_error with the reason", async (_, handler, message) => {
  await using engine = await startFakeEngine();
  engine.on("/_ping", handler);
  expect(await statusOf(engine)).toMatchObject({
    error: { code: "docker_error", message: expect.stringContaining(message) },
  });
});

test("an answer that is no JSON, no list or too large is docker_error", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers", (_, response) => response.end("<html>hello</html>"));
  expect(await statusOf(engine)).toMatchObject({
    error: { code: "docker_error", message: expect.stringContaining("not JSON") },
  });
  engine.on("/containers", json({ some: "thing" }));
  expect(await statusOf(engine)).toMatchObject({ error: { code: "docker_error" } });
  engine.on("/containers", (_, response) => response.end(Buffer.alloc(5 << 20, " ")));
  expect(await statusOf(engine)).toMatchObject({
    error: { code: "docker_error", message: expect.stringContaining("larger than 4 MiB") },
  });
  engine.on("/containers", (_, response) => response.writeHead(500).end(Buffer.alloc(5 << 20, "x")));
  expect(await statusOf(engine)).toMatchObject({
    error: { code: "docker_error", message: "Docker engine fake: it answered with status 500" },
  });
});

test("redirects are not followed", async () => {
  await using engine = await startFakeEngine();
  await using other = await startFakeEngine("other");
  engine.on("/containers", (_, response) => response.writeHead(301, { location: "/v1.45/info" }).end());
  expect(await statusOf(engine)).toMatchObject({ ok: false, error: { code: "docker_error" } });
  expect(engine.calls).toEqual(["GET /_ping", "GET /v1.45/containers/json?all=1"]);
  expect(other.requests).toEqual([]);
});

test("malformed containers do not hide the others", async () => {
  await using engine = await startFakeEngine();
  const odd = [null, 7, {}, { Id: "short" }, listed("../x".padEnd(64, "0"), "x"), listed(a, "x", { State: 3 })];
  const bare = { Names: [], Labels: null, Ports: null, Image: null, HostConfig: null };
  engine.on(
    "/containers/json",
    json([...odd, listed(a, "ok"), listed(b, "x", { ...bare, Names: ["/bad\nname", "/a/link"] })]),
  );
  for (const id of [a, b]) engine.on(`${id}/json`, json({}));
  await using source = createSource(engine);
  const { containers } = await source.list(soon());
  expect(containers.map(({ name }) => name).toSorted()).toEqual([b.slice(0, 12), "ok"].toSorted());
});

test("an inspection of something else is ignored, the list's entry stands", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  await using source = createSource(engine);
  await source.list(soon());
  for (const answer of [inspected(b, "web-b"), {}, [], "x", { ...inspected(a, "web-a"), State: null }]) {
    engine.on(`${a}/json`, json(answer));
    engine.emit("start", a);
    await until(async () => (await source.list(soon())).containers[0]?.startedAt === null);
    const entry = { fullId: a, name: "web-a", restarts: 2, startedAt: null };
    expect((await source.list(soon())).containers).toMatchObject([entry]);
  }
});

test("empty statistics are null", async () => {
  await using engine = await startFakeEngine();
  await using source = createSource(engine);
  engine.on(`${a}/stats`, json({ read: "0001-01-01T00:00:00Z" }));
  engine.on(`${b}/stats`, json({ read: "x", cpu_stats: null, memory_stats: {} }));
  engine.on(`${fullId("c")}/stats`, json([]));
  const refs = [a, b, fullId("c")].map((id) => ({ engine: "fake", fullId: id }));
  expect(await source.stats(refs, createSharedBudget(soon()))).toMatchObject([null, null, { code: "docker_error" }]);
  expect(engine.requests.filter((line) => line.includes("/stats"))).toHaveLength(3);
});

test("a log that is not one is an error", async () => {
  await using engine = await startFakeEngine();
  engine.on(`${a}/json`, json(inspected(a, "web-a")));
  engine.on("/logs", (_, response) => response.end("<html>no log</html>"));
  await expect(
    createSource(engine).logs({ engine: "fake", fullId: a }, { tail: 5 }, createSharedBudget(soon())),
  ).rejects.toMatchObject({
    code: "docker_error",
  });
  engine.on("/logs", json({ message: "configured logging driver does not support reading" }, 501));
  const unread = createSource(engine).logs({ engine: "fake", fullId: a }, { tail: 5 }, createSharedBudget(soon()));
  await expect(unread).rejects.toMatchObject({ message: expect.stringContaining("logging driver") });
});

test("a container's environment is dropped but for what the rules read", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "web-a")]));
  const Env = ["KAMAL_VERSION=v7", "KAMAL_REGISTRY_PASSWORD=canary1", "DATABASE_URL=canary2", "GIT_SHA=abc1234"];
  engine.on(`${a}/json`, json(inspected(a, "web-a", { Env })));
  await using source = createSource(engine);
  const [container] = (await source.list(soon())).containers;
  expect(container).toMatchObject({ version: "v7", commitSha: "abc1234" });
  expect(JSON.stringify(container)).not.toContain("canary");
});

test("docker-modem does not print the agent and its sockets for each request", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers", json([listed(a, "web-a")]));
  await using source = createSource(engine);
  await source.list(soon());
  const inspect = vi.spyOn(util, "inspect");
  await source.inspectNow({ engine: "fake", fullId: a }, createSharedBudget(soon())).catch(() => {});
  const printed = inspect.mock.results.map(({ value }) => String(value).length);
  inspect.mockRestore();
  expect(Math.max(0, ...printed)).toBeLessThan(50);
  // It would be a test of nothing if it were not called.
  expect(printed.length).toBeGreaterThan(0);
});

test("DOCKER_HOST and similar variables have no effect", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers", json([]));
  vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:1");
  vi.stubEnv("DOCKER_TLS_VERIFY", "1");
  vi.stubEnv("DOCKER_CLIENT_TIMEOUT", "1");
  vi.stubEnv("DOCKER_PATH_PREFIX", "/elsewhere");
  expect(await statusOf(engine)).toMatchObject({ ok: true });
  vi.stubEnv("DOCKER_CERT_PATH", "/nowhere");
  const status = await statusOf(engine);
  vi.unstubAllEnvs();
  expect(status).toMatchObject({ ok: false, error: { message: expect.stringContaining("DOCKER_CERT_PATH") } });
  expect(engine.calls).toEqual(["GET /_ping", "GET /v1.45/containers/json?all=1"]);
});

test("a container with an invalid creation time hides no other", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([listed(a, "far", { Created: 1e300 }), listed(b, "web")]));
  engine.on(
    `/containers/${b}/json`,
    json({ ...inspected(b, "web"), Created: "+099999-01-01T00:00:00Z", RestartCount: 1e12 }),
  );
  await using source = createSource(engine);
  const { containers, engines } = await source.list(soon());
  expect(engines).toMatchObject([{ ok: true }]);
  expect(containers).toMatchObject([{ name: "web", restarts: null, createdAt: "" }]);
});
