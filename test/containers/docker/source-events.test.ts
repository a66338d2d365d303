import { beforeAll, expect, test } from "vitest";
import { createContainerSource } from "../../../src/containers/docker/source.ts";
import type { ContainerEvent, EventBatch } from "../../../src/containers/events.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { soon } from "../../support/docker-containers.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import { fullId, hang, inspected, json, listed, startFakeEngine } from "../../support/docker-fake.ts";
import { until } from "../../support/until.ts";

// Loading it takes longer than the short deadlines here.
beforeAll(() => import("dockerode"));

const [web, old, exec, fresh, other] = ["a", "b", "c", "d", "e"].map(fullId) as [
  string,
  string,
  string,
  string,
  string,
];
const labels = { service: "wallet-core", role: "web", destination: "staging" };
const execLabels = { service: "wallet-core" };

/**
 * An engine that runs `web`, keeps the old release of its role, and has one `kamal app exec`; and
 * all that is read from it.
 */
async function stage() {
  const engine = await startFakeEngine();
  engine.on(
    "/containers/json",
    json([
      listed(web, "web-2", { Labels: labels }),
      listed(old, "web-1", { Labels: labels, State: "exited", Status: "Exited (0) 2 hours ago" }),
      listed(exec, "wallet-core-exec-2-a1b2c3", { Labels: execLabels }),
    ]),
  );
  const exited = {
    ...inspected(old, "web-1", { Labels: labels }),
    State: { Status: "exited", StartedAt: "2026-01-13T09:40:10Z" },
  };
  engine.on(`${web}/json`, json(inspected(web, "web-2", { Labels: labels, Env: ["KAMAL_VERSION=v2"] })));
  engine.on(`${old}/json`, json(exited));
  engine.on(`${exec}/json`, json(inspected(exec, "wallet-core-exec-2-a1b2c3", { Labels: execLabels })));
  const source = createContainerSource({
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
    inspectTimeoutMs: 400,
    listTimeoutMs: 400,
  });
  const abort = new AbortController();
  const batches: EventBatch[] = [];
  const reading = (async () => {
    for await (const batch of source.events(() => true, abort.signal)) batches.push(batch);
  })();
  await source.list(soon());
  const events = () => batches.flatMap((batch) => batch.events);
  return {
    engine,
    source,
    batches,
    events,
    texts: () => events().map(({ action, container }) => `${action} ${container.name}`),
    [Symbol.asyncDispose]: async () => {
      abort.abort("done");
      await reading;
      await source.close();
      await engine[Symbol.asyncDispose]();
    },
  };
}

test("an event has what Docker sent, and its container as it was known", async () => {
  await using stageOne = await stage();
  const { engine, events } = stageOne;
  engine.emit("health_status: unhealthy", web);
  engine.emit("kill", web, { signal: "15", name: "web-2" });
  engine.emit("die", web, { exitCode: "137", name: "web-2" });
  engine.emit("rename", web, { oldName: "/web-2", name: "web-3" });
  await until(async () => events().length === 4);
  const nothing = { exitCode: null, signal: null, health: null, previousName: null };
  const known = { engine: "fake", fullId: web, role: "web", env: "staging", version: "v2" };
  const expected: readonly Partial<ContainerEvent>[] = [
    { ...nothing, action: "health_status", health: "unhealthy" },
    { ...nothing, action: "kill", signal: 15 },
    { ...nothing, action: "die", exitCode: 137 },
    { ...nothing, action: "rename", previousName: "web-2" },
  ];
  expect(events()).toMatchObject(expected.map((event) => ({ ...event, container: known })));
  expect(events().map(({ container }) => container.name)).toEqual(["web-2", "web-2", "web-2", "web-3"]);
  for (const { time } of events()) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
});

test("containers that callers may not see have no events until started", async () => {
  await using stageOne = await stage();
  const { engine, texts } = stageOne;
  for (const action of ["start", "die", "destroy"]) engine.emit(action, exec);
  for (const action of ["update", "start", "stop"]) engine.emit(action, old);
  engine.emit("update", web);
  await until(async () => texts().includes("update web-2"));
  expect(texts()).toEqual(["start web-1", "stop web-1", "update web-2"]);
});

test("a new container is inspected first; all later events wait for it", async () => {
  await using stageOne = await stage();
  const { engine, events, texts } = stageOne;
  // Its labels say nothing: only the inspection does.
  const env = ["KAMAL_DESTINATION=production"];
  engine.on(`${fresh}/json`, (request, response) => {
    setTimeout(
      () => json(inspected(fresh, "job-1", { Labels: { service: "x", role: "job" }, Env: env }))(request, response),
      200,
    );
  });
  engine.emit("create", fresh, { name: "job-1", service: "x", role: "job" });
  engine.emit("start", fresh, { name: "job-1", service: "x", role: "job" });
  engine.emit("update", web);
  await until(async () => texts().length === 3);
  expect(texts()).toEqual(["create job-1", "start job-1", "update web-2"]);
  expect(events()[0]?.container).toMatchObject({ env: "production", role: "job", kind: "other" });
});

test("an uninspected container has no environment, a destroyed one its own", async () => {
  await using stageOne = await stage();
  const { engine, events, texts } = stageOne;
  engine.on(`${fresh}/json`, json({ message: "No such container" }, 404));
  for (const action of ["create", "start", "die", "destroy"]) engine.emit(action, fresh, { name: "short", ...labels });
  engine.emit("destroy", web, { name: "web-2", ...labels });
  // The list was made without it before its event came.
  engine.emit("destroy", web, { name: "web-2", ...labels });
  engine.emit("destroy", other, { name: "unknown", ...labels });
  await until(async () => texts().length === 7);
  expect(texts()).toEqual([
    "create short",
    "start short",
    "die short",
    "destroy short",
    "destroy web-2",
    "destroy web-2",
    "destroy unknown",
  ]);
  expect(events().map(({ container }) => container.env)).toEqual([null, null, null, null, "staging", "staging", null]);
});

test("an inspection that hangs holds events back for a while only", async () => {
  await using stageOne = await stage();
  const { engine, texts } = stageOne;
  engine.on(`${fresh}/json`, hang);
  engine.emit("start", fresh, { name: "stuck", ...labels });
  engine.emit("update", web);
  await until(async () => texts().length === 2, 3000);
  expect(texts()).toEqual(["start stuck", "update web-2"]);
});

test("a container that ends is shown to its last event, though replaced", async () => {
  await using stageOne = await stage();
  const { engine, source, texts } = stageOne;
  engine.on(`${fresh}/json`, json(inspected(fresh, "web-3", { Labels: labels })));
  engine.emit("start", fresh, { name: "web-3", ...labels });
  engine.emit("die", web);
  const exited = {
    ...inspected(web, "web-2", { Labels: labels }),
    State: { Status: "exited", StartedAt: "2026-01-13T09:40:10Z" },
  };
  engine.on(`${web}/json`, json(exited));
  await until(async () => (await source.list(soon())).containers.every(({ name }) => name === "web-3"));
  engine.emit("destroy", web);
  await until(async () => texts().length === 3);
  expect(texts()).toEqual(["start web-3", "die web-2", "destroy web-2"]);
});

test("a lost stream is reported when it begins again", async () => {
  await using stageOne = await stage();
  const { engine, batches, texts } = stageOne;
  engine.cut();
  await until(async () => batches.length > 0);
  expect(batches[0]).toEqual({ events: [], dropped: 0, interrupted: ["fake"], ended: null });
  await until(async () => {
    engine.emit("update", web);
    return texts().length > 0;
  });
});
