import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import type { Container, ContainerStats } from "../../src/containers/container.ts";
import { probeEngine } from "../../src/containers/docker/probe.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import type { LogLine } from "../../src/containers/logs/log.ts";
import type { ContainerSource } from "../../src/containers/source.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toLogTimestamp } from "../../src/lib/time.ts";
import { createContainer, findRows, removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";
import { asker } from "../support/stats-sample.ts";

const podman = inject("podman");
const socketPath = "socketPath" in podman ? podman.socketPath : "";
const sha = "4f2a91c4f2a91c4f2a91c4f2a91c4f2a91c4f2a9";
const address = { kind: "unix", socketPath } as const;

function createSource(more: object = {}): ContainerSource {
  const engines = [{ name: "pod-1", env: null, address }];
  return createContainerSource({ engines, rules: rulesOf("podcheck"), logger: silentLogger, ...more });
}

describe.skipIf("missing" in podman)(`Podman${"missing" in podman ? ` (skipped: ${podman.missing})` : ""}`, () => {
  const source = createSource();
  const ids: string[] = [];
  let web: string;

  const start = async (spec: Parameters<typeof startContainer>[1]) => {
    const id = await startContainer(socketPath, spec);
    ids.push(id);
    return id;
  };
  const refOf = (fullId: string) => ({ engine: "pod-1", fullId });
  const row = async (fullId: string) => (await findRows(source, [refOf(fullId)]))[0] as Container;
  /** On a machine with systemd a timer does this. */
  const runHealthCheck = (id: string) => callDocker(socketPath, "GET", `/v4.0.0/libpod/containers/${id}/healthcheck`);

  beforeAll(async () => {
    web = await start({
      name: `podcheck-web-staging-${sha}`,
      labels: { service: "podcheck", role: "web", destination: "staging" },
      hostname: "10.0.0.7-56703216100c",
      env: [`KAMAL_VERSION=${sha}`, "DATABASE_PASSWORD=hunter2"],
      healthCmd: "echo checked; test ! -e /tmp/sick",
      cmd: ["sh", "-c", "trap 'echo bye; exit 0' TERM; i=0; while :; do i=$((i+1)); echo line-$i; sleep 0.02; done"],
    });
  });

  afterAll(async () => {
    await source.close();
    await removeContainers(socketPath, ids);
  });

  test("is probed, listed and inspected by Kamal's rules", async () => {
    expect(await probeEngine({ name: "pod-1", env: null, address })).toMatchObject({ ok: true });
    const redis = await start({ name: "podcheck-redis", labels: { service: "podcheck-redis" } });
    const labels = { service: "podcheck", role: "cron" };
    const stopped = await createContainer(socketPath, { name: "podcheck-cron", labels, publish: "127.0.0.1:18099:80" });
    ids.push(stopped);
    const { containers, engines } = await source.list(soon());
    expect(engines).toMatchObject([{ name: "pod-1", ok: true, error: null }]);
    expect(containers.map(({ fullId }) => fullId).toSorted()).toEqual([web, redis, stopped].toSorted());
    expect(await row(web)).toMatchObject({
      name: `podcheck-web-staging-${sha}`,
      kind: "core",
      role: "web",
      env: "staging",
      status: "running",
      version: sha,
      commitSha: sha,
      restarts: 0,
      host: "10.0.0.7-56703216100c",
      startedAt: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      image: "docker.io/library/ops-sample:latest",
      stale: false,
    });
    // A host name that Podman made up gives way to the container's.
    expect(await row(redis)).toMatchObject({
      kind: "accessory",
      role: "redis",
      host: "podcheck-redis",
      health: "none",
    });
    expect(await row(stopped)).toMatchObject({ status: "created", startedAt: null, ports: ["127.0.0.1:18099"] });
    expect(JSON.stringify(containers)).not.toContain("hunter2");
  });

  test("reports events within a second, health included", async () => {
    await source.list(soon());
    const isSeen = (check: (container: Container) => boolean, id = web) =>
      until(async () => check(await row(id)), 1000);
    await runHealthCheck(web);
    await isSeen(({ health, probe }) => health === "healthy" && probe?.output === "checked\n");
    const { Id: exec } = (await callDocker(socketPath, "POST", `/containers/${web}/exec`, {
      Cmd: ["touch", "/tmp/sick"],
    })) as {
      Id: string;
    };
    await callDocker(socketPath, "POST", `/exec/${exec}/start`, { Detach: true });
    await until(async () => ((await runHealthCheck(web)) as { Status: string }).Status === "unhealthy");
    await isSeen(({ health, probe }) => health === "unhealthy" && (probe?.failingStreak ?? 0) > 0);

    const id = await start({ name: "podcheck-changing", labels: { service: "podcheck", role: "changing" } });
    await isSeen((container) => container?.status === "running", id);
    await callDocker(socketPath, "POST", `/containers/${id}/pause`);
    await isSeen(({ status }) => status === "paused", id);
    await callDocker(socketPath, "POST", `/containers/${id}/unpause`);
    await callDocker(socketPath, "POST", `/containers/${id}/rename?name=podcheck-renamed`);
    await isSeen(({ status, name }) => status === "running" && name === "podcheck-renamed", id);
    await callDocker(socketPath, "POST", `/containers/${id}/kill`);
    await isSeen(({ status }) => status === "exited", id);
    await removeContainers(socketPath, [id]);
    await until(async () => (await row(id)) === null, 1000);
    expect((await source.list(soon())).containers.map(({ fullId }) => fullId)).not.toContain(id);
  });

  test("has statistics that agree with the cgroup files, if local", async () => {
    const spin = { cmd: ["sh", "-c", "while :; do :; done"], cpu: 0.2, memory: 64 << 20 };
    const ref = refOf(await start({ name: "podcheck-spin", ...spin }));
    await using stack = new AsyncDisposableStack();
    const [engine, files] = [
      createSource({ cgroupRoot: null, statsWindowMs: 1500 }),
      createSource({ statsWindowMs: 1500 }),
    ];
    stack.defer(() => engine.close());
    stack.defer(() => files.close());
    const answers = await Promise.all([engine, files].map((each) => each.stats([ref], createSharedBudget(soon()))));
    expect(answers.flat().map((stats) => (stats as { source: string }).source)).toEqual(["engine", "cgroup"]);
    for (const stats of answers.flat()) {
      expect(stats).toMatchObject({ memLimitBytes: 64 << 20 });
      expect(await (stats as ContainerStats).counters(asker)).toMatchObject({ pids: 1, networkReceiveBytes: null });
      expect((stats as { memPct: number }).memPct).toBeGreaterThan(0);
    }
    // Podman tells of the host's busy time only: by Docker's formula this would be near 200 on an
    // idle machine.
    const [asked = 0, read = 0] = answers.flat().map((stats) => (stats as { cpuPct: number }).cpuPct);
    expect(Math.abs(asked - read)).toBeLessThan(5);
    expect(asked).toBeGreaterThan(5);
    expect(asked).toBeLessThan(25);
    const exited = await start({ name: "podcheck-ended", cmd: ["true"] });
    await callDocker(socketPath, "POST", `/containers/${exited}/wait`);
    expect(await engine.stats([refOf(exited)], createSharedBudget(soon()))).toEqual([null]);
  });

  test("has logs: tail, stream, since and until, a terminal", async () => {
    const script = "echo a; echo b >&2; sleep 2.2; echo c; echo d";
    const plain = refOf(await start({ name: "podcheck-lines", cmd: ["sh", "-c", script] }));
    const tty = refOf(await start({ name: "podcheck-tty", tty: true, cmd: ["sh", "-c", "echo one; echo two >&2"] }));
    await Promise.all([plain, tty].map(({ fullId }) => callDocker(socketPath, "POST", `/containers/${fullId}/wait`)));
    const read = async (options: object) =>
      (await source.logs(plain, { tail: 100, ...options }, createSharedBudget(soon()))).lines;
    const texts = async (options: object = {}) => (await read(options)).map(({ message }) => message);
    expect(await texts()).toEqual(["a", "b", "c", "d"]);
    expect(await texts({ tail: 2 })).toEqual(["c", "d"]);
    expect(await texts({ stream: "stderr" })).toEqual(["b"]);
    // Two seconds lie between them, and Podman tells whole ones.
    const [first, , third] = (await read({})).map(({ timestamp }) => Date.parse(timestamp) / 1000);
    expect(await texts({ since: toLogTimestamp(`${third}.000000000`) })).toEqual(["c", "d"]);
    expect(await texts({ since: toLogTimestamp(`${third}.000000001`) })).toEqual(["c", "d"]);
    expect(await texts({ since: toLogTimestamp(`${third}.999999999`) })).toEqual([]);
    expect(await texts({ until: toLogTimestamp(`${(first ?? 0) + 1}.000000000`) })).toEqual(["a", "b"]);
    expect(
      (await source.logs(tty, { tail: 9 }, createSharedBudget(soon()))).lines.map(({ message }) => message),
    ).toEqual(["one", "two"]);
  });

  test("loses no line of a busy log between its history and its stream", async () => {
    const loop = "while :; do i=$((i+1)); echo line-$i; [ $((i%10)) = 0 ] && sleep 0.003; done";
    const busy = refOf(await start({ name: "podcheck-busy", cmd: ["sh", "-c", `i=0; ${loop}`] }));
    for (let round = 0; round < 5; round++) {
      const numbers: number[] = [];
      for await (const { lines } of await source.follow(busy, { tail: 10 }, new AbortController().signal)) {
        numbers.push(...lines.map(({ message }) => Number(message.slice("line-".length))));
        if (numbers.length > 500) break;
      }
      expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    }
  });

  test("gives every reader each line once over a graceful restart", async () => {
    const readers: { lines: LogLine[]; notices: string[]; done: Promise<void> }[] = [];
    const abort = new AbortController();
    for (let n = 0; n < 5; n++) {
      const reader = { lines: [] as LogLine[], notices: [] as string[], done: Promise.resolve() };
      reader.done = (async () => {
        const tail = n % 2 === 0 ? 5000 : 0;
        for await (const batch of await source.follow(refOf(web), { tail }, abort.signal)) {
          reader.lines.push(...batch.lines);
          if (batch.notice) reader.notices.push(batch.notice);
        }
      })();
      readers.push(reader);
      await sleep(230);
    }
    const { engineId, at, stopSeconds } = (await source.markRestart(refOf(web))).mark;
    // Podman makes a new one up for each question.
    expect(engineId).toBeNull();
    const since = new Date(at);
    const end = new Date(since.getTime() + 600_000);
    expect(await source.restartedSince(refOf(web), since, end)).toBe(false);
    const { container } = await source.restart(refOf(web), stopSeconds);
    expect(container).toMatchObject({ status: "running", startedAt: expect.any(String) });
    expect(await source.restartedSince(refOf(web), since, end)).toBe(true);
    const isPast = (lines: readonly LogLine[]) => {
      const texts = lines.map(({ message }) => message);
      return texts.lastIndexOf("line-30") > texts.indexOf("bye") && texts.includes("bye");
    };
    await until(async () => readers.every(({ lines }) => isPast(lines)));
    abort.abort();
    await Promise.all(readers.map(({ done }) => done));
    for (const { lines, notices } of readers) {
      const texts = lines.map(({ message }) => message);
      const numbers = texts.filter((text) => text !== "bye").map((text) => Number(text.slice(5)));
      expect(numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1)).toEqual([1]);
      expect(texts.filter((text) => text === "bye")).toHaveLength(1);
      expect(notices).toContain("resumed");
    }
  });

  test("runs a health check on demand, and ends a slow one", async () => {
    const hanging = await start({ name: "podcheck-hanging", healthCmd: "echo begun; sleep 60 & sleep 60" });
    const well = await start({ name: "podcheck-well", healthCmd: "echo well" });
    expect(await source.probe(refOf(well))).toMatchObject({ exitCode: 0, output: "well\n", timedOut: false });
    expect(await source.probe(refOf(hanging))).toMatchObject({ output: "begun\n", timedOut: true });
    const { Processes } = (await callDocker(socketPath, "GET", `/containers/${hanging}/top`)) as {
      Processes: string[][];
    };
    expect(JSON.stringify(Processes)).not.toContain("sleep 60");
  });
});
