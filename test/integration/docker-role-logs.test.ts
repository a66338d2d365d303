import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createClient } from "../../src/client/client.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import {
  pauseContainer,
  removeContainers,
  runContainer,
  startContainer,
  stopContainer,
} from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const containers = createContainerSource({
  engines: [
    { name: "web-1", env: null, address: { kind: "unix", socketPath } },
    { name: "gone", env: null, address: { kind: "unix", socketPath: "/nowhere/docker.sock" } },
  ],
  rules: rulesOf("rolelogs"),
  logger: silentLogger,
});
const gateway = await startGateway({ ...createMemorySources().sources, containers });
const ids: Record<string, string> = {};

/** Counts until SIGTERM, then writes "bye". */
const count = (name: string) =>
  `trap 'echo ${name} bye; exit 0' TERM; i=0; while :; do i=$((i+1)); echo ${name} $i; echo ${name} err $i >&2; sleep 0.02; done`;
async function start(name: string, version: string, script = count(name), role = "web", begin = startContainer) {
  ids[name] = await begin(socketPath, {
    name: `rolelogs-${name}`,
    labels: { service: "rolelogs", destination: "staging", role },
    env: [`KAMAL_VERSION=${version}`],
    cmd: ["sh", "-c", script],
  });
}

beforeAll(async () => {
  await start("a", "v1");
  await start("b", "v1");
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await containers.close();
  await removeContainers(socketPath, Object.values(ids));
});

interface Line {
  readonly kind: "LINE" | "MARKER";
  readonly timestamp: string;
  readonly message: string;
  readonly container: { readonly name: string; readonly version: string; readonly engine: string };
}
interface ReceivedLine extends Line {
  /** Unix milliseconds. */
  readonly receivedAt: number;
}
const fields = "kind timestamp stream message container { name version engine env }";

/**
 * Follows the role into a list until told to stop, from when it is known on: that a container was
 * started is told within a second.
 */
async function follow(args: string, name = "web") {
  const isKnown = async () => !(await gateway.query(`{ logs(role: "${name}", tail: 1) { truncated } }`)).body.errors;
  await until(isKnown);
  const query = `subscription { logs(role: "${name}", ${args}) { lines { ${fields} } dropped notices { notice container { name } error { code } } ended } }`;
  const client = createClient({ url: gateway.url, token });
  const abort = new AbortController();
  const lines: ReceivedLine[] = [];
  const notices: { notice: string; container: { name: string }; error: { code: string } | null }[] = [];
  let dropped = 0;
  const reading = (async () => {
    for await (const { logs: batch } of client.subscribe<{ logs: any }, object>(query, {}, { signal: abort.signal })) {
      const receivedAt = Date.now();
      lines.push(...batch.lines.map((line: Line) => ({ ...line, receivedAt })));
      notices.push(...batch.notices);
      dropped += batch.dropped;
    }
  })();
  const stop = async () => {
    abort.abort();
    await reading.catch(() => {});
  };
  /** Waits for it, and says what came where it does not happen. */
  const seen = (isDone: () => boolean) =>
    until(isDone, 10_000).catch((cause: unknown) => {
      const found = JSON.stringify({ notices, dropped, newest: lines.slice(-20) });
      throw new Error(`The log of ${name} has only ${found}`, { cause });
    });
  return { lines, notices, dropped: () => dropped, stop, seen };
}

async function logOf(name: string): Promise<string[]> {
  const { lines } = await containers.logs(
    { engine: "web-1", fullId: ids[name] ?? "" },
    { tail: 5000 },
    createSharedBudget(AbortSignal.timeout(5000)),
  );
  return lines.map(({ timestamp, message }) => `${timestamp} ${message}`).toSorted();
}

/**
 * Docker keeps the two streams of a container almost, but not quite, in the order of their times: a
 * line is as old as the one before it.
 */
function toPlaces(lines: readonly Line[]): string[] {
  const last = new Map<string, string>();
  return lines.map(({ container: { name }, timestamp }) => {
    const place = [timestamp, last.get(name) ?? ""].toSorted()[1] ?? "";
    last.set(name, place);
    return place;
  });
}

test("a role's log covers restarts and releases in order, each line once", async () => {
  const role = await follow("env: STAGING, tail: 5000");
  const has = (text: string) => until(async () => role.lines.some(({ message }) => message === text), 20_000);
  await has("a 20");
  await callDocker(socketPath, "POST", `/containers/${ids["b"]}/restart?t=2`);
  await has("b bye");
  await start("c", "v2");
  await start("d", "v2");
  await has("c 10");
  await has("d 10");
  const old = await Promise.all(
    ["a", "b"].map(async (name) => {
      await stopContainer(socketPath, ids[name] ?? "");
      return logOf(name);
    }),
  );
  await has("a bye");
  await until(async () => role.notices.filter(({ notice }) => notice === "LEFT").length === 2, 15_000);
  for (const name of ["c", "d"]) await stopContainer(socketPath, ids[name] ?? "");
  const countOf = (name: string) =>
    role.lines.filter(({ kind, container }) => kind === "LINE" && container.name === `rolelogs-${name}`).length;
  for (const name of ["c", "d"]) await until(async () => countOf(name) === (await logOf(name)).length);
  await role.stop();

  const written = role.lines.filter(({ kind }) => kind === "LINE");
  const of = (name: string) =>
    written
      .filter(({ container }) => container.name === `rolelogs-${name}`)
      .map(({ timestamp, message }) => `${timestamp} ${message}`)
      .toSorted();
  expect(of("a")).toEqual(old[0]);
  expect(of("b")).toEqual(old[1]);
  expect(of("c")).toEqual(await logOf("c"));
  expect(of("d")).toEqual(await logOf("d"));
  expect(role.dropped()).toBe(0);

  // What comes after a later line was more than the half second on its way for which lines wait: an
  // engine on a busy machine.
  const places = toPlaces(role.lines);
  let last = "";
  const early = role.lines.filter(({ receivedAt }, index) => {
    const place = places[index] ?? "";
    if (place >= last) last = place;
    return place < last && receivedAt - Date.parse(place) <= 500;
  });
  expect(early).toEqual([]);

  const markers = role.lines.filter(({ kind }) => kind === "MARKER");
  expect(markers.map(({ container }) => container)).toEqual([
    { name: "rolelogs-c", version: "v2", engine: "web-1", env: "STAGING" },
  ]);
  const place = (find: (line: Line) => boolean) => role.lines.findIndex(find);
  expect(place(({ kind }) => kind === "MARKER")).toBeLessThan(
    place(({ container, kind }) => kind === "LINE" && container.version === "v2"),
  );
});

test("a role's newest lines name the engine that cannot be asked", async () => {
  await Promise.all(
    ["a", "b", "c", "d"].map((name) => callDocker(socketPath, "POST", `/containers/${ids[name]}/start`)),
  );
  await sleep(500);
  await Promise.all(["c", "d"].map((name) => pauseContainer(socketPath, String(ids[name]))));
  await Promise.all(["a", "b"].map((name) => pauseContainer(socketPath, String(ids[name]))));
  await sleep(500);
  const ask = (args: string) =>
    gateway.query(
      `{ logs(role: "web", ${args}) { lines { ${fields} } truncated containers { container { name } truncated error { code } } engines { name ok error { code } } } }`,
    );
  const { data, errors } = (await ask("tail: 300, stream: STDOUT")).body;
  expect(errors).toBeUndefined();
  const all = (await Promise.all(["a", "b", "c", "d"].map(logOf))).flat().filter((text) => !text.includes(" err "));
  const written = data.logs.lines.filter(({ kind }: Line) => kind === "LINE");
  expect(written.map(({ timestamp, message }: Line) => `${timestamp} ${message}`)).toEqual(all.toSorted().slice(-300));
  expect(data.logs.truncated).toBe(all.length > 300);
  expect(data.logs.containers.map(({ container }: Line) => container.name)).toEqual(
    ["a", "b", "c", "d"].map((name) => `rolelogs-${name}`),
  );
  expect(data.logs.engines).toEqual([
    { name: "web-1", ok: true, error: null },
    { name: "gone", ok: false, error: { code: "docker_unavailable" } },
  ]);
  const whole = (await ask("tail: 5000")).body.data.logs;
  expect(whole.truncated).toBe(false);
  expect(
    (await ask(`tail: 5, search: "bye"`)).body.data.logs.lines.filter(({ kind }: Line) => kind === "LINE"),
  ).toHaveLength(5);
});

test("a short-lived container's lines are not lost, though it is not listed", async () => {
  await start("stays", "v3", "trap 'exit 0' TERM; while :; do echo tick; sleep 0.1; done", "crash");
  const role = await follow("env: STAGING, tail: 0", "crash");
  // Only then has it begun: what starts before is not new to it.
  await role.seen(() => role.lines.some(({ message }) => message === "tick"));
  const fatal = () => role.lines.filter(({ message }) => message !== "tick");
  // Containers that run together may write in any order.
  for (const name of ["x", "y", "z"]) await start(name, "v4", `echo ${name} fatal; exit 1`, "crash", runContainer);
  await role.seen(() => fatal().filter(({ kind }) => kind === "LINE").length === 3);
  await sleep(1000);
  await role.stop();
  expect(fatal().map(({ kind, message }) => (kind === "MARKER" ? kind : message))).toEqual([
    "MARKER",
    "x fatal",
    "y fatal",
    "z fatal",
  ]);
});

test("a busy role's log is complete, each container's lines in order", async () => {
  const busy = (name: string) =>
    `trap 'exit 0' TERM; sleep 2; seq 60000 | sed 's/^/${name} /'; echo ${name} end; sleep 100 & wait`;
  await Promise.all(["e", "f"].map((name) => start(name, "v3", busy(name), "busy")));
  const role = await follow("env: STAGING, tail: 0", "busy");
  await until(async () => role.lines.filter(({ message }) => message.endsWith(" end")).length === 2, 25_000);
  await role.stop();
  const written = role.lines.filter(({ kind }) => kind === "LINE");
  for (const name of ["e", "f"]) {
    const own = written.filter(({ container }) => container.name === `rolelogs-${name}`);
    expect(own.map(({ message }) => message)).toEqual([
      ...Array.from({ length: 60_000 }, (_, n) => `${name} ${n + 1}`),
      `${name} end`,
    ]);
  }
  expect(role.dropped()).toBe(0);
});

test("a role's log crosses the last deploy, with a marker at the release", async () => {
  const says = (text: string) => `echo ${text}; trap 'echo ${text} bye; exit 0' TERM; while :; do sleep 0.05; done`;
  await start("v5", "v5", says("five"), "history");
  // A marker has the time of its container in whole seconds.
  await sleep(2100);
  await start("v6", "v6", says("six"), "history");
  // Its shell may begin later than Docker says it has started.
  await until(async () => (await logOf("v6")).length === 1);
  await stopContainer(socketPath, ids["v5"] ?? "");
  const ask = async (args: string) => {
    const { body } = await gateway.query(
      `{ logs(role: "history", env: STAGING, ${args}) { lines { kind message container { name version } } truncated containers { container { name } truncated error { code } } } }`,
    );
    expect(body.errors).toBeUndefined();
    return body.data.logs;
  };
  const names = async () => (await ask("tail: 1")).containers.map(({ container }: Line) => container.name);
  const shown = async () => {
    const { containers: rows } = (await gateway.query("{ containers { name role } }")).body.data;
    return rows.filter(({ role }: { role: string }) => role === "history").map(({ name }: { name: string }) => name);
  };
  // The list of containers does not show it, its log does.
  await until(async () => (await shown()).join() === "rolelogs-v6");
  expect(await names()).toEqual(["rolelogs-v6", "rolelogs-v5"]);
  const page = await ask('tail: 200, since: "2h"');
  const texts = page.lines.map(({ kind, message }: Line) => (kind === "MARKER" ? "marker" : message));
  expect(texts).toEqual(["five", "marker", "six", "five bye"]);
  expect(page.lines.map(({ container }: Line) => container.version)).toEqual(["v5", "v6", "v6", "v5"]);
  expect(page.truncated).toBe(false);
  expect(page.containers.map((part: { error: unknown }) => part.error)).toEqual([null, null]);
  expect((await ask("tail: 1")).lines.map(({ message }: Line) => message)).toEqual(["five bye"]);
});

test("a new container's backlog gives its newest lines and the omitted count", async () => {
  await start("rest", "v7", "trap 'exit 0' TERM; while :; do sleep 0.1; done", "torrent");
  const role = await follow("env: STAGING, tail: 0", "torrent");
  await start("torrent", "v8", "seq 400000; echo end; exec sleep 100", "torrent");
  await until(async () => role.lines.some(({ message }) => message === "end"), 25_000);
  await role.stop();
  const written = role.lines.filter(({ kind }) => kind === "LINE").slice(0, -1);
  const numbers = written.map(({ message }) => Number(message));
  const omitted = 400_000 - numbers.length;
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => omitted + n + 1));
  // On a busy machine there is no time to count them: then it says that there are some, at least.
  expect(role.dropped()).toBeLessThanOrEqual(omitted);
  expect([role.dropped() > 0, role.notices.some(({ notice }) => notice === "TRUNCATED")]).toEqual([
    omitted > 0,
    omitted > 0,
  ]);
});
