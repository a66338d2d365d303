import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { freePort } from "../../script/services/process.ts";
import { toBound } from "../support/bound.ts";
import { type CliProcess, startProgram } from "../support/cli-process.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { readAudit, startGatewayProcess } from "../support/gateway-process.ts";
import { createNamespace, type NetworkNamespace } from "../support/network-namespace.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const newAudit = () => join(mkdtempSync(join(inject("runFolder"), "stop-")), "audit.jsonl");
const ids: string[] = [];
/**
 * A name server that takes questions and never answers, and a port that takes connections and never
 * says a word.
 */
const names = createSocket("udp4");
const silent = createServer(() => {});
let network: NetworkNamespace;

beforeAll(async () => {
  network = createNamespace();
  names.bind(53, network.hostAddress);
  silent.listen(0, network.hostAddress);
  await Promise.all([once(names, "listening"), once(silent, "listening")]);
  network.resolveBy(network.hostAddress);
});
afterAll(async () => {
  names.close();
  silent.close();
  network.remove();
  await removeContainers(socketPath, ids);
});

const peers = [
  ["names that nobody answers", () => "upstream.example"],
  ["peers that never say a word", () => network.hostAddress],
] as const;
const everything =
  "{ containers { name } queues { name } hosts { name } deployInfo { commitSha } problems { problems { kind } } }";
/** After its last line, ms. */
const endMs = 2000;

function toUpstreams(host: string) {
  const at = `${host}:${(silent.address() as AddressInfo).port}`;
  return {
    DOCKER_HOSTS: `one=unix://${socketPath};two=tcp://${at}`,
    DATABASE_URL: `postgres://ops@${at}/ops`,
    STATE_URL: `postgres://ops@${at}/state`,
    PROMETHEUS_URL: `http://${at}`,
  };
}

/** Runs a command in the network where nobody answers. */
function start(args: readonly string[], variables: Readonly<Record<string, string>>): CliProcess {
  const env = Object.entries(variables).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value]);
  return startProgram([...network.prefix, process.execPath, "src/cli.ts", ...args], Object.fromEntries(env));
}

describe.concurrent.each(peers)("with %s", (_, toHost) => {
  it("a gateway ends right after the word stopped", async () => {
    const own = await startGatewayProcess(socketPath, "stops", newAudit(), toUpstreams(toHost()), network);
    expect((await own.query(everything)).errors).not.toEqual([]);
    own.kill("SIGTERM");
    await until(() => own.log().includes('"stopped"'));
    const stoppedAt = performance.now();
    expect(await own.ended).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(toBound(endMs));
  });

  it("a fleet ends right after the word stopped", async () => {
    const port = String(await freePort());
    const regions = `one=http://${toHost()}:${(silent.address() as AddressInfo).port}`;
    const own = start(["fleet"], { REGIONS: regions, HOST: network.address, PORT: port });
    await until(() => own.out().includes('"listening"'));
    const url = `http://${network.address}:${port}/graphql`;
    const headers = { authorization: "Bearer process-token-0123456789", "content-type": "application/json" };
    await fetch(url, { method: "POST", headers, body: '{"query":"{ containers { name } }"}' });
    own.child.kill("SIGTERM");
    await until(() => own.out().includes('"stopped"'));
    const stoppedAt = performance.now();
    expect(await own.ended).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(toBound(endMs));
  });

  it("check ends right after its last line", async () => {
    const own = start(["check"], { ...toUpstreams(toHost()), TOKEN: "process-token-0123456789", SERVICE: "stops" });
    let lastAt = performance.now();
    own.child.stdout?.on("data", () => (lastAt = performance.now()));
    expect(await own.ended).toBe(1);
    expect(performance.now() - lastAt).toBeLessThan(toBound(endMs));
  });
});

describe.concurrent("at SIGTERM", () => {
  /** Ignores its own SIGTERM: its restart lasts so many seconds. */
  async function startStubborn(name: string, seconds: number) {
    const labels = { service: "stops", role: name, destination: "staging" };
    const spec = { name: `stops-${name}`, labels, cmd: ["sleep", "600"], stopTimeout: seconds };
    ids.push(await startContainer(socketPath, spec));
    return spec.name;
  }
  const untilIntent = (audit: string) => until(() => readAudit(audit).length === 1);

  it("a restart that lasts longer is answered, and recorded", async () => {
    const audit = newAudit();
    const own = await startGatewayProcess(socketPath, "stops", audit);
    const answer = own.restart(await startStubborn("slow", 13));
    await untilIntent(audit);
    own.kill("SIGTERM");
    expect(await answer).toMatchObject({
      status: 504,
      body: { error: { code: "restart_unknown", message: expect.stringContaining("The restart goes on") } },
    });
    expect(await own.ended).toBe(0);
    expect(readAudit(audit).map(({ outcome }) => outcome)).toEqual(["intent", "ok"]);
  });

  it("a wait for health ends without a verdict", async () => {
    const audit = newAudit();
    const own = await startGatewayProcess(socketPath, "stops", audit);
    const labels = { service: "stops", role: "starts", destination: "staging" };
    ids.push(await startContainer(socketPath, { name: "stops-starts", labels }));
    // Without a health check it has to run for 10 s.
    const answer = own.restart("stops-starts", "?wait=healthy&wait_seconds=300");
    await until(() => readAudit(audit).length === 2);
    own.kill("SIGTERM");
    expect(await answer).toMatchObject({ status: 200, body: { restarted: true, healthy: null } });
    expect(await own.ended).toBe(0);
  });
});
