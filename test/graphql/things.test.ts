import { graphql } from "graphql";
import { describe, expect, it, vi } from "vitest";
import { scopes } from "../../src/auth/principal.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { codeOf } from "../support/graphql-errors.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";

const schema = createSchema();
const ago = (seconds: number) => formatRfc3339(Date.now() - seconds * 1000);
const group = { service: "shop", destination: null, env: "staging" } as const;
const old = { createdAt: ago(7200), startedAt: ago(7200) };
const web = sampleContainer({ ...group, ...old, name: "web-1", role: "web", version: "v2", health: "unhealthy" });
const twin = sampleContainer({ ...group, ...old, name: "web-2", role: "web", version: "v2" });
const hidden = sampleContainer({ ...group, ...old, name: "live", env: "production", health: "unhealthy" });
const record = sampleRecord({ ...group, tag: "v2", deployedAt: ago(7000), deployedBy: "kim" });
const all: Partial<Memory> = {
  containers: [web, twin, hidden],
  engines: [{ name: "local", env: "staging", ok: true, error: null }],
  hosts: [sampleHost({ name: "vm", instance: "vm:9100", cpuUtil: 0.96, alert: true }), sampleHost({ name: "idle" })],
  queueSources: [
    {
      name: "jobs",
      env: "staging",
      metrics: [{ name: "payouts", depth: 3, workers: 0 }, { name: "mail" }],
      errors: [],
    },
  ],
  deployLogs: [sampleDeployLog([record])],
};

function open(memory: Partial<Memory> = {}) {
  const made = createMemorySources({ ...all, ...memory }, { env: "staging" });
  const query = async (source: string, caller = createCaller()) => {
    const { data, errors } = await graphql({ schema, source, contextValue: createContext(made.sources, caller) });
    return { data: JSON.parse(JSON.stringify(data)), codes: errors?.map(codeOf) };
  };
  return { ...made, query };
}

const kindsOf = (row: any) => row.problems.map(({ kind }: any) => kind);

describe("the problems of a thing", () => {
  it("are those of the query problems that concern it", async () => {
    const { query } = open();
    const { data, codes } = await query(`{
      containers { name problems { kind container { name } } roleGroup { problems { kind } } }
      queues { name problems { kind } } hosts { name problems { kind } } engines { name problems { kind } }
      deploys { nodes { tag problems { kind } } } problems { problems { kind } } }`);
    expect(codes).toBeUndefined();
    expect(data.containers.map((row: any) => [row.name, kindsOf(row)])).toEqual([
      ["live", ["CONTAINER_UNHEALTHY"]],
      ["web-1", ["CONTAINER_UNHEALTHY"]],
      ["web-2", []],
    ]);
    expect(data.containers.map((row: any) => kindsOf(row.roleGroup))).toEqual([
      ["CONTAINER_UNHEALTHY"],
      ["CONTAINER_UNHEALTHY"],
      ["CONTAINER_UNHEALTHY"],
    ]);
    expect(data.queues.map((row: any) => [row.name, kindsOf(row)])).toEqual([
      ["mail", []],
      ["payouts", ["QUEUE_NO_WORKERS"]],
    ]);
    expect(data.hosts.map((row: any) => [row.name, kindsOf(row)])).toEqual([
      ["vm", ["HOST_HOT"]],
      ["idle", []],
    ]);
    expect(kindsOf(data.engines[0])).toEqual(["CONTAINER_UNHEALTHY", "CONTAINER_UNHEALTHY"]);
    expect(data.deploys.nodes.flatMap(kindsOf)).toEqual([]);
  });

  it("cause one check, also in several fields and requests", async () => {
    const { query, sources } = open();
    const history = vi.spyOn(sources.deploy, "history");
    const source = "{ containers { problems { kind } } queues { problems { kind } } problems { problems { kind } } }";
    await query("{ problems { problems { kind } } }");
    const looks = history.mock.calls.length;
    const { data } = await query(source);
    expect(kindsOf(data.containers[1])).toEqual(["CONTAINER_UNHEALTHY"]);
    expect(history.mock.calls.length).toBe(looks);
  });

  it("are those that the token may see", async () => {
    const { query } = open();
    const { data } = await query("{ engines { problems { container { name } } } }", createCaller(scopes, ["staging"]));
    expect(data.engines[0].problems.map(({ container }: any) => container.name)).toEqual(["web-1"]);
  });

  it("name a role that is down at all of its containers", async () => {
    const stopped = { status: "exited", health: "none", startedAt: ago(3000), finishedAt: ago(600) } as const;
    const { query } = open({
      containers: [
        { ...web, ...stopped },
        { ...twin, ...stopped },
      ],
    });
    const { data } = await query("{ roles { name runningCount problems { kind } containers { problems { kind } } } }");
    expect(data.roles).toEqual([
      {
        name: "web",
        runningCount: 0,
        problems: [{ kind: "ROLE_DOWN" }],
        containers: [{ problems: [{ kind: "ROLE_DOWN" }] }, { problems: [{ kind: "ROLE_DOWN" }] }],
      },
    ]);
  });
});

describe("the timeline of a thing", () => {
  const happened = (memory: ReturnType<typeof open>) => {
    const { timeline } = memory.sources;
    const own = { ...group, message: "" };
    const container = toTimelineContainer(web);
    const before = { ...container, fullId: "0".repeat(64), id: "0".repeat(12), version: "v1" };
    timeline.add(toEntry({ ...own, kind: "health", time: ago(400), to: "unhealthy", container }));
    timeline.add(toEntry({ ...own, kind: "container_death", time: ago(900), exitCode: 1, container: before }));
    timeline.add(toEntry({ ...own, kind: "oom_kill", time: ago(100), container: toTimelineContainer(twin) }));
    const queue = { name: "payouts", source: "jobs" };
    timeline.add(toEntry({ ...own, kind: "queue_state", time: ago(300), to: "no_workers", queue }));
    timeline.add(toEntry({ ...own, kind: "host_alert", time: ago(200), to: "hot", host: "vm" }));
    timeline.add(toEntry({ kind: "gap", time: ago(5000), message: "", engine: "local" }));
    timeline.add(
      toEntry({ ...own, kind: "health", time: ago(50), env: "production", container: toTimelineContainer(hidden) }),
    );
  };
  const toKinds = ({ timeline }: any) => timeline.map(({ kind }: any) => kind);

  it("has its events, newest first", async () => {
    const memory = open();
    happened(memory);
    const { data, codes } = await memory.query(
      `{ web: container(name: "web-1") { timeline { kind } roleGroup { timeline { kind } } }
         other: container(name: "web-2") { timeline { kind } }
         queue(name: "payouts") { timeline { kind } } host(name: "vm") { timeline { kind } }
         engines { timeline(from: "2h", first: 2, kinds: [GAP, HEALTH, OOM_KILL]) { kind } }
         deploys { nodes { timeline(first: 3) { kind message } } } }`,
      createCaller(scopes, ["staging"]),
    );
    expect(codes).toBeUndefined();
    // Also for a container that had its name before.
    expect(toKinds(data.web)).toEqual(["HEALTH", "CONTAINER_DEATH"]);
    expect(toKinds(data.web.roleGroup)).toEqual(["OOM_KILL", "HEALTH", "CONTAINER_DEATH"]);
    expect(toKinds(data.other)).toEqual(["OOM_KILL"]);
    expect([toKinds(data.queue), toKinds(data.host)]).toEqual([["QUEUE_STATE"], ["HOST_ALERT"]]);
    expect(toKinds(data.engines[0])).toEqual(["OOM_KILL", "HEALTH"]);
    expect(data.deploys.nodes.map(toKinds)).toEqual([["OOM_KILL", "HEALTH", "DEPLOY"]]);
  });

  it("is read once for a range, for however many things", async () => {
    const memory = open();
    const entries = vi.spyOn(memory.sources.timeline, "entries");
    await memory.query("{ containers { timeline { kind } } queues { timeline { kind } } timeline { nodes { kind } } }");
    expect(entries.mock.calls.filter(([kind]) => kind === "oom_kill")).toHaveLength(1);
  });

  it.each([
    ["first: 101", "invalid_request"],
    ['from: "1h", to: "2h"', "invalid_request"],
    ['from: "yesterday"', "invalid_request"],
  ])("refuses (%s)", async (args, code) => {
    const { data, codes } = await open().query(`{ container(name: "web-1") { name timeline(${args}) { kind } } }`);
    expect([data.container, codes]).toEqual([{ name: "web-1", timeline: null }, [code]]);
  });
});
