import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ContainerStats } from "../../src/containers/container.ts";
import { createExecute } from "../../src/graphql/execute.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createMetricsHandler, metricsDocument } from "../../src/metrics/handler.ts";
import { toQueueRows, toSourceRows } from "../../src/metrics/queues.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";
import { sampleWorkerJobs } from "../support/queues.ts";

const schema = createSchema();
const now = Date.parse("2026-01-13T09:47:30Z");

beforeEach(() => {
  vi.useFakeTimers({ now, toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** No two figures are equal, so that one in the place of another is seen. */
const stats: ContainerStats = {
  source: "engine",
  cpuPct: 11.5,
  memPct: 15.5,
  memUsedBytes: 16,
  memLimitBytes: 17,
  sampledAt: "2026-01-13T09:46:00Z",
  counters: async () => ({
    cpuPeriods: 12,
    cpuThrottledPeriods: 13,
    cpuThrottledSeconds: 14.25,
    pids: 18,
    networkReceiveBytes: 19,
    networkTransmitBytes: 20,
    blockReadBytes: 21,
    blockWriteBytes: 22,
  }),
};

const memory: Partial<Memory> = {
  engines: [
    { name: "engine-a", ok: true, error: null, contactAt: now - 7000, clockSkew: -90.5 },
    { name: "engine-b", ok: true, error: null, contactAt: now - 9000 },
  ],
  containers: [
    sampleContainer({
      name: "web-1",
      engine: "engine-a",
      role: "web",
      env: "production",
      service: "core",
      destination: "prod",
      version: "v5",
      status: "paused",
      health: "starting",
      restarts: 10,
      startedAt: "2026-01-13T09:40:10Z",
    }),
  ],
  queueSources: [
    {
      name: "jobs",
      env: "production",
      metrics: [
        {
          name: "payouts",
          depth: 30,
          active: 31,
          deferred: 32,
          retrying: 33,
          dead: 34,
          oldestAgeSeconds: 35,
          processedPerSec: 1.5,
          failuresLastHour: 37,
          workers: 39,
          observedAt: "2026-01-13T09:47:20Z",
        },
        { name: "mails", depth: 0, paused: true, observedAt: "2026-01-13T09:46:00Z" },
        { name: "calls", depth: 0, paused: true, observedAt: "2026-01-13T09:47:00Z" },
      ],
      errors: [],
      workerJobs: async () => [sampleWorkerJobs({ count: 38, oldestAgeSeconds: 60 })],
    },
  ],
  hosts: [
    sampleHost({
      name: "host-a",
      cpuUtil: 0.41,
      memUtil: 0.42,
      diskUtil: 0.43,
      load1: 4.5,
      networkReceiveBytesPerSec: 45,
      networkTransmitBytesPerSec: 46,
      alert: true,
    }),
    sampleHost({
      name: "host-b",
      status: "down",
      cpuUtil: null,
      memUtil: null,
      diskUtil: null,
      load1: null,
      networkReceiveBytesPerSec: null,
      networkTransmitBytesPerSec: null,
    }),
  ],
  deploy: {
    ...sampleDeployInfo,
    currentTag: "v5",
    commitSha: "5ha",
    service: "core",
    destination: "prod",
    env: "production",
  },
};

async function scrape(): Promise<readonly string[]> {
  const { sources } = createMemorySources(memory);
  const execute = createExecute(
    schema,
    { ...sources, containers: { ...sources.containers, stats: async (refs) => refs.map(() => stats) } },
    [metricsDocument],
  );
  const ends = [{ kid: "k1", subject: "ci", expiresAt: 1_780_000_000_500 }];
  const handle = createMetricsHandler(
    execute,
    { collect: () => [] },
    () => ends,
    () => [{ name: "state", clockSkew: 3 }],
  );
  const { body } = await handle({ ...createCaller(), method: "GET", query: "stats=true", headers: {} });
  return String(body).split("\n");
}

it("each number of a scrape has its own name, unit and labels", async () => {
  const web =
    'name="web-1",engine="engine-a",role="web",env="production",service="core",destination="prod",version="v5"';
  const payouts = 'queue="payouts",source="jobs",env="production"';
  const toStates = (name: string, labels: string, states: readonly string[], own: string) =>
    states.map((state) => `${name}{${labels},state="${state}"} ${state === own ? 1 : 0}`);
  const lines = await scrape();
  const rest = lines.filter((line) => !line.startsWith("#") && !/queue="(?:mails|calls)"/.test(line) && line !== "");
  expect(rest).toEqual([
    'ops_upstream_up{upstream="docker"} 1',
    'ops_upstream_up{upstream="queues"} 1',
    'ops_upstream_up{upstream="prometheus"} 1',
    'ops_upstream_up{upstream="deploy"} 1',
    'ops_engine_up{engine="engine-a"} 1',
    'ops_engine_up{engine="engine-b"} 1',
    'ops_engine_age_seconds{engine="engine-a"} 7',
    'ops_engine_age_seconds{engine="engine-b"} 9',
    `ops_container_up{${web}} 0`,
    ...toStates(
      "ops_container_state",
      web,
      ["created", "running", "paused", "restarting", "removing", "exited", "dead"],
      "paused",
    ),
    ...toStates("ops_container_health", web, ["healthy", "unhealthy", "starting", "none"], "starting"),
    `ops_container_restarts_total{${web}} 10`,
    `ops_container_start_time_seconds{${web}} 1768297210`,
    `ops_container_cpu_util_ratio{${web}} 0.115`,
    `ops_container_mem_util_ratio{${web}} 0.155`,
    `ops_container_memory_usage_bytes{${web}} 16`,
    `ops_container_memory_limit_bytes{${web}} 17`,
    `ops_container_cpu_periods_total{${web}} 12`,
    `ops_container_cpu_throttled_periods_total{${web}} 13`,
    `ops_container_cpu_throttled_seconds_total{${web}} 14.25`,
    `ops_container_pids{${web}} 18`,
    `ops_container_network_receive_bytes_total{${web}} 19`,
    `ops_container_network_transmit_bytes_total{${web}} 20`,
    `ops_container_block_read_bytes_total{${web}} 21`,
    `ops_container_block_write_bytes_total{${web}} 22`,
    `ops_container_cpu_percent{${web}} 11.5`,
    `ops_container_memory_percent{${web}} 15.5`,
    'ops_queue_source_up{source="jobs",kind="table",env="production",upstream="postgres"} 1',
    // The oldest numbers of its queues: those of mails.
    'ops_queue_source_age_seconds{source="jobs",kind="table",env="production",upstream="postgres"} 90',
    `ops_queue_depth{${payouts}} 30`,
    `ops_queue_oldest_age_seconds{${payouts}} 35`,
    `ops_queue_active{${payouts}} 31`,
    `ops_queue_workers{${payouts}} 39`,
    `ops_queue_processed_per_second{${payouts}} 1.5`,
    `ops_queue_failures_last_hour{${payouts}} 37`,
    `ops_queue_drain_seconds{${payouts}} 20`,
    `ops_queue_retrying{${payouts}} 33`,
    `ops_queue_deferred{${payouts}} 32`,
    `ops_queue_dead{${payouts}} 34`,
    `ops_queue_orphans{${payouts}} 38`,
    ...toStates(
      "ops_queue_state",
      payouts,
      ["ok", "idle", "backlog", "stalled", "paused", "no_workers", "failing", "unknown"],
      "ok",
    ),
    'ops_host_up{host="host-a"} 1',
    'ops_host_up{host="host-b"} 0',
    'ops_host_alert{host="host-a"} 1',
    'ops_host_alert{host="host-b"} 0',
    'ops_host_cpu_util_ratio{host="host-a"} 0.41',
    'ops_host_mem_util_ratio{host="host-a"} 0.42',
    'ops_host_disk_util_ratio{host="host-a"} 0.43',
    'ops_host_load1{host="host-a"} 4.5',
    'ops_host_network_receive_bytes_per_second{host="host-a"} 45',
    'ops_host_network_transmit_bytes_per_second{host="host-a"} 46',
    "ops_host_report_age_seconds 90",
    'ops_deploy_time_seconds{service="core",destination="prod",env="production"} 1768050900',
    'ops_deploy_info{tag="v5",sha="5ha",service="core",destination="prod",env="production"} 1',
    'ops_problem{kind="host_down",severity="critical",host="host-b"} 1',
    `ops_problem{kind="role_down",severity="critical",${web}} 1`,
    `ops_problem{kind="container_restart_loop",severity="critical",${web}} 1`,
    'ops_problem{kind="queue_orphans",severity="warning",env="production",service="core",destination="prod",queue="payouts",source="jobs"} 1',
    'ops_problem{kind="clock_skewed",severity="warning",engine="engine-a"} 1',
    'ops_problem{kind="host_hot",severity="warning",host="host-a"} 1',
    "ops_problems_unchecked 0",
    'ops_clock_skew_seconds{upstream="docker",name="engine-a"} -90.5',
    'ops_clock_skew_seconds{upstream="postgres",name="state"} 3',
    'ops_token_expires_timestamp_seconds{kid="k1",subject="ci"} 1780000000.5',
    ...[
      "upstream",
      "engine",
      "container",
      "queue_source",
      "queue",
      "host",
      "host_report",
      "deploy",
      "deploy_info",
      "problem",
      "problems_unchecked",
      "clock",
      "token",
    ].map((name) => `ops_metrics_dropped_series{family="ops_${name}"} 0`),
  ]);
});

it("each family has a type and a help text", async () => {
  const lines = await scrape();
  const titles = lines.flatMap((line) => /^# HELP (\w+) .{8,}$/.exec(line)?.[1] ?? []);
  const types = lines.flatMap((line) => /^# TYPE (\w+) (\w+)$/.exec(line)?.slice(1, 3).join(" ") ?? []);
  expect(types).toEqual(titles.map((name) => `${name} ${name.endsWith("_total") ? "counter" : "gauge"}`));
  expect(new Set(titles)).toEqual(new Set(lines.flatMap((line) => /^\w+/.exec(line)?.[0] ?? [])));
});

it("the age of a source is that of its oldest numbers in any order", () => {
  const times = ["2026-01-13T09:47:20Z", "2026-01-13T09:46:00Z", "2026-01-13T09:47:00Z"];
  const toQueue = (source: string) => (observedAt: string) => ({ source, observedAt }) as never;
  const source = { kind: "table", env: null, place: null, numbersOk: true };
  const queueSources = [
    { ...source, name: "jobs" },
    { ...source, name: "empty" },
    { ...source, name: "other" },
  ];
  const other = toQueue("other")("2026-01-13T09:45:00Z");
  for (const order of [times, times.toReversed()]) {
    const rows = toSourceRows({ queueSources, queues: [...order.map(toQueue("jobs")), other] });
    expect(rows?.map(({ observedAt }) => observedAt)).toEqual([times[1], null, "2026-01-13T09:45:00Z"]);
  }
  expect(toSourceRows({ queueSources })?.map(({ observedAt }) => observedAt)).toEqual([null, null, null]);
  expect([toSourceRows({}), toQueueRows({ queueSources })]).toEqual([null, null]);
  expect(toQueueRows({ queues: [other] })).toEqual([
    { source: "other", observedAt: "2026-01-13T09:45:00Z", env: null },
  ]);
});
