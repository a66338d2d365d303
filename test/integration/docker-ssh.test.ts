import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { SshAddress } from "../../src/containers/docker/address.ts";
import { probeEngine } from "../../src/containers/docker/probe.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { findRows, removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { type Sshd, startSshd } from "../support/sshd.ts";
import { until } from "../support/until.ts";

const dockerSocket = inject("dockerSocket");
const folder = mkdtempSync(join(inject("runFolder"), "ssh-"));
let sshd: Sshd;
let fullId: string;

beforeAll(async () => {
  sshd = await startSshd(join(folder, "server"));
  const labels = { service: "sshcheck", role: "web" };
  fullId = await startContainer(dockerSocket, { name: "sshcheck-web-1", labels });
});

afterAll(async () => {
  await removeContainers(dockerSocket, [fullId]);
  await sshd.stop();
});

function engine(change: Partial<SshAddress> = {}) {
  const { port, key, knownHosts } = sshd;
  const address: SshAddress = {
    kind: "ssh",
    host: "127.0.0.1",
    port,
    user: "root",
    key,
    knownHosts,
    socketPath: dockerSocket,
    ...change,
  };
  return { name: "remote", env: null, address };
}

test("all calls go through one SSH connection", async () => {
  const before = sshd.logins();
  const source = createContainerSource({
    engines: [engine()],
    rules: rulesOf("sshcheck"),
    logger: silentLogger,
    cgroupRoot: null,
  });
  const { containers, engines } = await source.list(soon());
  expect(engines).toMatchObject([{ ok: true, error: null }]);
  const ref = { engine: "remote", fullId };
  expect(containers.find((container) => container.fullId === fullId)).toMatchObject({
    name: "sshcheck-web-1",
    hostNames: ["remote", "127.0.0.1"],
  });
  await Promise.all(Array.from({ length: 30 }, () => source.inspectNow(ref, createSharedBudget(soon()))));
  expect(await source.stats([ref], createSharedBudget(soon()))).toMatchObject([{ cpuPct: expect.any(Number) }]);
  expect(await source.logs(ref, { tail: 5 }, createSharedBudget(soon()))).toMatchObject({ lines: [] });
  const started = (await findRows(source, [ref]))[0];
  expect(await source.restart(ref, 0)).toMatchObject({ container: { status: "running" } });
  // Its events come the same way.
  await until(async () => (await findRows(source, [ref]))[0] !== started, 2000);
  expect(sshd.logins() - before).toBe(1);
  await source.close();
});

test.each([
  ["a host with another key than the known one", () => ({ knownHosts: sshd.otherHosts }), "shows another key"],
  ["a host that is not known", () => ({ knownHosts: emptyFile() }), "not in the known_hosts file"],
  ["a key that it does not let in", () => ({ key: sshd.strangerKey }), "refuses our key"],
  ["files that are missing", () => ({ key: "/nowhere/id" }), "cannot be read"],
  ["a socket that is not there", () => ({ socketPath: "/nowhere.sock" }), "does not lead to the socket"],
  ["nothing that listens", () => ({ port: 1, knownHosts: unverified() }), "nothing listens there"],
])("the failure %s has its own error", async (_, change, reason) => {
  const before = sshd.logins();
  const probe = await probeEngine(engine(change()));
  expect(probe).toMatchObject({ ok: false, detail: expect.stringContaining(reason) });
  expect(sshd.logins() - before).toBe(reason.includes("socket") ? 1 : 0);
});

test("a lost SSH connection is opened again", async () => {
  const source = createContainerSource({ engines: [engine()], rules: rulesOf("sshcheck"), logger: silentLogger });
  await source.list(soon());
  const before = sshd.logins();
  sshd.drop();
  await until(async () => sshd.logins() > before && (await source.list(soon())).engines[0]?.ok === true);
  expect(await source.inspectNow({ engine: "remote", fullId }, createSharedBudget(soon()))).toMatchObject({
    container: { status: "running" },
  });
  await source.close();
});

function emptyFile(): string {
  const path = join(folder, "empty");
  writeFileSync(path, "");
  return path;
}

/** Any key, for a host that is not even reached. */
function unverified(): string {
  const path = join(folder, "any");
  writeFileSync(path, "[127.0.0.1]:1 ssh-ed25519 AAAA\n");
  return path;
}
