import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { startDockerd } from "../../script/services/dockerd.ts";
import { startContainer } from "../support/docker-containers.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";

const service = "settle";

/**
 * A container that ends again and again on an engine behind a proxy, which has no events but these.
 */
async function open() {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(inject("runFolder"), "settle-"));
  const engine = await startDockerd(join(folder, "engine"), { bridge: false });
  stack.defer(() => engine.stop());
  const { socketPath } = engine;
  const proxy = stack.use(await startFaultProxy(socketPath));
  await startContainer(socketPath, {
    name: "settle-loop",
    labels: { service, role: "loop", destination: "staging" },
    env: ["KAMAL_CONTAINER_NAME=settle-loop", "KAMAL_VERSION=v1"],
    cmd: ["sh", "-c", "exit 3"],
    restartPolicy: "always",
  });
  const start = () => startGatewayProcess(proxy.socketPath, service, join(folder, "audit.jsonl"));
  const owned = stack.move();
  return { proxy, start, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface Answer {
  readonly engines: readonly { readonly ok: boolean }[];
  readonly problems: { readonly problems: readonly { readonly kind: string; readonly title: string }[] };
  readonly timeline: { readonly nodes: readonly { readonly time: string; readonly message: string }[] };
}

async function ask({ url, token }: { readonly url: string; readonly token: string }) {
  const query = `{
    engines { ok }
    problems { problems { kind title } }
    timeline(kinds: [CONTAINER_DEATH], first: 100) { nodes { time message } }
  }`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  const { data } = (await response.json()) as { data: Answer };
  const own = data.problems.problems.filter(({ title }) => title.includes("settle"));
  const deaths = data.timeline.nodes.filter(({ message }) => message.startsWith("settle-loop "));
  return {
    isUp: data.engines[0]?.ok,
    own: own.map(({ kind }) => kind),
    isLost: data.problems.problems.some(({ kind }) => kind === "ENGINE_UNREACHABLE"),
    deaths,
  };
}

it("a loop stays while the engine is away for a moment, and after a start", async () => {
  await using stage = await open();
  let seen: Awaited<ReturnType<typeof ask>>;
  {
    await using gateway = await stage.start();
    await expect.poll(async () => (await ask(gateway)).own, { timeout: 30_000 }).toEqual(["CONTAINER_RESTART_LOOP"]);
    stage.proxy.cut();
    await expect.poll(async () => (await ask(gateway)).isUp, { timeout: 5000, interval: 20 }).toBe(false);
    const noticedAt = Date.now();
    // Each answer until it is back. A machine that stands still for seconds shows less of it.
    for (let now = noticedAt; now < noticedAt + 2000; now = Date.now()) {
      const found = await ask(gateway);
      if (Date.now() - noticedAt > 8000) break;
      expect(found).toMatchObject({ own: ["CONTAINER_RESTART_LOOP"], isLost: false, isUp: false });
    }
    // Then it is lost, and nothing of it is known.
    await expect.poll(async () => (await ask(gateway)).isLost, { timeout: 20_000 }).toBe(true);
    expect((await ask(gateway)).own).toEqual([]);
    stage.proxy.heal();
    await expect.poll(async () => (await ask(gateway)).isUp, { timeout: 20_000 }).toBe(true);
    await expect.poll(async () => (await ask(gateway)).own, { timeout: 20_000 }).toEqual(["CONTAINER_RESTART_LOOP"]);
    seen = await ask(gateway);
    expect(seen.deaths.length).toBeGreaterThanOrEqual(3);
  }
  const startedAt = Date.now();
  await using gateway = await stage.start();
  // The first answer of a gateway that remembers nothing: it has what the engine still knows.
  const first = await ask(gateway);
  expect(first.own).toEqual(["CONTAINER_RESTART_LOOP"]);
  const times = first.deaths.map(({ time }) => time);
  expect(times).toEqual(expect.arrayContaining(seen.deaths.slice(0, 3).map(({ time }) => time)));
  expect(times.filter((time) => Date.parse(time) < startedAt).length).toBeGreaterThanOrEqual(3);
  expect(new Set(times).size).toBe(times.length);
}, 120_000);
