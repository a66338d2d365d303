import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toContainerId } from "../../src/graphql/refs.ts";
import { toBound } from "../support/bound.ts";
import { createContainer, removeContainers, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";
import { createTokens } from "../support/tokens.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const proxy = await startFaultProxy(socketPath);
const service = "livecheck";
const containers = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath: proxy.socketPath } }],
  rules: rulesOf(service),
  logger: silentLogger,
  staleMs: 3000,
});
const tokens = createTokens({
  all: { scopes: ["ops:read", "ops:logs"] },
  again: { scopes: ["ops:read"] },
  staging: { scopes: ["ops:read"], environments: ["staging"] },
  production: { scopes: ["ops:read"], environments: ["production"] },
});
type Holder = Parameters<typeof tokens.of>[0];
const gateway = await startGateway({ ...createMemorySources().sources, containers }, { tokensFile: tokens.file });
const ids: string[] = [];

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await containers.close();
  await removeContainers(socketPath, ids);
  await proxy[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const labels = (role: string, destination = "staging") => ({ service, role, destination });
const fields = "id engine name role env status health version restarts startedAt image ports stale";
const rowsQuery = `subscription { containers { snapshot changed { ${fields} } removed { id engine } engines { name ok } ended } }`;
const eventsQuery = `subscription { containerEvents { events { time action exitCode signal previousName id name engine role env version } dropped interrupted ended } }`;
const open = (holder: Holder, query: string) => subscribe(gateway.url, tokens.of(holder), query);
const docker = (method: string, path: string) => callDocker(socketPath, method, path).catch(() => {});

/** Subscribes; later answers all that came, as it is on the wire, and leaves. */
function readText(query: string): () => Promise<string> {
  const abort = new AbortController();
  const headers = {
    authorization: `Bearer ${tokens.of("again")}`,
    "content-type": "application/json",
    accept: "text/event-stream",
  };
  let text = "";
  const reading = (async () => {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers,
      body: JSON.stringify({ query }),
      signal: abort.signal,
    });
    const decoder = new TextDecoder();
    for await (const part of response.body as ReadableStream<Uint8Array>)
      text += decoder.decode(part, { stream: true });
  })();
  return async () => {
    abort.abort();
    await reading.catch(() => {});
    return text;
  };
}

/** The list as a reader of the subscription has it. */
function assemble(messages: readonly any[]): unknown[] {
  const rows = new Map<string, { name: string; id: string }>();
  for (const { changed, removed } of messages) {
    for (const row of changed) rows.set(`${row.engine}/${row.id}`, row);
    for (const { engine, id } of removed) rows.delete(`${engine}/${id}`);
  }
  return [...rows.values()].toSorted((a, b) => (`${a.name} ${a.id}` < `${b.name} ${b.id}` ? -1 : 1));
}

async function ask(holder: Holder): Promise<unknown[]> {
  const headers = { authorization: `Bearer ${tokens.of(holder)}`, "content-type": "application/json" };
  const response = await gateway.fetch("/graphql", {
    method: "POST",
    headers,
    body: JSON.stringify({ query: `{ containers { ${fields} } }` }),
  });
  const { data } = (await response.json()) as { data: { containers: { name: string; id: string }[] } };
  return data.containers.toSorted((a, b) => (`${a.name} ${a.id}` < `${b.name} ${b.id}` ? -1 : 1));
}

test("a restart is sent to a real client by all three subscriptions", async () => {
  const id = await startContainer(socketPath, {
    name: `${service}-web`,
    labels: labels("web"),
    env: ["KAMAL_VERSION=v7"],
    cmd: ["sh", "-c", "trap 'exit 3' TERM; echo begin; while :; do sleep 0.05; done"],
  });
  ids.push(id);
  // On a busy machine an engine may be silent at first.
  const engines = async () => {
    const headers = { authorization: `Bearer ${tokens.of("all")}`, "content-type": "application/json" };
    const query = JSON.stringify({ query: "{ engines { ok } }" });
    return (await gateway.fetch("/graphql", { method: "POST", headers, body: query })).text();
  };
  await expect.poll(engines).toContain('{"ok":true}');
  const [rows, events, logs] = [
    open("all", rowsQuery),
    open("all", eventsQuery),
    open("all", `subscription { containerLogs(name: "${service}-web") { lines { message } notice ended } }`),
  ];
  await until(async () => [rows, events, logs].filter(({ messages }) => messages.length > 0).length >= 2);
  expect(rows.of("containers")[0]).toMatchObject({ snapshot: true, engines: [{ name: "web-1", ok: true }] });
  await sleep(300);
  await callDocker(socketPath, "POST", `/containers/${id}/restart?t=5`);
  const seen = () => events.of("containerEvents").flatMap((batch) => batch.events);
  await until(async () => seen().some(({ action }) => action === "restart"));
  // Docker itself tells `stop` before or after `die`.
  expect(new Set(seen().map(({ action }) => action))).toEqual(new Set(["die", "kill", "restart", "start", "stop"]));
  expect(seen()).toHaveLength(5);
  const known = {
    id: toContainerId({ engine: "web-1", fullId: id }),
    name: `${service}-web`,
    engine: "web-1",
    role: "web",
    env: "STAGING",
    version: "v7",
  };
  for (const event of seen()) expect(event).toMatchObject(known);
  const one = (action: string) => seen().find((event) => event.action === action);
  expect([one("kill").signal, one("die").exitCode, one("start").exitCode]).toEqual([15, 3, null]);
  const lines = () => logs.of("containerLogs").flatMap((batch) => batch.lines);
  await until(async () => lines().length === 2);
  expect(lines()).toEqual([{ message: "begin" }, { message: "begin" }]);
  await until(async () => JSON.stringify(assemble(rows.of("containers"))) === JSON.stringify(await ask("all")), 3000);
  await Promise.all([rows, events, logs].map((each) => each.leave()));
});

test("a removed container is sent to those that saw it, and to no other", async () => {
  const holders = ["all", "staging", "production"] as const;
  const readers = holders.map((holder) => open(holder, eventsQuery));
  await sleep(500);
  const one = await startContainer(socketPath, { name: `${service}-one`, labels: labels("one", "production") });
  await sleep(600);
  await docker("DELETE", `/containers/${one}?force=1`);
  const two = await startContainer(socketPath, { name: `${service}-two`, labels: labels("two"), cmd: ["true"] });
  await sleep(600);
  await docker("DELETE", `/containers/${two}`);
  const exec = await startContainer(socketPath, {
    name: `${service}-web-exec-v7-a1b2c3`,
    labels: { service },
    cmd: ["true"],
  });
  await docker("DELETE", `/containers/${exec}?force=1`);
  const told = (index: number) =>
    (readers[index]?.of("containerEvents") ?? [])
      .flatMap((batch) => batch.events)
      .map(({ action, name }: { action: string; name: string }) => `${action} ${name.replace(`${service}-`, "")}`);
  await until(async () => told(0).includes("destroy two"));
  const production = ["create one", "start one", "kill one", "die one", "destroy one"];
  const staging = ["create two", "start two", "die two", "destroy two"];
  await sleep(300);
  expect([told(0), told(1), told(2)]).toEqual([[...production, ...staging], staging, production]);
  await Promise.all(readers.map((each) => each.leave()));
});

test("a reader's merged rows always equal the list", { timeout: 90_000 }, async () => {
  const rows = open("all", rowsQuery);
  const quiet = readText('subscription { containerEvents(name: "nobody") { events { name } ended } }');
  const limited = open("staging", rowsQuery);
  await until(async () => rows.messages.length > 0 && limited.messages.length > 0);
  // A small generator with a seed, so that a failure can be had again.
  let seed = Number(process.env["CONVERGENCE_SEED"] ?? 20_261_125);
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const own: string[] = [];
  const converge = async () => {
    const isEqual = async () =>
      JSON.stringify(assemble(rows.of("containers"))) === JSON.stringify(await ask("all")) &&
      JSON.stringify(assemble(limited.of("containers"))) === JSON.stringify(await ask("staging"));
    // The memory itself needs a second after a `die`.
    await sleep(1500);
    await until(isEqual, 3000).catch(() => {});
    expect(assemble(rows.of("containers"))).toEqual(await ask("all"));
    expect(assemble(limited.of("containers"))).toEqual(await ask("staging"));
  };
  for (let round = 0; round < 4; round++) {
    for (let step = 0; step < 25; step++) {
      const id = own[random(own.length)] ?? "";
      const kind = random(10);
      if (kind < 2 || own.length < 4) {
        const place = random(2) ? "staging" : "production";
        const name = `${service}-c-${own.length}`;
        own.push(
          await createContainer(socketPath, {
            name,
            labels: labels(`r${random(3)}`, place),
            cmd: ["sleep", "600"],
            stopTimeout: 0,
          }),
        );
        ids.push(own.at(-1) as string);
      } else if (kind < 5) await docker("POST", `/containers/${id}/start`);
      else if (kind < 6) await docker("POST", `/containers/${id}/kill`);
      else if (kind < 7) await docker("POST", `/containers/${id}/rename?name=${service}-r-${round}-${step}`);
      else if (kind < 8) await docker("DELETE", `/containers/${id}?force=1`);
      else if (kind < 9) await docker("POST", `/containers/${id}/restart?t=0`);
      else await docker("POST", `/containers/${id}/${random(2) ? "pause" : "unpause"}`);
      // In one round the engine cannot be reached while things happen.
      if (round === 2 && step === 5) proxy.cut();
    }
    if (round === 2) {
      await until(async () => rows.of("containers").at(-1)?.engines[0]?.ok === false, 5000);
      // Longer than the last known rows are shown.
      await until(async () => assemble(rows.of("containers")).length === 0, 6000);
      proxy.heal();
      await until(async () => rows.of("containers").at(-1)?.engines[0]?.ok === true);
    }
    await converge();
    expect(assemble(rows.of("containers")).length).toBeGreaterThan(0);
  }
  await removeContainers(socketPath, own);
  await converge();
  await Promise.all([rows.leave(), limited.leave()]);
  // Nothing happened there but that its engine was lost: signs of life come alone.
  expect(await quiet()).toMatch(/^(?::\n\n)+event: next\n/);
});

test("subscribers get the reason when the process is asked to end", async () => {
  const folder = inject("runFolder");
  await using own = await startGatewayProcess(socketPath, service, join(folder, "live-audit.jsonl"));
  const both = [rowsQuery, eventsQuery].map((query) => subscribe(own.url, own.token, query));
  await until(async () => both[0]?.messages.length === 1);
  await sleep(300);
  const begin = performance.now();
  own.kill("SIGTERM");
  await Promise.all(both.map((each) => each.done));
  expect(await own.ended).toBe(0);
  expect(performance.now() - begin).toBeLessThan(toBound(5000));
  expect(both[0]?.of("containers").at(-1)?.ended).toBe("shutdown");
  expect(both[1]?.of("containerEvents").at(-1)?.ended).toBe("shutdown");
});
