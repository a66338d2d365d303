import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Engine } from "../../../src/containers/docker/engine/engine.ts";
import { createImageReader } from "../../../src/containers/docker/images.ts";
import { createContainerSource } from "../../../src/containers/docker/source.ts";
import { createFairLimit } from "../../../src/lib/budget/fair-limit.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { soon } from "../../support/docker-containers.ts";
import { context, rulesOf } from "../../support/docker-facts.ts";
import { fullId, inspected as inspectedContainer, json, listed, startFakeEngine } from "../../support/docker-fake.ts";

beforeAll(() => import("dockerode"));
beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const image = (digit: string) => `sha256:${fullId(digit)}`;
const tagged = (version: string) =>
  json({ RepoTags: [`registry/wallet-core:${version}`], Created: "2026-01-10T13:00:00Z" });

test("an unlabelled image has no environment beside containers of another", async () => {
  await using engine = await startFakeEngine();
  const run = (containers: Readonly<Record<string, object>>) => {
    engine.on(
      "/containers/json",
      json(Object.entries(containers).map(([id, Labels]) => listed(id, `web-${id[0]}`, { Labels }))),
    );
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

test("a pruned image hides no other, and a failed call changes nothing", async () => {
  await using engine = await startFakeEngine();
  engine.on("/containers/json", json([]));
  const both = [image("a"), image("b")].map((Id, index) => ({
    Id,
    Created: index,
    Labels: { service: "wallet-core" },
  }));
  engine.on("/images/json", json(both));
  engine.on(`${image("a")}/json`, tagged("v1"));
  engine.on(`${image("b")}/json`, json({ message: "no such image" }, 404));
  const source = createContainerSource({
    engines: [engine.options],
    rules: rulesOf("wallet-core"),
    logger: silentLogger,
  });
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

test("an image's environment is its label's, else its engine's", async () => {
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
  const readEnvs = async (env: "staging" | null) => {
    const settings = { engines: [{ ...engine.options, env }], rules: rulesOf("wallet-core"), logger: silentLogger };
    const source = createContainerSource(settings);
    const images = await source.images(soon());
    await source.close();
    return images.map(({ version, env: found }) => [version, found]);
  };
  expect(await readEnvs(null)).toEqual([
    ["wallet-core-production-v1", "production"],
    ["wallet-core-v1", null],
  ]);
  expect(await readEnvs("staging")).toEqual([
    ["wallet-core-production-v1", "production"],
    ["wallet-core-v1", "staging"],
  ]);
});

/** The images of an engine of production by what it answers; and what was asked. */
function read(
  listedImages: readonly {
    readonly Id: string;
    readonly Created: number;
    readonly Labels: Readonly<Record<string, string>> | null;
  }[],
  inspections: Readonly<Record<string, unknown>>,
) {
  const asked: string[] = [];
  const state = {
    ok: true,
    core: [] as { kind: string; env: string | null }[],
    retired: [] as { kind: string; env: string | null }[],
    list: listedImages as unknown,
  };
  const snapshot = {
    context: context({ env: "production" }),
    get visible() {
      return state.core;
    },
    listRetired: () => state.retired,
  };
  const engine = {
    name: "web-1",
    view: () => ({ status: { ok: state.ok } }),
    known: async () => snapshot,
    limits: { inspect: createFairLimit(10) },
    ask: (deadlineMs: number, run: (signal: AbortSignal) => Promise<unknown>) => {
      asked.push(String(deadlineMs));
      return run(AbortSignal.timeout(1000));
    },
    client: {
      async listImages() {
        asked.push("list");
        return state.list;
      },
      async inspectImage(id: string) {
        asked.push(id);
        return inspections[id];
      },
    },
  } as unknown as Engine;
  const readImages = createImageReader({ services: ["wallet-core"], timeoutMs: 300 });
  return { state, asked, images: () => readImages(engine, soon()) };
}
const Labels = { service: "wallet-core" };
const found = { engine: "web-1", service: "wallet-core", env: "production" };

test("an image is a release for each of its tags that names one", async () => {
  const sha = "a".repeat(40);
  const { asked, images } = read([{ Id: "one", Created: 1, Labels }], {
    one: {
      RepoTags: ["x/y:v1", "x/y:latest", "other:v1", `x/y:${sha}`, "x/y:<none>", "x/y:main"],
      Created: "2026-01-10T13:00:00Z",
      Config: { Labels: null },
      Metadata: { LastTagTime: "2026-01-11T14:00:00+01:00" },
    },
  });
  const shared = { ...found, builtAt: "2026-01-10T13:00:00Z", taggedAt: "2026-01-11T13:00:00.000Z" };
  expect(await images()).toEqual([
    { ...shared, version: "v1", commitSha: "" },
    { ...shared, version: sha, commitSha: sha },
  ]);
  expect(asked).toEqual(["300", "list", "300", "one"]);
});

test.each([
  [{ RepoTags: ["x:v1"], Created: "never" }, []],
  [{ RepoTags: ["x:v1"] }, []],
  [{ RepoTags: null, Created: "2026-01-10T13:00:00Z" }, []],
  [{ Created: "2026-01-10T13:00:00Z" }, []],
  [7, []],
  [null, []],
  [{ RepoTags: ["x:v1"], Created: "2026-01-10T13:00:00Z" }, [{ version: "v1", commitSha: "", taggedAt: null }]],
  [
    { RepoTags: ["x:v1"], Created: "2026-01-10T13:00:00Z", Metadata: { LastTagTime: "0001-01-01T00:00:00Z" } },
    [{ version: "v1", commitSha: "", taggedAt: null }],
  ],
  [
    {
      RepoTags: ["x:abc1234"],
      Created: "2026-01-10T13:00:00Z",
      Config: { Labels: { "org.opencontainers.image.revision": "def5678" } },
    },
    [{ version: "abc1234", commitSha: "def5678", taggedAt: null }],
  ],
  [
    {
      RepoTags: ["x:abc1234"],
      Created: "2026-01-10T13:00:00Z",
      Config: { Labels: { "org.opencontainers.image.revision": "" } },
    },
    [{ version: "abc1234", commitSha: "abc1234", taggedAt: null }],
  ],
])("an image of %j is %j", async (inspection, expected) => {
  const { images } = read([{ Id: "one", Created: 1, Labels }], { one: inspection });
  expect(await images()).toEqual(expected.map((each) => ({ ...found, builtAt: "2026-01-10T13:00:00Z", ...each })));
});

test("the newest 20 images of own services are inspected, newest first", async () => {
  const image20 = Array.from({ length: 21 }, (_, index) => ({ Id: `i${index}`, Created: (index * 8) % 21, Labels }));
  const others = [
    { Id: "none", Created: 99, Labels: null },
    { Id: "other", Created: 99, Labels: { service: "shop" } },
  ];
  const { asked, images } = read([...others, ...image20], {});
  expect(await images()).toEqual([]);
  const order = asked.filter((line) => line.startsWith("i")).map((id) => image20.find(({ Id }) => Id === id)?.Created);
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => 20 - index));
});

test("images are remembered for a minute, while the engine answers", async () => {
  const { asked, images, state } = read([], {});
  await images();
  vi.advanceTimersByTime(59_999);
  expect(await images()).toBe(await images());
  expect(asked).toEqual(["300", "list"]);
  vi.advanceTimersByTime(1);
  await images();
  expect(asked).toHaveLength(4);
  state.ok = false;
  expect(await images()).toEqual([]);
  vi.advanceTimersByTime(60_000);
  expect(await images()).toEqual([]);
  expect(asked).toHaveLength(4);
});

test("an engine that answers no list has no images", async () => {
  const { images, state } = read([], {});
  state.list = { no: "list" };
  expect(await images()).toEqual([]);
});

test.each([
  [[], [], "production"],
  [[{ kind: "core", env: "production" }], [], "production"],
  [[{ kind: "core", env: "staging" }], [], null],
  [[{ kind: "core", env: null }], [], null],
  [[{ kind: "other", env: "staging" }], [{ kind: "accessory", env: "staging" }], "production"],
  [[{ kind: "core", env: "production" }], [{ kind: "core", env: "staging" }], null],
])("beside the containers %j and the old ones %j an image is of %s", async (core, old, env) => {
  const { images, state } = read([{ Id: "one", Created: 1, Labels }], {
    one: { RepoTags: ["x:v1"], Created: "2026-01-10T13:00:00Z" },
  });
  Object.assign(state, { core, retired: old });
  expect((await images()).map((each) => each.env)).toEqual([env]);
});
