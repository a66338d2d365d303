import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { graphql } from "graphql";
import { afterAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import type { Container } from "../../src/containers/container.ts";
import { toContainer } from "../../src/containers/kamal/mapping.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import type { Environment } from "../../src/lib/environment.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createSources } from "../../src/sources.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { toEngineContext } from "../support/engine-context.ts";
import { createCaller } from "../support/caller.ts";
import { app } from "../support/docker-facts.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const schema = createSchema();
const now = Date.now();
const ago = (minutes: number) => `${new Date(now - minutes * 60_000).toISOString().slice(0, 19)}Z`;

/**
 * One engine, five destinations of wallet-core in both naming schemes, and a second service: what
 * each runs, and for how many minutes.
 */
const places = [
  { service: "wallet-core", destination: "production", version: "v5", minutes: 600 },
  { service: "wallet-core", destination: "beta", version: "v7", minutes: 20 },
  { service: "wallet-core", destination: "staging", version: "v6", minutes: 300 },
  { service: "wallet-core", destination: "", version: "v3", minutes: 900 },
  { service: "wallet-core-staging", destination: "", version: "v4", minutes: 700 },
  { service: "shop", destination: "production", version: "v5", minutes: 60 },
] as const;
const folder = mkdtempSync(join(tmpdir(), "destinations-"));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Each place runs its release, and has a stopped container of v1, the release before it everywhere.
 */
function createFleet(variables: Readonly<Record<string, string>>) {
  const config = parseConfig(
    {
      WALLET_CORE_OPS_TOKEN: "a-token-of-some-length-0123456789",
      WALLET_CORE_OPS_SERVICE: "wallet-core,shop",
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: join(folder, "deploy_info.json"),
      WALLET_CORE_OPS_KAMAL_AUDIT_LOG: join(folder, "wallet-core-beta-audit.log"),
      ...variables,
    },
    () => "",
  );
  const engine = { env: null, rules: config.containers, hostNames: [] };
  const facts = places.flatMap(({ service, destination, version, minutes }) =>
    ["web", "runner"].flatMap((role) => {
      const own = { destination, createdAt: ago(minutes), startedAt: ago(minutes) };
      const before = { destination, createdAt: ago(2000), startedAt: ago(2000), state: "exited" };
      return [app(service, role, version, own), app(service, role, "v1", before)];
    }),
  );
  const all = facts.map((one, index) =>
    toContainer({ ...one, fullId: String(index).padStart(64, "0") }, toEngineContext(facts, engine)),
  );
  const { deploy } = createSources(config, silentLogger);
  const memory = createMemorySources(
    {
      containers: all.filter(({ status }) => status === "running"),
      retired: all.filter(({ status }) => status !== "running"),
      engines: [{ name: "web-1", ok: true, error: null }],
    },
    { restartEnabled: true, env: config.env },
  );
  return { ...memory, all, sources: { ...memory.sources, deploy } };
}

/** As our hook writes them, one file for all; deploy_info.json holds the last line too. */
function writeHistory(lines: readonly object[]): void {
  writeFileSync(join(folder, "deploy_history.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  writeFileSync(join(folder, "deploy_info.json"), JSON.stringify(lines.at(-1)));
}

const toLine = ({ service, destination, version, minutes }: (typeof places)[number]) => ({
  current_tag: version,
  previous_tag: "v1",
  commit_sha: "",
  deployed_by: "ops-user",
  deployed_at: ago(minutes - 1),
  service,
  version,
  ...(destination !== "" && { destination }),
});
const inOrder = places.toSorted((a, b) => b.minutes - a.minutes);

async function ask({ sources }: ReturnType<typeof createFleet>, source: string, where?: readonly Environment[]) {
  const { data, errors = [] } = await graphql({
    schema,
    source,
    contextValue: createContext(sources, createCaller(undefined, where)),
  });
  return { data: JSON.parse(JSON.stringify(data ?? null)), errors: errors.map(({ message }) => message) };
}

const query =
  "{ drift { kind message } deploys { nodes { tag service destination env state origin containers { name } } } }";

describe.each([
  ["unmapped", {}, null, []],
  [
    "mapped to production",
    { WALLET_CORE_OPS_DESTINATIONS: "beta=production" },
    "production",
    [
      "2 services or destinations run the role runner; choose one by service, destination or env: " +
        "wallet-core -d beta (production), wallet-core -d production (production)",
    ],
  ],
] as const)("six places on one engine, beta %s", (_, variables, betaEnv, refused) => {
  it("have no drift, and each its own complete deploys", async () => {
    writeHistory(inOrder.map(toLine));
    const { data, errors } = await ask(createFleet(variables), query);
    expect(errors).toEqual([]);
    expect(data.drift).toEqual([]);
    const states = data.deploys.nodes.map(
      ({ service, destination, env, tag, state, containers }: any) =>
        `${service} ${destination} ${env}: ${tag} ${state} ${containers.length}`,
    );
    const newest = places.map(({ service, destination, version }) => {
      const env = destination === "beta" ? betaEnv : destination || (service.endsWith("staging") ? "staging" : null);
      return [`${service} ${destination || null} ${env?.toUpperCase() ?? null}`, version] as const;
    });
    expect(new Set(states)).toEqual(
      new Set(newest.flatMap(([place, version]) => [`${place}: ${version} CURRENT 2`, `${place}: v1 PREVIOUS 2`])),
    );
    expect(states).toHaveLength(2 * places.length);
  });

  it("are distinct without our files: by containers and Kamal's audit log", async () => {
    writeHistory([toLine(places[0])]);
    rmSync(join(folder, "deploy_info.json"));
    rmSync(join(folder, "deploy_history.jsonl"));
    writeFileSync(
      join(folder, "wallet-core-beta-audit.log"),
      ["web", "runner"].map((role) => `[${ago(19)}] [kim] [beta] [${role}] Booted app version v7\n`).join(""),
    );
    const { data } = await ask(createFleet(variables), query);
    rmSync(join(folder, "wallet-core-beta-audit.log"));
    expect(data.drift).toEqual([]);
    expect(data.deploys.nodes).toHaveLength(2 * places.length);
    expect(data.deploys.nodes.filter(({ origin }: any) => origin === "KAMAL_AUDIT")).toMatchObject([
      { tag: "v7", service: "wallet-core", destination: "beta", env: betaEnv?.toUpperCase() ?? null, state: "CURRENT" },
    ]);
    expect(data.deploys.nodes.filter(({ state }: any) => state === "CURRENT")).toHaveLength(places.length);
  });

  it("have drift only at their own destination", async () => {
    writeHistory([
      ...inOrder.map(toLine),
      { ...toLine(places[1]), current_tag: "v8", version: "v8", deployed_at: ago(6) },
    ]);
    const { data } = await ask(
      createFleet(variables),
      "{ drift { kind service destination role expected } deploys { nodes { tag state } } }",
    );
    const beta = { kind: "UNEXPECTED_RELEASE", service: "wallet-core", destination: "beta", expected: "v8" };
    expect(data.drift).toEqual(["runner", "web"].map((role) => ({ ...beta, role })));
    expect(data.deploys.nodes.filter(({ state }: any) => state === "INCOMPLETE")).toEqual([
      { tag: "v8", state: "INCOMPLETE" },
    ]);
  });

  it("restart only the runners of the chosen destination", async () => {
    const fleet = createFleet(variables);
    const restart = (args: string) =>
      ask(
        fleet,
        `mutation { restartRole(role: "runner", service: "wallet-core", reason: "leak"${args}) ` +
          "{ steps { container { name } } } }",
      );
    const production = [{ container: { name: "wallet-core-runner-production-v5" } }];
    const all = await restart(", env: PRODUCTION");
    expect(all.errors).toEqual(refused);
    expect(all.data.restartRole?.steps ?? []).toEqual(refused.length === 0 ? production : []);
    expect(fleet.audited).toHaveLength(refused.length === 0 ? 2 : 0);
    expect((await restart(', env: PRODUCTION, destination: "production"')).data.restartRole.steps).toEqual(production);
    expect((await restart(', destination: "beta"')).data.restartRole.steps).toEqual([
      { container: { name: "wallet-core-runner-beta-v7" } },
    ]);
    expect((await restart(', destination: ""')).data.restartRole.steps).toEqual([
      { container: { name: "wallet-core-runner-v3" } },
    ]);
  });
});

describe("a deploy_info.json without a destination", () => {
  const bare = { current_tag: "v9", commit_sha: "0123456", deployed_by: "", deployed_at: ago(599) };
  const latest = "{ containers { name version } deploys { nodes { tag state destination } } drift { kind } }";
  /** The webs of these places run `latest`. */
  const createFloating = (variables: Readonly<Record<string, string>>, isThere: (container: Container) => boolean) => {
    const fleet = createFleet(variables);
    const floating = fleet.all.map((container) => ({ ...container, version: "latest", floating: true }));
    fleet.setContainers(
      floating.filter((container) => container.status === "running" && container.role === "web" && isThere(container)),
    );
    return {
      ...fleet,
      sources: { ...fleet.sources, containers: { ...fleet.sources.containers, listRetired: async () => [] } },
    };
  };
  const versions = ({ data }: Awaited<ReturnType<typeof ask>>) =>
    Object.fromEntries(data.containers.map(({ name, version }: any) => [name, version]));

  it("names the release of the only running destination", async () => {
    writeHistory([bare]);
    const fleet = createFloating(
      {},
      ({ service, destination }) => service === "wallet-core" && destination === "production",
    );
    const answer = await ask(fleet, latest);
    expect(versions(answer)).toEqual({ "wallet-core-web-production-v5": "v9" });
    expect(answer.data.deploys.nodes).toMatchObject([{ tag: "v9", destination: "production" }]);
  });

  it("names the release of the only one of its environment", async () => {
    writeHistory([bare]);
    const fleet = createFloating(
      { WALLET_CORE_OPS_ENV: "production" },
      ({ service, destination }) => service === "wallet-core" && destination !== null,
    );
    expect(versions(await ask(fleet, latest))).toEqual({
      "wallet-core-web-production-v5": "v9",
      "wallet-core-web-beta-v7": "latest",
      "wallet-core-web-staging-v6": "latest",
    });
  });

  it("names no release with several, and is an unknown deploy", async () => {
    writeHistory([bare]);
    const answer = await ask(
      createFloating({}, ({ destination }) => destination !== null),
      latest,
    );
    expect(new Set(Object.values(versions(answer)))).toEqual(new Set(["latest"]));
    expect(answer.data.deploys.nodes.filter(({ tag }: any) => tag === "v9")).toEqual([
      { tag: "v9", state: "UNKNOWN", destination: null },
    ]);
    expect(answer.data.drift).toEqual([]);
  });
});

it("a deploy's environment is its destination's, then its service's", async () => {
  const [place] = places;
  const said = [
    ["wallet-core", "production"],
    ["wallet-core", "beta"],
    ["wallet-core", ""],
    ["wallet-core-staging", ""],
    ["wallet-core-production", "staging"],
  ] as const;
  writeHistory(said.map(([service, destination]) => ({ ...toLine(place), service, destination })));
  const { sources } = createFleet({ WALLET_CORE_OPS_ENV: "production" });
  const [history] = await sources.deploy.history(AbortSignal.timeout(5000));
  expect(history?.records.map(({ env }) => env)).toEqual(["production", null, "production", "staging", null]);
  expect((await sources.deploy.read(AbortSignal.timeout(5000))).env).toBeNull();
});

describe("a verdict", () => {
  const verdict =
    "{ latestDeploys { service destination " +
    "verdict { outcome queues { source } containers { restartsFrom restartsAfter unhealthyNow } } } }";

  it("counts only the deaths of its own containers, no unknown ones", async () => {
    writeHistory(inOrder.map(toLine));
    const fleet = createFleet({ WALLET_CORE_OPS_DESTINATIONS: "beta=production" });
    const { timeline } = fleet.sources;
    timeline.begin("container_death", { name: "web-1", env: null, since: ago(5000) });
    const web = fleet.all.find(
      ({ destination, role, version }) => destination === "production" && role === "web" && version === "v5",
    );
    const { service, env } = web as Container;
    const die = (destination: string | null, own: Environment | null, count: number) => {
      for (let index = 0; index < count; index += 1)
        timeline.add(
          toEntry({
            kind: "container_death",
            time: ago(10),
            message: "",
            service,
            destination,
            env: own,
            container: toTimelineContainer(web as Container),
          }),
        );
    };
    die("beta", "production", 9);
    die("production", env, 1);
    die("production", null, 5);
    die(null, null, 3);
    const restarts = async (where?: readonly Environment[]) =>
      Object.fromEntries(
        (await ask(fleet, verdict, where)).data.latestDeploys.map((one: any) => [
          `${one.service} ${one.destination}`,
          one.verdict.containers.restartsAfter,
        ]),
      );
    expect(await restarts()).toMatchObject({ "wallet-core beta": 9, "wallet-core staging": 0, "shop production": 0 });
    // A token of production cannot infer more from a count.
    expect(await restarts(["production"])).toEqual({
      "wallet-core beta": 9,
      "wallet-core production": 0,
      "shop production": 0,
    });
  });
});
