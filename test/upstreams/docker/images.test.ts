import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { createContainerSource } from "../../../src/upstreams/docker/source.ts";
import { soon } from "../../support/docker-containers.ts";
import { fullId, json, startFakeEngine } from "../../support/docker-fake.ts";
import { rulesOf } from "../../support/docker-facts.ts";

beforeAll(() => import("dockerode"));
beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const image = (digit: string) => `sha256:${fullId(digit)}`;
const inspected = (version: string) => json({ RepoTags: [`registry/wallet-core:${version}`], Created: "2026-01-10T13:00:00Z" });

test("an image that is pruned meanwhile hides no other, and an engine that fails once keeps what is known", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([]));
  const both = [image("a"), image("b")].map((Id, index) => ({ Id, Created: index, Labels: { service: "wallet-core" } }));
  engine.on("/images/json", json(both));
  engine.on(`${image("a")}/json`, inspected("v1"));
  engine.on(`${image("b")}/json`, json({ message: "no such image" }, 404));
  const source = createContainerSource({ engines: [engine.options], rules: rulesOf("wallet-core"), logger: silentLogger });
  const versions = async () => (await source.images(soon())).map(({ version }) => version);
  try {
    expect(await versions()).toEqual(["v1"]);
    engine.on(`${image("b")}/json`, inspected("v2"));
    vi.advanceTimersByTime(60_000);
    expect(await versions()).toEqual(["v2", "v1"]);
    engine.on("/images/json", json({ message: "busy" }, 500));
    vi.advanceTimersByTime(60_000);
    expect(await versions()).toEqual(["v2", "v1"]);
  } finally {
    await source.close();
  }
});
