/** Which number a series of the answer is: the value of its `m` label. */
export const metrics = ["up", "uname", "cpu", "mem", "disk", "load1", "rx", "tx"] as const;
export type Metric = (typeof metrics)[number];

/**
 * Window of the rates: the node mixin's 5 minutes, so that our numbers agree with its dashboards. A rate needs two samples, so this
 * serves scrape intervals up to 2 minutes, with one scrape lost at 60 s and at the usual 15 s alike.
 */
const mixinWindow = "5m";

/** What the expressions are made for: the window of their rates, and matchers that every selector carries (`instance=~"..."`). */
interface Scope {
  readonly window: string;
  readonly matchers: readonly string[];
}

const toSelector =
  ({ matchers }: Scope) =>
  (metric: string, ...own: readonly string[]): string => {
    const all = [...own, ...matchers];
    return all.length > 0 ? `${metric}{${all.join(",")}}` : metric;
  };

/**
 * A target is a node-exporter when its job is named so by convention (`node` is the mixin's selector), or when it has shown
 * node-exporter series within the last hour. The first half finds a host that has been down for days, the second one any other
 * job name (`kubernetes-pods`). `up` is always of the same job and instance, so another exporter on the machine does not count.
 */
function toUp(scope: Scope, read: (selector: string) => string): string {
  const of = toSelector(scope);
  return `
  ${read(of("up", 'job=~"node|node[-_]exporter"'))}
    or
  ${read(of("up"))} and on (job, instance) (last_over_time(${of("node_uname_info")}[1h]) or last_over_time(${of("node_memory_MemTotal_bytes")}[1h]))`;
}

/**
 * The live node name, else the last one of the hour, for a host that is down. Joined in our code: a join in PromQL (`* on (instance)
 * group_left`) drops the hosts without it.
 */
const uname = `
  node_uname_info or on (job, instance) last_over_time(node_uname_info[1h])`;

/**
 * Busy share as the mixin defines it (not idle, iowait or steal), divided by the rate of *all* modes rather than by the number of CPUs.
 * That is the same number once the window is full. Before (a new host, or one that was down for a while), rate() divides by
 * the whole window and 1 - idle would show an idle machine as 95 % busy: an alert for each new host.
 */
function toCpu(scope: Scope): string {
  const of = toSelector(scope);
  return `
  1 - sum by (job, instance) (rate(${of("node_cpu_seconds_total", 'mode=~"idle|iowait|steal"')}[${scope.window}]))
    / sum by (job, instance) (rate(${of("node_cpu_seconds_total")}[${scope.window}]))`;
}

/** Kernels before 3.14 have no MemAvailable: the mixin's sum stands in. */
function toMem(scope: Scope): string {
  const of = (name: string) => toSelector(scope)(`node_memory_${name}_bytes`);
  return `
  1 - (
      ${of("MemAvailable")}
        or
      ${["Buffers", "Cached", "MemFree", "Slab"].map(of).join(" + ")}
    ) / ${of("MemTotal")}`;
}

/** The fullest real file system. Images (iso9660, squashfs, erofs) are full by nature, the rest is memory or a view of another one. */
function toDisk(scope: Scope): string {
  const of = (name: string) =>
    toSelector(scope)(`node_filesystem_${name}_bytes`, 'fstype!~"tmpfs|ramfs|overlay|squashfs|erofs|iso9660|nsfs|fuse.lxcfs"');
  return `
  1 - ${of("avail")} / (${of("size")} > 0)`;
}

/** Bytes per second over what leaves the machine; container and loopback interfaces would count it twice. */
const devices = `device!~"lo|veth.+|docker.+|br-.+"`;
const received = `rate(node_network_receive_bytes_total{${devices}}[${mixinWindow}])`;
const transmitted = `rate(node_network_transmit_bytes_total{${devices}}[${mixinWindow}])`;

/** What the instant answer and the past have in common. */
function toCommon(scope: Scope) {
  return {
    up: `max by (job, instance) (${toUp(scope, (selector) => selector)}\n)`,
    cpu: toCpu(scope),
    mem: `max by (job, instance) (${toMem(scope)}\n)`,
    disk: `max by (job, instance) (${toDisk(scope)}\n)`,
    load1: `max by (job, instance) (${toSelector(scope)("node_load1")})`,
  };
}

const expressions: Record<Metric, string> = {
  ...toCommon({ window: mixinWindow, matchers: [] }),
  uname: `group by (job, instance, nodename) (${uname}\n)`,
  rx: `sum by (job, instance) (${received})`,
  tx: `sum by (job, instance) (${transmitted})`,
};

/** Each operand carries its own `m`: `or` drops a series whose labels were there before. */
export function joinExpressions(all: readonly (readonly [m: string, expression: string])[]): string {
  return all.map(([m, expression]) => `label_replace(${expression}, "m", "${m}", "", "")`).join("\nor\n");
}

/**
 * All metrics of all hosts in one instant query.
 * Rules: github.com/prometheus/node_exporter docs/node-mixin/rules/rules.libsonnet. Nothing in it comes from a caller.
 */
export const hostQuery = joinExpressions(metrics.map((metric) => [metric, expressions[metric]] as const));

/** The series of the past of a host. */
export const pastMetrics = ["sampled", "up", "cpu", "mem", "disk", "load1"] as const;

/**
 * The same for a range query, in one question for all hosts. `sampled` is when `up` was scraped. A rate spans the step, so that nothing between two points is left
 * out: at least the mixin's window, and at most an hour, as Prometheus reads every sample of it. Shares have four decimals, as
 * the answer is mostly digits.
 */
export function toHostRangeQuery(step: number, instances: readonly string[]): string {
  const scope = { window: `${Math.min(3600, Math.max(300, step))}s`, matchers: toMatchers("instance", instances) };
  const { up, cpu, mem, disk, load1 } = toCommon(scope);
  return joinExpressions([
    ["sampled", `max by (job, instance) (${toUp(scope, (selector) => `timestamp(${selector})`)}\n)`],
    ["up", up],
    ["cpu", rounded(cpu, 4)],
    ["mem", rounded(mem, 4)],
    ["disk", rounded(disk, 4)],
    ["load1", load1],
  ]);
}

/** So many decimals: an answer is mostly digits. */
export function rounded(expression: string, decimals: number): string {
  return `round(${expression}, ${(10 ** -decimals).toFixed(decimals)})`;
}

/** Longer lists make the query longer than the series that they spare. */
const mostNames = 100;

/** A matcher for these values of a label and no others; none for very many, whose answer holds more than was asked. */
export function toMatchers(label: string, values: readonly string[]): string[] {
  if (values.length > mostNames) return [];
  // RE2 takes a backslash before any punctuation; JSON's escapes are those of PromQL's strings.
  const pattern = values.map((value) => value.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join("|");
  return [`${label}=~${JSON.stringify(pattern)}`];
}
