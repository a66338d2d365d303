import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import type { Container } from "../../src/containers/container.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toBound } from "../support/bound.ts";
import { createContainer, findRows, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";

let dockerd: Dockerd;

beforeAll(async () => {
  dockerd = await startDockerd(join(inject("runFolder"), "liveness"), { bridge: false, args: ["--live-restore"] });
});

afterAll(async () => {
  await dockerd.stop();
});

/** As the gateway makes it: with the deadlines of production. */
function createSource() {
  const address = { kind: "unix", socketPath: dockerd.socketPath } as const;
  const engines = [{ name: "own", env: null, address }];
  const source = createContainerSource({
    engines,
    rules: rulesOf("livecheck"),
    logger: silentLogger,
    cgroupRoot: null,
  });
  const row = async (fullId: string) => (await findRows(source, [{ engine: "own", fullId }]))[0] ?? null;
  return { ...source, row, [Symbol.asyncDispose]: () => source.close() };
}

test("a silent daemon is noticed in 3 s, or by the next request", async () => {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(createSource());
  const { pid } = dockerd;
  stack.defer(() => void process.kill(pid, "SIGCONT"));
  const isOk = async () => (await source.list(soon())).engines[0]?.ok;
  expect(await isOk()).toBe(true);

  process.kill(pid, "SIGSTOP");
  const start = performance.now();
  await until(async () => !(await isOk()), 5000);
  expect(performance.now() - start).toBeLessThan(toBound(4500));
  process.kill(pid, "SIGCONT");
  await until(async () => (await isOk()) === true);

  await sleep(200);
  process.kill(pid, "SIGSTOP");
  await sleep(3500);
  expect(await isOk()).toBe(false);
  process.kill(pid, "SIGCONT");
  await until(async () => (await isOk()) === true);
});

test("a daemon's restart restores inventory, logs and restarts by itself", async () => {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(createSource());
  const labels = { service: "livecheck", role: "web" };
  const counter = "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo line-$i; sleep 0.05; done";
  const web = await startContainer(dockerd.socketPath, { name: "livecheck-web", labels, cmd: ["sh", "-c", counter] });
  // Ends while the daemon is away, when something outside of Docker says so.
  const folder = join(inject("runFolder"), "liveness");
  const cmd = ["sh", "-c", "while [ ! -e /shared/end ]; do sleep 0.05; done; touch /shared/ended; exit 3"];
  const ending = await startContainer(dockerd.socketPath, {
    name: "livecheck-ending",
    labels,
    cmd,
    binds: [`${folder}:/shared`],
  });
  const ref = { engine: "own", fullId: web };
  await until(async () => (await source.list(soon())).containers.length === 2);
  const { startedAt } = (await source.row(web)) as Container;

  const abort = new AbortController();
  const [messages, notices]: [string[], string[]] = [[], []];
  const reading = (async () => {
    for await (const batch of await source.follow(ref, { tail: 1000 }, abort.signal)) {
      messages.push(...batch.lines.map(({ message }) => message));
      if (batch.notice) notices.push(batch.notice);
    }
  })();
  await until(async () => messages.length > 5);

  await dockerd.halt();
  writeFileSync(join(folder, "end"), "");
  await until(async () => existsSync(join(folder, "ended")));
  await dockerd.start();
  const added = await createContainer(dockerd.socketPath, { name: "livecheck-added", labels });
  await until(async () => {
    const { engines } = await source.list(soon());
    const rows = await Promise.all([web, ending, added].map((id) => source.row(id).catch(() => null)));
    return (
      engines[0]?.ok === true && rows.map((row) => row?.status).join() === "running,exited,created" && !rows[0]?.stale
    );
  }, 10_000);
  // It never stopped.
  expect(((await source.row(web)) as Container).startedAt).toBe(startedAt);

  const begun = messages.length;
  await until(async () => messages.length > begun + 20);
  expect(notices).toContain("engine_lost");
  const { container } = await source.restart(ref, 0);
  expect(Date.parse(container.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(startedAt ?? ""));
  await until(async () => messages.lastIndexOf("line-3") > begun);
  abort.abort();
  await reading;
  // Each line once, before the restart and after it.
  const numbers = messages.map((message) => Number(message.slice(5)));
  expect(numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1)).toEqual([1]);
});
