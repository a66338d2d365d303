import { describe, expect, it } from "vitest";
import { toContainerRangeQuery } from "../../src/prometheus/history.ts";
import { hostQuery, rounded, toHostRangeQuery, toMatchers } from "../../src/prometheus/query.ts";

const tidy = (query: string) => query.replaceAll(/\s+/g, " ").replaceAll(/\( | \)/g, (text) => text.trim());
const real = 'fstype!~"tmpfs|ramfs|overlay|squashfs|erofs|iso9660|nsfs|fuse.lxcfs"';

/** What the question about the past, and that about now, have in common. */
function toParts(window: string, matcher: string, figure = (selector: string) => selector) {
  const only = matcher === "" ? "" : `{${matcher}}`;
  const and = matcher === "" ? "" : `,${matcher}`;
  const up = (read: (selector: string) => string) =>
    `max by (job, instance) (${read(`up{job=~"node|node[-_]exporter"${and}}`)} or ${read(`up${only}`)} and on (job, instance) (last_over_time(node_uname_info${only}[1h]) or last_over_time(node_memory_MemTotal_bytes${only}[1h])))`;
  const busy = `rate(node_cpu_seconds_total{mode=~"idle|iowait|steal"${and}}[${window}])`;
  const old = ["Buffers", "Cached", "MemFree", "Slab"]
    .map((name) => figure(`node_memory_${name}_bytes${only}`))
    .join(" + ");
  return {
    sampled: up((selector) => `timestamp(${selector})`),
    up: up((selector) => selector),
    missed: up((selector) => `(${selector} == 0 unless idelta(${selector}[15m]) == 0)`),
    cpu: `1 - sum by (job, instance) (${busy}) / sum by (job, instance) (rate(node_cpu_seconds_total${only}[${window}]))`,
    mem: `max by (job, instance) (1 - (${figure(`node_memory_MemAvailable_bytes${only}`)} or ${old}) / ${figure(`node_memory_MemTotal_bytes${only}`)})`,
    disk: `max by (job, instance) (1 - ${figure(`node_filesystem_avail_bytes{${real}${and}}`)} / (${figure(`node_filesystem_size_bytes{${real}${and}}`)} > 0))`,
    load1: `max by (job, instance) (${figure(`node_load1${only}`)})`,
  };
}

const join = (parts: readonly (readonly [string, string])[]) =>
  parts.map(([m, expression]) => `label_replace(${expression}, "m", "${m}", "", "")`).join(" or ");
const round = (expression: string) => `round(${expression}, 0.0001)`;

describe("the past of hosts", () => {
  it.each([
    [60, ["a:1", "b:1"], "300s", 'instance=~"a:1|b:1"'],
    [300, ["a:1"], "300s", 'instance=~"a:1"'],
    [301, ["a:1"], "301s", 'instance=~"a:1"'],
    [3600, ["a:1"], "3600s", 'instance=~"a:1"'],
    [3601, Array.from({ length: 101 }, (_, n) => `${n}`), "3600s", ""],
  ])("with a step of %i s is one query", (step, instances, window, matcher) => {
    const { sampled, up, cpu, mem, disk, load1 } = toParts(window, matcher);
    const parts = { sampled, up, cpu: round(cpu), mem: round(mem), disk: round(disk), load1 };
    expect(tidy(toHostRangeQuery(step, instances))).toBe(join(Object.entries(parts)));
  });

  it("is asked for a hundred by their names, and for more without", () => {
    const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`);
    expect(toMatchers("x", names(100))).toEqual([`x=~"${names(100).join("|")}"`]);
    expect(toMatchers("x", names(101))).toEqual([]);
    expect(toMatchers("x", ["a^$.*+?()[]{}b"])).toEqual([String.raw`x=~"a\\^\\$\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}b"`]);
  });
});

it("all current hosts are one query", () => {
  const { up, missed, cpu, mem, disk, load1 } = toParts("5m", "");
  const devices = 'device!~"lo|veth.+|docker.+|br-.+"';
  const rate = (what: string) => `sum by (job, instance) (rate(node_network_${what}_bytes_total{${devices}}[5m]))`;
  const uname =
    "group by (job, instance, nodename) (node_uname_info or on (job, instance) last_over_time(node_uname_info[1h]))";
  const before = toParts("5m", "", (selector) => `last_over_time(${selector}[5m])`);
  const orBefore = (is: string, was: string) => `(${is} or ${was} and on (job, instance) ${missed})`;
  const toFullest = (text: string) => text.replace("max by (job, instance) (", "topk by (job, instance) (1, ");
  const parts = {
    up,
    missed,
    uname,
    cpu,
    mem: orBefore(mem, before.mem),
    disk: orBefore(toFullest(disk), toFullest(before.disk)),
    load1: orBefore(load1, before.load1),
    rx: rate("receive"),
    tx: rate("transmit"),
  };
  expect(tidy(hostQuery).replaceAll("( ", "(")).toBe(join(Object.entries(parts)));
});

it("the past of containers is one query", () => {
  const of = (name: string) => `max by (engine, name, env, exported_env) (${name}{name=~"web|app"})`;
  const figures = { cpu: "cpu_percent", mem: "memory_percent", restarts: "restarts_total" };
  const parts = Object.entries(figures).map(([m, name]) => [m, `round(${of(`ops_container_${name}`)}, 0.01)`] as const);
  const sampled = 'max by (engine, name, env, exported_env) (timestamp(ops_container_up{name=~"web|app"}))';
  expect(tidy(toContainerRangeQuery(["web", "app"]))).toBe(join([["sampled", sampled], ...parts]));
});

it("a rounded number has a fixed number of decimals", () => {
  expect([rounded("x", 0), rounded("x", 2), rounded("x", 4)]).toEqual([
    "round(x, 1)",
    "round(x, 0.01)",
    "round(x, 0.0001)",
  ]);
});
