import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

// Ages are of the wall clock alone.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

const lost = { name: "web-2", ok: false, error: { code: "docker_unavailable", message: "web-2 is gone" } };

function createSources(containers: readonly Container[], now = Date.now()) {
  const engines = [
    { name: "web-1", ok: true, contactAt: now - 300, error: null },
    { ...lost, contactAt: now - 12_100 },
    { ...lost, name: "web-3" },
  ];
  return createMemorySources({ containers, engines }, { restartEnabled: true });
}

test("the header has engines' ages and errors, also with a cached body", async () => {
  const containers = [
    sampleContainer({ engine: "web-1" }),
    sampleContainer({ name: "old", engine: "web-2", stale: true }),
  ];
  const rest = createRest(createSources(containers).sources);
  const first = await rest.get("/containers");
  const lostLater = '"web-3";error=docker_unavailable';
  expect(first.headers?.["x-ops-engines"]).toBe(
    `"web-1";age=0.3, "web-2";age=12.1;error=docker_unavailable, ${lostLater}`,
  );
  expect(JSON.parse(first.body)).toHaveLength(2);
  vi.setSystemTime(Date.now() + 200);
  const second = await rest.get("/containers");
  expect(second.body).toBe(first.body);
  expect(second.headers?.["x-ops-engines"]).toBe(
    `"web-1";age=0.5, "web-2";age=12.3;error=docker_unavailable, ${lostLater}`,
  );
});

test.each(["", "/health-check"])("the header of one container (%s) has them too", async (more) => {
  const containers = [sampleContainer({ name: "old", engine: "web-2", stale: true })];
  const { headers, status } = await createRest(createSources(containers).sources).get(`/containers/old${more}`);
  expect(status).toBe(200);
  expect(headers?.["x-ops-engines"]).toContain('"web-2";age=12.1;error=docker_unavailable');
});

test("stale rows are answered when all engines are lost, if there are any", async () => {
  const stale = sampleContainer({ engine: "web-2", stale: true });
  const engines = [{ ...lost, contactAt: 1 }];
  const shown = createRest(createMemorySources({ containers: [stale], engines }).sources);
  expect(JSON.parse((await shown.get("/containers")).body)).toHaveLength(1);
  const none = createRest(createMemorySources({ containers: [], engines }).sources);
  await expect(none.get("/containers")).rejects.toMatchObject({ code: "docker_unavailable" });
});

test.each([
  ["moved to another environment", { env: "production" }, "container_not_found"],
  ["renamed", { name: "another" }, "container_not_found"],
  ["gone", null, "container_not_found"],
  ["as it was", {}, undefined],
] as const)("a restart asks past the memory: one that is %s", async (_, change, code) => {
  const known = sampleContainer({ engine: "web-1" });
  const memory = createMemorySources(
    { containers: [known], engines: [{ name: "web-1", ok: true, error: null }] },
    { restartEnabled: true },
  );
  const inspectNow = async () => {
    if (change === null) throw new OpsError("container_not_found", "gone");
    return { container: { ...known, ...change }, protectedBy: null };
  };
  const sources = { ...memory.sources, containers: { ...memory.sources.containers, inspectNow } };
  const rest = createRest(sources, createCaller(undefined, ["staging"]));
  const answer = rest.call("POST", `/containers/${known.name}/restart`).then(
    () => undefined,
    (error: { code: string }) => error.code,
  );
  expect(await answer).toBe(code);
  expect(memory.calls["restart"] ?? 0).toBe(code ? 0 : 1);
});
