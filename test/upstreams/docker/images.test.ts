import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { createContainerSource } from "../../../src/upstreams/docker/source.ts";
import { soon } from "../../support/docker-containers.ts";
import { fullId, inspected as inspectedContainer, json, listed, startFakeEngine } from "../../support/docker-fake.ts";
import { rulesOf } from "../../support/docker-facts.ts";

beforeAll(() => import("dockerode"));
beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const image = (digit: string) => `sha256:${fullId(digit)}`;
const tagged = (version: string) => json({ RepoTags: [`registry/wallet-core:${version}`], Created: "2026-01-10T13:00:00Z" });

test("an image that says nothing is of no environment where its engine runs containers of another than its own", async () => {
  await using engine = await startFakeEngine();
  const run = (containers: Readonly<Record<string, object>>) => {
    engine.on("/containers/json", json(Object.entries(containers).map(([id, Labels]) => listed(id, `web-${id[0]}`, { Labels }))));
    for (const [id, Labels] of Object.entries(containers))
      engine.on(`/containers/${id}/json`, json(inspectedContainer(id, `web-${id[0]}`, { Labels })));
  };
  engine.on("/images/json", json([{ Id: image("a"), Created: 0, Labels: { service: "wallet-core" } }]));
  engine.on(`${image("a")}/json`, tagged("v1"));
  const options = { ...engine.options, env: "staging" as const };
  const envs = async () => {
    const source = createContainerSource({ engines: [options], rules: rulesOf("wallet-core"), logger: silentLogger });
    const images = await source.images(soon());
    await source.close();
    return images.map(({ env }) => env);
  };
  const labels = { service: "wallet-core", role: "web" };
  run({ [fullId("c")]: labels });
  expect(await envs()).toEqual(["staging"]);
  run({ [fullId("c")]: labels, [fullId("d")]: { ...labels, destination: "production" } });
  expect(await envs()).toEqual([null]);
});

test("an image that is pruned meanwhile hides no other, and an engine that fails once keeps what is known", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([]));
  const both = [image("a"), image("b")].map((Id, index) => ({ Id, Created: index, Labels: { service: "wallet-core" } }));
  engine.on("/images/json", json(both));
  engine.on(`${image("a")}/json`, tagged("v1"));
  engine.on(`${image("b")}/json`, json({ message: "no such image" }, 404));
  const source = createContainerSource({ engines: [engine.options], rules: rulesOf("wallet-core"), logger: silentLogger });
  const versions = async () => (await source.images(soon())).map(({ version }) => version);
  try {
    expect(await versions()).toEqual(["v1"]);
    engine.on(`${image("b")}/json`, tagged("v2"));
    vi.advanceTimersByTime(60_000);
    expect(await versions()).toEqual(["v2", "v1"]);
    engine.on("/images/json", json({ message: "busy" }, 500));
    vi.advanceTimersByTime(60_000);
    expect(await versions()).toEqual(["v2", "v1"]);
  } finally {
    await source.close();
  }
});

test("an image is of an own service; its environment is what its label says, else the engine's, never that of apps beside it", async () => {
  await using engine = await startFakeEngine();
  const app = { service: "wallet-core", role: "web", destination: "staging" };
  engine.on("/containers/json", json([listed(fullId("1"), "wallet-core-web-staging-1", { Labels: app })]));
  engine.on(`${fullId("1")}/json`, json(inspectedContainer(fullId("1"), "wallet-core-web-staging-1", { Labels: app })));
  const services = ["wallet-core", "wallet-core-production", "billing"];
  engine.on(
    "/images/json",
    json(services.map((service, index) => ({ Id: image(`${index}`), Created: index, Labels: { service } }))),
  );
  for (const [index, service] of services.entries()) engine.on(`${image(`${index}`)}/json`, tagged(`${service}-v1`));
  const read = async (env: "staging" | null) => {
    const settings = { engines: [{ ...engine.options, env }], rules: rulesOf("wallet-core"), logger: silentLogger };
    const source = createContainerSource(settings);
    const images = await source.images(soon());
    await source.close();
    return images.map(({ version, env: found }) => [version, found]);
  };
  expect(await read(null)).toEqual([
    ["wallet-core-production-v1", "production"],
    ["wallet-core-v1", null],
  ]);
  expect(await read("staging")).toEqual([
    ["wallet-core-production-v1", "production"],
    ["wallet-core-v1", "staging"],
  ]);
});
