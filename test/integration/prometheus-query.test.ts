import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { hostQuery, toHostRangeQuery } from "../../src/prometheus/query.ts";

/**
 * Prometheus' own query engine over series that we make up: what would take hours to happen on a
 * real one.
 */
const folder = mkdtempSync(join(tmpdir(), "ops-promql-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Series in promtool's notation: labels, and start+step×count, `_` for a lost scrape, `stale` for a
 * target that stopped answering.
 */
type Series = readonly (readonly [series: string, values: string])[];

/**
 * Runs the query over the series and compares the whole answer: "SUCCESS", or both where they
 * differ.
 */
function run(
  interval: string,
  evalTime: string,
  series: Series,
  expected: Readonly<Record<string, number>>,
  query = hostQuery,
): string {
  const file = join(folder, "test.yml");
  const test = {
    interval,
    input_series: series.map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: `round(${query.replaceAll("\n", " ")}, 0.000001)`,
        eval_time: evalTime,
        exp_samples: Object.entries(expected).map(([labels, value]) => ({ labels: `{${labels}}`, value })),
      },
    ],
  };
  writeFileSync(file, JSON.stringify({ evaluation_interval: interval, tests: [test] }));
  const { stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
  return stdout + stderr;
}

const at = 'job="node",instance="a:1"';

/**
 * Two CPUs of a machine that is busy for a quarter of the time, in seconds for each scrape of
 * `step` seconds.
 */
function quarterBusy(step: number, pattern: (perScrape: number) => string): Series {
  const shares = { idle: 0.5, iowait: 0.15, steal: 0.1, user: 0.2, system: 0.05 };
  return ["0", "1"].flatMap((cpu) =>
    Object.entries(shares).map(
      ([mode, share]) => [`node_cpu_seconds_total{${at},cpu="${cpu}",mode="${mode}"}`, pattern(share * step)] as const,
    ),
  );
}

const busy = { [`m="cpu",${at}`]: 0.25, [`m="up",${at}`]: 1 };

it.each<[string, number, string, (perScrape: number) => string, string]>([
  ["15 s", 15, "30m", (step) => `0+${step}x120`, "1x120"],
  ["60 s", 60, "30m", (step) => `0+${step}x30`, "1x30"],
  ["60 s with two scrapes lost", 60, "29m", (step) => `0+${step}x24 _x2 ${27 * step}+${step}x2`, "1x24 0x1 1x2"],
  ["2 minutes", 120, "30m", (step) => `0+${step}x15`, "1x15"],
  ["15 s, for a host that is one minute old", 15, "30m", (step) => `_x115 0+${step}x4`, "_x115 1x4"],
])("the CPU share is right when scraped every %s", (_, step, evalTime, cpu, up) => {
  expect(run(`${step}s`, evalTime, [...quarterBusy(step, cpu), [`up{${at}}`, up]], busy)).toContain("SUCCESS");
});

it("memory works without MemAvailable; disk and traffic ignore the local", () => {
  const gauges = { MemTotal: 100, Buffers: 5, Cached: 10, MemFree: 20, Slab: 5 };
  const series: Series = [
    [`up{${at}}`, "1x20"],
    [`node_load1{${at},extra="label"}`, "7x20"],
    ...Object.entries(gauges).map(([name, value]) => [`node_memory_${name}_bytes{${at}}`, `${value}x20`] as const),
    ...Object.entries({ ext4: 40, xfs: 30, tmpfs: 0, iso9660: 0 }).flatMap(
      ([fstype, available]) =>
        [
          [`node_filesystem_avail_bytes{${at},fstype="${fstype}",mountpoint="/${fstype}"}`, `${available}x20`],
          [`node_filesystem_size_bytes{${at},fstype="${fstype}",mountpoint="/${fstype}"}`, "100x20"],
        ] as const,
    ),
    [`node_filesystem_avail_bytes{${at},fstype="ext4",mountpoint="/zero"}`, "0x20"],
    [`node_filesystem_size_bytes{${at},fstype="ext4",mountpoint="/zero"}`, "0x20"],
    ...["eth0", "eth1", "lo", "docker0", "veth12", "br-1"].map(
      (device) => [`node_network_receive_bytes_total{${at},device="${device}"}`, "0+600x20"] as const,
    ),
  ];
  expect(
    run("1m", "20m", series, {
      [`m="up",${at}`]: 1,
      [`m="mem",${at}`]: 0.6,
      [`m="disk",${at},fstype="xfs",mountpoint="/xfs"`]: 0.7,
      [`m="load1",${at}`]: 7,
      [`m="rx",${at}`]: 20,
    }),
  ).toContain("SUCCESS");
});

it("a down host keeps its name and its up; only its rate remains a while", () => {
  const series: Series = [
    [`up{${at}}`, "1x17 0x3"],
    [`node_uname_info{${at},nodename="web-1",release="6.1"}`, "1x17 stale"],
    [`node_memory_MemTotal_bytes{${at}}`, "100x17 stale"],
    [`node_memory_MemAvailable_bytes{${at}}`, "50x17 stale"],
    ...quarterBusy(60, (perScrape) => `0+${perScrape}x17 stale`),
  ];
  expect(run("1m", "20m", series, { ...busy, [`m="up",${at}`]: 0, [`m="uname",${at},nodename="web-1"`]: 1 })).toContain(
    "SUCCESS",
  );
});

it("a renamed host has its new name; a job that never answered is found", () => {
  const series: Series = [
    [`up{${at}}`, "1x20"],
    [`node_uname_info{${at},nodename="old"}`, "1x10 stale"],
    [`node_uname_info{${at},nodename="new"}`, "_x11 1x9"],
    ['up{job="node-exporter",instance="b:1"}', "0x20"],
    ['up{job="nodejs",instance="c:1"}', "0x20"],
  ];
  expect(
    run("1m", "20m", series, {
      [`m="up",${at}`]: 1,
      [`m="uname",${at},nodename="new"`]: 1,
      'm="up",job="node-exporter",instance="b:1"': 0,
    }),
  ).toContain("SUCCESS");
});

it("node-exporters are found under another job name, others are not", () => {
  const pods = 'job="kubernetes-pods",instance="a:9100"';
  const series: Series = [
    [`up{${pods},cluster="x"}`, "1x20"],
    [`node_uname_info{${pods},cluster="x",nodename="web-1"}`, "1x20"],
    ['up{job="kubernetes-pods",instance="a:8080"}', "1x20"],
    ['up{job="postgres",instance="a:9100"}', "1x20"],
  ];
  expect(run("1m", "20m", series, { [`m="up",${pods}`]: 1, [`m="uname",${pods},nodename="web-1"`]: 1 })).toContain(
    "SUCCESS",
  );
});

it("the past CPU share spans a step; scrape times are of selected hosts", () => {
  const other = at.replace("a:1", "aXb");
  const series: Series = [
    [`up{${at}}`, "1x28 _x2"],
    [`up{${other}}`, "1x30"],
    // Busy for five minutes, then idle for ten.
    [`node_cpu_seconds_total{${at},cpu="0",mode="user"}`, "0+0x15 60+60x4 300x8 _x2"],
    [`node_cpu_seconds_total{${at},cpu="0",mode="idle"}`, "0+60x15 900x4 960+60x8 _x2"],
    [`node_load1{${at}}`, "7x28 _x2"],
    [`node_load1{${other}}`, "7x30"],
  ];
  const now = { [`m="sampled",${at}`]: 28 * 60, [`m="up",${at}`]: 1, [`m="load1",${at}`]: 7 };
  const past = (step: number) => toHostRangeQuery(step, ["a:1"]);
  expect(run("1m", "30m", series, { ...now, [`m="cpu",${at}`]: 0 }, past(60))).toContain("SUCCESS");
  expect(run("1m", "30m", series, { ...now, [`m="cpu",${at}`]: 0.3571 }, past(900))).toContain("SUCCESS");
});
