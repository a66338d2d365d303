import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, inject, it } from "vitest";
import { runCli, startCli } from "../support/cli-process.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { readAudit, startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const audit = join(mkdtempSync(join(inject("runFolder"), "terminal-")), "audit.jsonl");
const ids: string[] = [];
afterAll(() => removeContainers(socketPath, ids));

/** Counts its starts; ends at SIGTERM. */
const counts = ["sh", "-c", "echo >>/starts; trap 'exit 0' TERM; while :; do sleep 0.1; done"];
const onlyOnce = '[ "$(wc -l </starts)" -lt 2 ]';

async function start(name: string, role: string, healthCmd: string) {
  const labels = { service: "terminal", role, destination: "staging" };
  ids.push(await startContainer(socketPath, { name: `terminal-${name}`, labels, healthCmd, cmd: counts }));
}

it("restart and wait work on a real engine, from a shell", { timeout: 120_000 }, async () => {
  await start("web-1", "web", "true");
  await start("web-2", "web", "true");
  await start("turns", "turns", onlyOnce);
  await using own = await startGatewayProcess(socketPath, "terminal", audit);
  using restarts = await watchRestarts(socketPath);
  // Other files restart containers of this engine too.
  const restarted = () => restarts.names.filter((name) => name.startsWith("terminal-"));
  const env = { OPS_URL: own.url, OPS_TOKEN: own.token };
  const run = (...args: string[]) => runCli(args, env);

  expect(await run("wait", "--healthy", "--role", "web", "--role", "turns", "--timeout", "30s")).toMatchObject({
    code: 0,
    out: "",
  });

  const asked = await run("restart", "terminal-web-1");
  expect([asked.code, asked.err]).toEqual([
    2,
    expect.stringContaining("terminal-web-1: running, healthy\n  1 other container of its role is healthy."),
  ]);
  expect(restarted()).toEqual([]);

  const one = await run("restart", "terminal-web-1", "--wait", "--yes", "--reason", "leak", "-o", "json");
  expect(one.code).toBe(0);
  expect(JSON.parse(one.out)).toMatchObject({
    name: "terminal-web-1",
    restarted: true,
    status: "running",
    health: "HEALTHY",
    healthy: true,
  });
  expect(one.out).not.toContain("\u001b");
  await until(async () => restarted().length === 1);

  const role = await run("restart", "web", "--yes", "--reason", "new secret", "--timeout", "30s");
  expect(role).toMatchObject({ code: 0, out: "terminal-web-1: restarted\nterminal-web-2: restarted\n" });
  expect(role.err).toContain("terminal-web-2: running, healthy\n  1 other container of its role is healthy.\n");
  // Its progress, as the engine reported it.
  expect(role.err).toMatch(/\nterminal-web-1: started again: running, (?:starting|healthy)\n/);
  await until(async () => restarted().length === 3);
  expect(restarted()).toEqual(["terminal-web-1", "terminal-web-1", "terminal-web-2"]);

  const sick = await run("restart", "terminal-turns", "--wait", "--yes", "--timeout", "20s");
  expect(sick).toMatchObject({ code: 3, out: "terminal-turns: restarted, running, unhealthy\n" });
  expect(await run("wait", "--healthy", "--role", "turns", "--timeout", "0")).toMatchObject({
    code: 3,
    err: expect.stringContaining("Not met: terminal-turns is unhealthy"),
  });
  expect(readAudit(audit).filter(({ outcome }) => outcome === "ok")).toHaveLength(4);
});

it("wait goes on over a restart of the gateway, Ctrl-C ends it", { timeout: 60_000 }, async () => {
  const first = await startGatewayProcess(socketPath, "terminal", audit);
  const waiting = startCli(["wait", "--healthy", "--role", "late", "--timeout", "50s"], {
    OPS_URL: first.url,
    OPS_TOKEN: first.token,
  });
  await until(async () => waiting.err().includes("no container of the role late is known"));
  await first[Symbol.asyncDispose]();
  await until(async () => waiting.err().includes("(unreachable)"), 15_000);
  await start("late-1", "late", "true");
  await using second = await startGatewayProcess(socketPath, "terminal", audit, { PORT: new URL(first.url).port });
  expect(await waiting.ended).toBe(0);
  expect(waiting.err()).toContain("it holds\n");

  const stopped = startCli(["wait", "--healthy", "--role", "never"], { OPS_URL: second.url, OPS_TOKEN: second.token });
  await until(async () => stopped.err().includes("not yet"));
  stopped.child.kill("SIGINT");
  expect(await stopped.ended).toBe(130);
});
