import type { ServerResponse } from "node:http";
import { hostname } from "node:os";
import pLimit from "p-limit";
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { createEngine, type EngineSettings } from "../../../../src/containers/docker/engine/engine.ts";
import { createEventBroadcaster } from "../../../../src/containers/docker/engine/event-feed.ts";
import type { ContainerEvent } from "../../../../src/containers/events.ts";
import { createChanges } from "../../../../src/lib/broadcast.ts";
import { silentLogger } from "../../../../src/lib/logger.ts";
import { formatRfc3339 } from "../../../../src/lib/time.ts";
import { soon } from "../../../support/docker-containers.ts";
import { rulesOf } from "../../../support/docker-facts.ts";
import {
  type FakeEngine,
  fullId,
  hang,
  eventLine,
  inspected,
  json,
  listed,
  startFakeEngine,
} from "../../../support/docker-fake.ts";

// Loading it takes longer than a deadline on a busy machine.
beforeAll(() => import("dockerode"));
afterEach(() => void vi.useRealTimers());

const id = fullId("a");
const begin = Date.parse("2026-01-13T10:00:00Z");

async function start(containers: Readonly<Record<string, object>> = { [id]: {} }) {
  const fake = await startFakeEngine();
  onTestFinished(() => fake[Symbol.asyncDispose]());
  const named = Object.entries(containers).map(([each, config], index) => [each, `web-${index + 1}`, config] as const);
  fake.on("/containers/json", json(named.map(([each, name, config]) => listed(each, name, config))));
  for (const [each, name, config] of named) fake.on(`${each}/json`, json(inspected(each, name, config)));
  return fake;
}

/** An engine by a clock that stands still; its log lines, and how often something changed. */
function watch(fake: FakeEngine, options: Partial<EngineSettings> = {}) {
  vi.useFakeTimers({ toFake: ["Date"], now: begin });
  const lines: unknown[][] = [];
  const write =
    (level: string) =>
    (...line: unknown[]) =>
      void lines.push([level, ...line]);
  const changes = createChanges();
  const changed = vi.spyOn(changes, "notify");
  const settings = {
    rules: rulesOf("wallet-core"),
    logger: { ...silentLogger, warn: write("warn"), info: write("info") } as typeof silentLogger,
    listTimeoutMs: 3000,
    inspectTimeoutMs: 3000,
    concurrency: 10,
    fullLimit: pLimit(10),
    resyncMs: 60_000,
    staleMs: 5000,
    changes,
    broadcaster: createEventBroadcaster(),
    ...options,
  };
  const engine = createEngine(fake.options, settings);
  onTestFinished(() => engine.close());
  const status = async () => (await engine.view(soon())).status;
  const pings = () => fake.requests.filter((request) => request === "GET /_ping").length;
  return { engine, lines, changed, status, pings };
}

describe("an engine that answers", () => {
  it("is healthy and known", async () => {
    const fake = await start();
    const { engine, status, lines, changed } = watch(fake);
    expect(engine.viewCached()).toBeNull();
    expect(await status()).toEqual({
      name: "fake",
      env: null,
      runs: new Set(),
      isInspected: true,
      ok: true,
      lostAt: null,
      contactAt: begin,
      listedAt: formatRfc3339(begin),
      error: null,
      clockSkew: expect.any(Number),
      clockOffset: { least: expect.any(Number), most: expect.any(Number) },
    });
    expect(engine.viewCached()?.snapshot).toBe(await engine.known(soon()));
    expect((await engine.known(soon())).visible.map(({ name, hostNames }) => [name, hostNames])).toEqual([
      ["web-1", ["h", "fake", hostname()]],
    ]);
    expect(lines).toEqual([]);
    expect(changed).toHaveBeenCalled();
  });

  it.each([
    [0, 0, false],
    [999, 0, false],
    [1000, 1, false],
    [2999, 1, false],
    [3000, 1, true],
    [-999, 0, false],
    [-1000, 1, false],
    [-3000, 1, true],
  ])("and silent for %i ms is pinged %i times, and waited for: %s", async (silence, count, waits) => {
    const fake = await start();
    const { engine, status, pings } = watch(fake);
    await status();
    const before = pings();
    vi.setSystemTime(begin + silence);
    expect(engine.viewCached() === null).toBe(waits);
    engine.viewCached();
    await expect.poll(() => pings() - before).toBe(count);
    expect(await status()).toMatchObject({ ok: true });
    if (count === 0) return;
    await expect.poll(() => engine.viewCached()?.status.contactAt).toBe(begin + silence);
    expect(pings() - before).toBe(1);
    // And again after the next silence.
    vi.setSystemTime(begin + silence + 1000);
    engine.viewCached();
    await expect.poll(() => pings() - before).toBe(2);
  });

  it("hands on each event, and last to the inventory", async () => {
    const fake = await start();
    const broadcaster = createEventBroadcaster();
    const { engine, status } = watch(fake, { broadcaster });
    await status();
    const [row] = (await engine.known(soon())).visible;
    const events: ContainerEvent[] = [];
    const read = async () => {
      for await (const batch of broadcaster.read(() => true, soon())) events.push(...batch.events);
    };
    void read();
    const started = engine.starts.wait(id, soon());
    vi.setSystemTime(begin + 900);
    fake.emit("start", id);
    await started.wait(soon());
    fake.emit("destroy", id);
    await expect.poll(() => events.map(({ action }) => action)).toEqual(["start", "destroy"]);
    // Its reader sees the container as it was before.
    expect(events[1]?.container).toBe(row);
    expect((await engine.known(soon())).visible).toEqual([]);
    expect((await status()).contactAt).toBe(begin + 900);
  });

  it("and has not answered yet says so to callers whose wait is over", async () => {
    const fake = await start();
    fake.on("/containers/json", hang);
    const { engine } = watch(fake);
    const view = await engine.view(AbortSignal.abort(new DOMException("x", "TimeoutError")));
    expect(view).toEqual({
      snapshot: null,
      status: {
        name: "fake",
        env: null,
        runs: null,
        isInspected: true,
        ok: false,
        lostAt: null,
        contactAt: null,
        listedAt: null,
        error: { code: "docker_timeout", message: "Docker engine fake: the call was given up before it answered" },
        clockSkew: null,
        clockOffset: null,
      },
    });
    await expect(engine.known(AbortSignal.abort(new DOMException("x", "TimeoutError")))).rejects.toThrow(
      expect.objectContaining({ code: "docker_timeout" }),
    );
  });
});

describe("the first subscription to an engine", () => {
  /** Each subscription has two events from before it, and each later one has one from after it. */
  async function subscribe() {
    const fake = await start();
    const open: ServerResponse[] = [];
    let opened = 0;
    fake.on("/events", (_, response) => {
      opened += 1;
      open.push(response);
      response.setHeader("date", new Date(begin).toUTCString());
      response.writeHead(200).flushHeaders();
      const die = (ms: number, ended: string, name: string) =>
        response.write(eventLine("die", ended, { name }).replace(/"timeNano":\d+/, `"timeNano":${begin + ms}000000`));
      die(-60_000, id, "web-1");
      die(-50_000, fullId("b"), "gone");
      if (opened > 1) die(1000, id, "web-1");
    });
    const recorded: string[] = [];
    const onEvent = ({ time }: ContainerEvent) => void recorded.push(time.slice(11, 19));
    const broadcaster = createEventBroadcaster({ onWatched: () => {}, onGap: () => {}, onEvent });
    const watched = watch(fake, { broadcaster });
    return { fake, recorded, cut: () => open.forEach((response) => response.destroy()), ...watched };
  }

  it("has what the engine still knows, before the first answer", async () => {
    const { fake, recorded, status, cut } = await subscribe();
    expect(await status()).toMatchObject({ ok: true });
    expect(recorded).toEqual(["09:59:00"]);
    expect(fake.requests.find((request) => request.includes("/events"))).toContain(`since=${begin / 1000 - 900}`);
    // No later one asks for the past.
    const before = fake.requests.length;
    cut();
    await expect.poll(() => fake.requests.slice(before).find((request) => request.includes("/events"))).toBeDefined();
    expect(fake.requests.slice(before).find((request) => request.includes("/events"))).not.toContain("since=");
  });

  it("waits with all of it while the list fails", async () => {
    const { fake, recorded, status, engine } = await subscribe();
    const list = json([listed(id, "web-1", {})]);
    fake.on("/containers/json", json({}, 500));
    expect(await status()).toMatchObject({ ok: false, lostAt: null });
    expect(recorded).toEqual([]);
    fake.on("/containers/json", list);
    await expect.poll(() => engine.viewCached()?.status.ok, { timeout: 10_000 }).toBe(true);
    await expect.poll(() => recorded).toEqual(["09:59:00", "10:00:01"]);
  });
});

describe("an engine that is lost", () => {
  it("is shown for a while, and says so once in the log", async () => {
    const fake = await start();
    const { engine, status, lines } = watch(fake);
    await status();
    fake.on("/", json({}, 503));
    fake.cut();
    const message = "Docker engine fake: the proxy before it does not reach it";
    // First that the stream was cut, then why it cannot be opened again.
    await expect.poll(async () => (await status()).error?.message).toBe(message);
    expect(await status()).toMatchObject({ contactAt: begin, error: { code: "docker_unavailable", message } });
    const { lostAt } = await status();
    expect(lostAt).toBeGreaterThanOrEqual(begin);
    expect((await engine.view(soon())).snapshot?.visible).toMatchObject([{ name: "web-1", stale: true }]);
    await expect(engine.known(soon())).rejects.toThrow(message);
    vi.setSystemTime(begin + 5000);
    expect((await engine.view(soon())).snapshot).not.toBeNull();
    vi.setSystemTime(begin + 5001);
    expect(await engine.view(soon())).toMatchObject({ snapshot: null, status: { lostAt } });
    await expect(engine.known(soon())).rejects.toThrow(message);
    const fields = { engine: "fake", code: "docker_unavailable", cause: "Error: aborted" };
    expect(lines).toEqual([["warn", fields, "Docker engine cannot be asked"]]);
    fake.on("/_ping", (_, response) => response.writeHead(200, { "api-version": "1.45" }).end());
    fake.on("/events", (_, response) => response.writeHead(200).flushHeaders());
    fake.on("/containers/json", json([]));
    await expect.poll(async () => (await status()).ok).toBe(true);
    expect((await status()).lostAt).toBeNull();
    expect(lines.slice(1)).toEqual([["info", { engine: "fake" }, "Docker engine answers again"]]);
  });

  it("and never answered has nothing to show", async () => {
    const fake = await start();
    fake.on("/containers/json", json({ not: "a list" }));
    const { engine, status } = watch(fake, { staleMs: 60_000 });
    expect(await status()).toMatchObject({
      ok: false,
      runs: null,
      isInspected: true,
      error: {
        code: "docker_error",
        message:
          "Docker engine fake: unexpected response to GET /containers/json (not an array): is this a Docker-compatible engine?",
      },
    });
    await expect(engine.known(soon())).rejects.toThrow("unexpected response to GET /containers/json");
  });

  it("and whose ping failed too has no snapshot", async () => {
    const fake = await start();
    fake.on("/_ping", json({}, 500));
    const { engine } = watch(fake, { staleMs: 60_000 });
    expect(await engine.view(soon())).toMatchObject({ snapshot: null, status: { ok: false, contactAt: null } });
    await expect(engine.known(soon())).rejects.toThrow("it answered with status 500");
  });

  it("is noticed by a ping, while somebody asks", async () => {
    const fake = await start();
    const { engine, status } = watch(fake, { listTimeoutMs: 200 });
    await status();
    fake.on("/_ping", json({}, 500));
    vi.setSystemTime(begin + 1000);
    engine.viewCached();
    await expect.poll(() => engine.viewCached()?.status.error?.code ?? null).toBe("docker_error");
  });
});
