import { expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import type { EngineStatus } from "../../../src/containers/source.ts";
import type { DeployInfo } from "../../../src/deploys/deploy.ts";
import { watchContainers } from "../../../src/graphql/containers/live.ts";
import { createContainerFilter } from "../../../src/graphql/containers/loader.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createChanges } from "../../../src/lib/broadcast.ts";
import { createCaller } from "../../support/caller.ts";
import { collect } from "../../support/collect.ts";
import { sampleContainer, sampleEngine } from "../../support/containers.ts";
import { sampleDeployInfo } from "../../support/deploys.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { until } from "../../support/until.ts";

interface Stage {
  readonly setContainers: (containers: readonly Container[]) => void;
  readonly setEngine: (name: string, error: EngineStatus["error"]) => void;
  readonly setDeploy: (deploy: DeployInfo) => void;
  /** How often the list was requested. */
  readonly lists: () => number;
  /** The list is unknown until requested. */
  readonly forget: () => void;
  readonly abort: AbortController;
}
type Step = (stage: Stage) => void;

interface Options {
  readonly containers: readonly Container[];
  readonly engines?: readonly string[];
  readonly wanted?: { readonly includeAccessories?: boolean; readonly engine?: string; readonly env?: "staging" };
  readonly caller?: ReturnType<typeof createCaller>;
}

/** All messages. After each change that the source reports, the next step runs. */
async function watch(
  { containers, engines = ["local"], wanted = {}, caller = createCaller() }: Options,
  ...steps: readonly Step[]
) {
  const states = engines.map((name) => ({
    name,
    ok: true,
    error: null as EngineStatus["error"],
    env: "staging" as const,
  }));
  const memory = createMemorySources({ containers, engines: states });
  let deploy = sampleDeployInfo;
  let isKnown = true;
  const abort = new AbortController();
  const { containers: source } = memory.sources;
  const listCached = source.listCached.bind(source);
  const stage: Stage = {
    setContainers: memory.setContainers,
    setEngine(name, error) {
      Object.assign(states.find((one) => one.name === name) ?? {}, { ok: error === null, error });
    },
    setDeploy: (now) => void (deploy = now),
    lists: () => memory.calls["list"] ?? 0,
    forget: () => void (isKnown = false),
    abort,
  };
  const own = {
    ...source,
    listCached: () => {
      const listing = listCached();
      return isKnown ? listing && { ...listing, containers: listing.containers } : null;
    },
    async *changes() {
      yield {};
      for (const step of steps) {
        step(stage);
        yield {};
      }
    },
  };
  const sources = {
    ...memory.sources,
    containers: own,
    deploy: { ...memory.sources.deploy, read: async () => deploy },
  };
  const filter = { includeAccessories: false, ...wanted };
  const accepts = createContainerFilter(filter, caller.principal);
  const context = createContext(sources, caller);
  return collect(watchContainers(context, { ...filter, accepts }, abort.signal));
}

const web = sampleContainer({ name: "web" });
const worker = sampleContainer({ name: "worker" });
const local = sampleEngine({ env: "staging", runs: new Set(["staging"]) });
const message = (more: object) => ({
  snapshot: false,
  changed: [],
  removed: [],
  engines: [local],
  ended: null,
  ...more,
});
const first = message({ snapshot: true, changed: [web, worker] });

it("the first message is the whole list, each later one the changes", async () => {
  const stopped = { ...worker, status: "exited" };
  const added = sampleContainer({ name: "added" });
  const messages = await watch(
    { containers: [worker, web] },
    ({ setContainers }) => setContainers([web, stopped]),
    ({ setContainers }) => setContainers([web, stopped, added]),
    ({ setContainers }) => setContainers([added, stopped]),
    ({ setContainers }) => setContainers([]),
    ({ setContainers }) => setContainers([web]),
  );
  expect(messages).toEqual([
    first,
    message({ changed: [stopped] }),
    message({ changed: [added] }),
    message({ removed: [web] }),
    message({ removed: [added, stopped], engines: [{ ...local, runs: new Set() }] }),
    message({ changed: [web] }),
  ]);
});

it("an empty list is a first message too", async () => {
  expect(await watch({ containers: [] })).toEqual([
    message({ snapshot: true, engines: [{ ...local, runs: new Set() }] }),
  ]);
});

it("a new observation time is no change, nor is an equal list", async () => {
  const counts: number[] = [];
  const count: Step = ({ lists }) => void counts.push(lists());
  const later = (row: Container) => ({ ...row, observedAt: "2026-01-13T09:59:00Z" });
  const messages = await watch(
    { containers: [web, worker] },
    count,
    count,
    ({ setContainers }) => setContainers([web, worker].map(later)),
    count,
    ({ forget }) => forget(),
    count,
    count,
  );
  expect(messages).toEqual([first]);
  expect(counts).toEqual([1, 1, 2, 3, 4]);
});

it("a new engine state is a message, a new error text is not", async () => {
  const messages = await watch(
    { containers: [web, worker], engines: ["local", "b"] },
    ({ setEngine }) => setEngine("b", { code: "docker_timeout", message: "slow" }),
    ({ setEngine }) => setEngine("b", { code: "docker_timeout", message: "slower" }),
    ({ setEngine }) => setEngine("b", { code: "docker_unavailable", message: "gone" }),
    ({ setEngine }) => setEngine("b", null),
    ({ setEngine, setContainers }) => {
      setEngine("local", { code: "docker_timeout", message: "slow" });
      setContainers([web]);
    },
  );
  const states = messages.map(({ snapshot, changed, removed, engines }) => [
    snapshot,
    changed.length,
    removed.length,
    engines.map(({ name, ok, error }) => [name, ok, error?.code]),
  ]);
  const fine = [
    ["local", true, undefined],
    ["b", true, undefined],
  ];
  expect(states).toEqual([
    [true, 2, 0, fine],
    [false, 0, 0, [fine[0], ["b", false, "docker_timeout"]]],
    [false, 0, 0, [fine[0], ["b", false, "docker_unavailable"]]],
    [false, 0, 0, fine],
    [false, 0, 1, [["local", false, "docker_timeout"], fine[1]]],
  ]);
});

it("with one engine other engines and their containers are absent", async () => {
  const messages = await watch(
    {
      containers: [web, sampleContainer({ name: "other", engine: "b" })],
      engines: ["local", "b"],
      wanted: { engine: "b" },
    },
    ({ setEngine }) => setEngine("local", { code: "docker_timeout", message: "slow" }),
    ({ setContainers }) => setContainers([sampleContainer({ name: "other", engine: "b" })]),
    ({ setEngine }) => setEngine("b", { code: "docker_timeout", message: "slow" }),
  );
  expect(
    messages.map(({ changed, engines }) => [
      changed.map(({ name }) => name),
      engines.map(({ name, ok }) => [name, ok]),
    ]),
  ).toEqual([
    [["other"], [["b", true]]],
    [[], [["b", false]]],
  ]);
});

it("rows match the filter and the token", async () => {
  const redis = sampleContainer({ name: "redis", kind: "accessory" });
  const production = sampleContainer({ name: "production", env: "production" });
  const names = async (options: Omit<Options, "containers">) =>
    (await watch({ containers: [web, redis, production], ...options })).map(({ changed }) =>
      changed.map(({ name }) => name),
    );
  expect(await names({})).toEqual([["production", "web"]]);
  expect(await names({ wanted: { includeAccessories: true } })).toEqual([["production", "web", "redis"]]);
  expect(await names({ wanted: { env: "staging" } })).toEqual([["web"]]);
  expect(await names({ caller: createCaller(undefined, ["staging"]) })).toEqual([["web"]]);
});

it("a deploy that names other releases changes the rows that it names", async () => {
  const floating = { ...web, version: "latest", floating: true, commitSha: "" };
  const messages = await watch(
    { containers: [floating, worker] },
    ({ setDeploy }) => setDeploy({ ...sampleDeployInfo, currentTag: "v9" }),
    ({ setDeploy }) => setDeploy({ ...sampleDeployInfo, currentTag: "v9", deployedBy: "kim" }),
  );
  expect(messages.map(({ changed }) => changed.map(({ name, version }) => `${name} ${version}`))).toEqual([
    [`web ${sampleDeployInfo.currentTag}`, `worker ${worker.version}`],
    ["web v9"],
  ]);
});

it("the reason of the end is the last message, if there is one", async () => {
  const end: Step = ({ abort, setContainers }) => {
    setContainers([]);
    abort.abort("shutdown");
  };
  const last = { snapshot: false, changed: [], removed: [], engines: [], ended: "shutdown" };
  expect(await watch({ containers: [web, worker] }, end)).toEqual([first, last]);
  expect(await watch({ containers: [web, worker] }, ({ abort }) => abort.abort())).toEqual([first]);
});

it("a subscriber that leaves while all wait does not affect the others", async () => {
  const memory = createMemorySources({ containers: [web] });
  const changes = createChanges();
  let containers = [web];
  let isSilent = false;
  const waiting: (() => void)[] = [];
  // An engine that the subscriber leaves counts as silent.
  const list = (given: AbortSignal) => {
    const known = () => ({ containers, engines: [local] });
    if (!isSilent) return Promise.resolve(known());
    return new Promise<ReturnType<typeof known>>((resolve) => {
      const error = { code: "docker_timeout", message: "the client has disconnected" };
      const leave = () => resolve({ containers: [], engines: [{ ...local, ok: false, error }] });
      if (given.aborted) return leave();
      given.addEventListener("abort", leave);
      waiting.push(() => resolve(known()));
    });
  };
  const watched = { ...memory.sources.containers, listCached: () => null, list, changes: changes.watch.bind(changes) };
  const sources = { ...memory.sources, containers: watched };
  const filter = { includeAccessories: false };
  const start = () => {
    const caller = createCaller();
    const accepts = createContainerFilter(filter, caller.principal);
    const abort = new AbortController();
    return {
      caller,
      abort,
      reading: watchContainers(createContext(sources, caller), { ...filter, accepts }, abort.signal),
    };
  };
  const [one, other] = [start(), start()];
  for (const each of [one, other])
    expect((await each.reading.next()).value).toMatchObject({ snapshot: true, changed: [web] });
  isSilent = true;
  const next = [one, other].map(({ reading }) => reading.next());
  changes.notify();
  await until(() => waiting.length === 1);
  one.caller.budget.cancel();
  await until(() => waiting.length > 1);
  isSilent = false;
  for (const go of waiting) go();
  expect(await next[0]).toEqual({ value: undefined, done: true });
  containers = [web, worker];
  changes.notify();
  expect((await next[1])?.value).toMatchObject({ snapshot: false, changed: [worker], removed: [] });
  other.abort.abort();
});
