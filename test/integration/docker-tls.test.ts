import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { freePort } from "../../script/services/process.ts";
import { probeEngine } from "../../src/containers/docker/probe.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { type Certificates, createAuthority } from "../support/docker-certificates.ts";
import { sampleEngine } from "../support/containers.ts";
import { soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";

let dockerd: Dockerd;
let port: number;
let client: Certificates;
let stranger: Certificates;

beforeAll(async () => {
  const folder = join(inject("runFolder"), "tls");
  const authority = createAuthority(join(folder, "ours"));
  const server = authority.issue("server", "serverAuth");
  client = authority.issue("client", "clientAuth");
  stranger = createAuthority(join(folder, "theirs")).issue("stranger", "clientAuth");
  port = await freePort();
  const tls = [`--tlscacert=${server.ca}`, `--tlscert=${server.cert}`, `--tlskey=${server.key}`];
  const args = [`--host=tcp://127.0.0.1:${port}`, "--tlsverify", ...tls];
  dockerd = await startDockerd(join(folder, "docker"), { bridge: false, args });
});

afterAll(async () => {
  await dockerd.stop();
});

function engine(tls: Certificates | null, host = "127.0.0.1") {
  return { name: "remote", env: null, address: { kind: "tcp" as const, host, port, tls } };
}

test("tcp with a client certificate lists and inspects", async () => {
  const labels = { service: "tlscheck", role: "web" };
  const fullId = await startContainer(dockerd.socketPath, { name: "tlscheck-web-1", labels });
  const source = createContainerSource({ engines: [engine(client)], rules: rulesOf("tlscheck"), logger: silentLogger });
  const { containers, engines } = await source.list(soon());
  expect(engines).toEqual([
    sampleEngine({
      name: "remote",
      runs: new Set(),
      contactAt: expect.any(Number),
      listedAt: expect.any(String),
      clockSkew: 0,
      clockOffset: { least: expect.any(Number), most: expect.any(Number) },
    }),
  ]);
  const hostNames = ["remote", "127.0.0.1"];
  expect(containers).toMatchObject([
    { engine: "remote", fullId, name: "tlscheck-web-1", kind: "core", status: "running", hostNames },
  ]);
  await source.close();
});

test("a client unknown to the engine is refused with the reason", async () => {
  // Trusts the engine, but shows a certificate of another authority.
  const probe = await probeEngine(engine({ ...stranger, ca: client.ca }));
  expect(probe.ok).toBe(false);
  expect(probe.detail).toMatch(/^Docker engine remote: (it refuses our client certificate|it closed the connection)/);
});

test("an engine with an unknown authority is not used", async () => {
  const probe = await probeEngine(engine({ ...client, ca: stranger.ca }));
  expect(probe).toMatchObject({
    ok: false,
    detail: expect.stringContaining("its certificate is not from the configured authority"),
  });
});

test("an engine with another name is not used", async () => {
  const probe = await probeEngine(engine(client, "localhost"));
  expect(probe).toMatchObject({ ok: false, detail: expect.stringContaining("its certificate is for another name") });
});

test("missing TLS and missing files are reported", async () => {
  expect(await probeEngine(engine(null))).toMatchObject({
    ok: false,
    detail: expect.stringContaining("it wants TLS on this port"),
  });
  const missing = { ...client, key: "/nowhere/key.pem" };
  expect(await probeEngine(engine(missing))).toMatchObject({ ok: false, detail: expect.stringContaining("TLS files") });
});
