import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";

const dockerSocket = inject("dockerSocket");
let fullId: string;

beforeAll(async () => {
  fullId = await startContainer(dockerSocket, { name: "control-web-1", labels: { service: "control", role: "web" } });
});

afterAll(() => removeContainers(dockerSocket, [fullId]));

test("restarts use the control address, and nothing else does", async () => {
  await using read = await startFaultProxy(dockerSocket);
  await using control = await startFaultProxy(dockerSocket);
  const [address, second] = [read, control].map(({ socketPath }) => ({ kind: "unix" as const, socketPath }));
  const engine = { name: "web-1", env: null, address: address as never, control: second as never };
  const source = createContainerSource({ engines: [engine], rules: rulesOf("control"), logger: silentLogger });
  await source.list(soon());
  expect(await source.restart({ engine: "web-1", fullId }, 1)).toMatchObject({
    container: { name: "control-web-1", status: "running" },
  });
  expect(control.requests.map((request) => request.replace(/\/v[\d.]+\//, "/"))).toEqual([
    "GET /_ping",
    `POST /containers/${fullId}/restart?t=1`,
  ]);
  expect(read.requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
  // A control address that is away refuses the restart, and hides nothing.
  control.cut();
  await expect(source.restart({ engine: "web-1", fullId }, 0)).rejects.toMatchObject({ upstream: "docker:web-1" });
  expect((await source.list(soon())).engines).toMatchObject([{ ok: true }]);
  await source.close();
});
