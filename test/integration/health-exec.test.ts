import { afterAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toBound } from "../support/bound.ts";
import { removeContainers } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("healthexec"),
  logger: silentLogger,
});

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, ids);
});

/** Its own probes are an hour apart: what runs is ours. */
async function start(name: string, check: readonly string[], timeoutSeconds = 2) {
  const { Id: fullId } = (await callDocker(socketPath, "POST", `/containers/create?name=healthexec-${name}`, {
    Image: "ops-sample:latest",
    Cmd: ["sleep", "600"],
    StopTimeout: 0,
    Healthcheck: { Test: check, Interval: 3_600_000_000_000, Timeout: timeoutSeconds * 1_000_000_000, Retries: 1 },
    HostConfig: { NetworkMode: "none" },
  })) as { Id: string };
  ids.push(fullId);
  await callDocker(socketPath, "POST", `/containers/${fullId}/start`);
  return { engine: "web-1", fullId };
}

/** Commands that run inside, as `docker top` tells. */
async function top(fullId: string): Promise<string[]> {
  const { Processes } = (await callDocker(socketPath, "GET", `/containers/${fullId}/top?ps_args=-o%20pid,args`)) as {
    Processes: string[][];
  };
  return Processes.map(([, ...args]) => args.join(" "));
}

test("a probe runs CMD-SHELL and CMD; it has exit code and both streams", async () => {
  const shell = await start("shell", ["CMD-SHELL", "echo out; echo password=hunter2-secret >&2; exit 3"]);
  const run = await source.probe(shell);
  expect(run).toMatchObject({ exitCode: 3, timedOut: false, checkedAt: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(run?.output).toContain("out\n");
  expect(run?.output).not.toContain("hunter2-secret");
  const exec = await start("exec", ["CMD", "echo", "$HOME  two"]);
  expect(await source.probe(exec)).toMatchObject({ exitCode: 0, output: "$HOME  two\n" });
  expect(await source.probe(await start("missing", ["CMD", "no-such-program"]))).toMatchObject({
    exitCode: 127,
    timedOut: false,
  });
  expect(await source.probe(await start("none", ["NONE"]))).toBeNull();
});

test("a slow probe ends with all that it started, and nothing else", async () => {
  const ref = await start("slow", ["CMD-SHELL", "sleep 333 & sleep 334; true"], 1);
  const before = performance.now();
  const probing = source.probe(ref);
  await expect.poll(() => top(ref.fullId)).toContain("sleep 333");
  expect(await probing).toMatchObject({ exitCode: 137, timedOut: true });
  expect(performance.now() - before).toBeLessThan(toBound(3000));
  // What was killed is listed until its parent has taken note of it.
  await expect.poll(() => top(ref.fullId)).toEqual(["sleep 600"]);
});

test("a container has one probe at a time: a second caller shares it", async () => {
  const ref = await start("joined", ["CMD-SHELL", "sleep 0.5; echo x >> /tmp/runs; wc -l < /tmp/runs"]);
  const runs = await Promise.all(Array.from({ length: 10 }, () => source.probe(ref)));
  expect(new Set(runs).size).toBe(1);
  expect(runs[0]?.output.trim()).toBe("1");
  expect((await source.probe(ref))?.output.trim()).toBe("2");
});

test("a removed container is reported at once", async () => {
  await expect(source.probe({ engine: "web-1", fullId: "0".repeat(64) })).rejects.toMatchObject({
    code: "container_not_found",
  });
});
