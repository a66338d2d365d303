import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { buildBundle } from "../../script/build.ts";
import { freePort } from "../../script/services/process.ts";
import { startDockerProxy } from "../support/docker-count-proxy.ts";
import { bootSystemd } from "../support/systemd.ts";
import { until } from "../support/until.ts";

/**
 * deploy/systemd/wallet-core-ops.service as docs/install.md installs it, run by a real systemd with
 * all its restrictions. Where the machine has the first version of control groups, systemd cannot
 * set MemoryMax and TasksMax.
 */
const unit = "deploy/systemd/wallet-core-ops.service";
const folder = mkdtempSync(join(inject("runFolder"), "systemd-"));
const container = "systemd-web-v1";
const token = "ops_systemd-0123456789";
const authorized = { authorization: `Bearer ${token}` };
const socketPath = inject("dockerSocket");
let url: string;
let machine: Awaited<ReturnType<typeof bootSystemd>>;
let proxy: Awaited<ReturnType<typeof startDockerProxy>>;

const docker = (...args: readonly string[]) => execFileSync("docker", ["--host", `unix://${socketPath}`, ...args]);
const show = (property: string) =>
  machine.within("systemctl", "show", "--value", "--property", property, "wallet-core-ops");
const ask = (path: string, init: RequestInit = {}) =>
  fetch(url + path, { headers: authorized, signal: AbortSignal.timeout(20_000), ...init });

beforeAll(async () => {
  const sockets = join(folder, "sockets");
  const installed = join(folder, "dist");
  mkdirSync(sockets);
  await buildBundle(installed);
  chmodSync(join(installed, "cli.cjs"), 0o755);
  docker("run", "--detach", `--name=${container}`, "--label=service=systemd", "--label=role=web", "ops-sample:latest");
  // A socket as Docker's own: open to root and to the group.
  proxy = await startDockerProxy(socketPath, sockets);
  chownSync(proxy.socketPath, 0, Number(/^docker:[^:]*:(\d+):/m.exec(readFileSync("/etc/group", "utf8"))?.[1]));
  chmodSync(proxy.socketPath, 0o660);
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const settings = {
    PORT: port,
    SERVICE: "systemd",
    RESTART: "on",
    DOCKER_HOSTS: `unix://${proxy.socketPath.replace(sockets, "/run/docker-filtered")}`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `WALLET_CORE_OPS_${name}=${value}\n`);
  // What `systemctl edit` adds, for the engine's own socket; and the log to the console, which
  // would go to the journal.
  const edited = join(folder, "wallet-core-ops.service");
  const added = "[Service]\nSupplementaryGroups=docker\nStandardOutput=tty\nTTYPath=/dev/console\n";
  writeFileSync(edited, `${readFileSync(unit, "utf8")}\n${added}`);
  machine = await bootSystemd({
    folder,
    units: [edited],
    files: [
      { path: "/etc/wallet-core-ops/env", text: lines.join(""), mode: 0o644 },
      { path: "/etc/wallet-core-ops/token", text: `${token}\n`, mode: 0o600 },
    ],
    links: [["/usr/local/bin/wallet-core-ops", "/usr/local/lib/node_modules/@wallet-core/ops/dist/cli.cjs"]],
    mounts: [
      [process.execPath, "/usr/local/bin/node"],
      [installed, "/usr/local/lib/node_modules/@wallet-core/ops/dist"],
      [sockets, "/run/docker-filtered"],
    ],
  });
  const isHealthy = async () => (await ask("/healthz").catch(() => null))?.ok === true;
  await until(isHealthy).catch((error: unknown) => {
    throw new Error(`the service does not answer: ${machine.log()}`, { cause: error });
  });
}, 180_000);

afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  await proxy?.close();
  docker("rm", "--force", container);
  rmSync(folder, { recursive: true, force: true });
});

it("systemd-analyze security finds an exposure below 2.0", () => {
  const args = ["security", "--offline=true", "--threshold=20", "--no-pager", unit];
  const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
  expect({ status, exposure: Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]) < 2 }).toEqual({
    status: 0,
    exposure: true,
  });
});

it("systemd-analyze verify finds nothing where the package is installed", () => {
  // It prints warnings, and exits with 0, for what it ignores.
  const verify = 'systemd-analyze verify --man=no "$0" 2>&1';
  expect(machine.within("sh", "-c", verify, "/run/units/wallet-core-ops.service")).toBe("");
});

it("the service answers with the token of its credential", async () => {
  expect((await ask("/api/v1/admin/ops/containers", { headers: {} })).status).toBe(401);
  const answer = await ask("/api/v1/admin/ops/containers?include_stats=true");
  expect({ status: answer.status, body: await answer.json() }).toMatchObject({
    status: 200,
    body: [{ name: container, cpu_pct: expect.any(Number), mem_pct: expect.any(Number) }],
  });
});

it("the console is served", async () => {
  const page = await fetch(url, { headers: { accept: "text/html" } });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
});

it("the process is a user of its own, without capabilities, filtered", () => {
  const status = machine.within("cat", `/proc/${show("MainPID")}/status`);
  const value = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1] ?? "";
  expect(Number(value("Uid"))).toBeGreaterThan(60_000);
  expect([value("CapEff"), value("CapBnd")]).toEqual(["0".repeat(16), "0".repeat(16)]);
  expect([value("NoNewPrivs"), value("Seccomp")]).toEqual(["1", "2"]);
});

it("a restart is recorded in the state folder, which others cannot read", async () => {
  const answer = await ask(`/api/v1/admin/ops/containers/${container}/restart?reason=test`, { method: "POST" });
  expect({ status: answer.status, body: await answer.json() }).toMatchObject({
    status: 200,
    body: { restarted: true },
  });
  expect(machine.within("cat", "/var/lib/wallet-core-ops/audit.jsonl")).toContain(container);
  expect(machine.within("stat", "--format=%a", "/var/lib/private/wallet-core-ops")).toBe("700");
});

it("systemctl stop ends it with 0, and its port is closed", async () => {
  machine.within("systemctl", "stop", "wallet-core-ops");
  expect([show("Result"), show("ExecMainStatus"), show("ActiveState")]).toEqual(["success", "0", "inactive"]);
  await expect(ask("/healthz")).rejects.toThrow("fetch failed");
});

it("a mistake in the settings is said once, and not tried again", async () => {
  machine.within("sh", "-c", "echo WALLET_CORE_OPS_PROT=1 >>/etc/wallet-core-ops/env");
  machine.within("systemctl", "start", "wallet-core-ops");
  await expect.poll(() => show("ActiveState")).toBe("failed");
  expect([show("ExecMainStatus"), show("NRestarts")]).toEqual(["78", "0"]);
  expect(machine.log()).toContain("WALLET_CORE_OPS_PROT");
});
