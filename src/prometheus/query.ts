/** The metric of a series, in its `m` label. */
export const metrics = ["up", "missed", "uname", "cpu", "mem", "disk", "load1", "rx", "tx"] as const;
export type Metric = (typeof metrics)[number];

/**
 * Window of the rates: the node mixin's 5 minutes, so that our numbers agree with its dashboards. A
 * rate needs two samples, so this allows scrape intervals up to 2 minutes, and one lost scrape at
 * 60 s or the usual 15 s.
 */
const mixinWindow = "5m";

/**
 * Parameters of the expressions: the window of their rates, and matchers that every selector
 * carries (`instance=~"..."`).
 */
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
 * A target is a node-exporter when its job has a conventional name (`node` is the mixin's
 * selector), or when it had node-exporter series within the last hour. The first rule finds a host
 * that has been down for days, the second any other job name (`kubernetes-pods`). `up` always has
 * the same job and instance, so another exporter on the machine does not count.
 */
function toUp(scope: Scope, read: Read): string {
  const of = toSelector(scope);
  return `
  ${read(of("up", 'job=~"node|node[-_]exporter"'))}
    or
  ${read(of("up"))} and on (job, instance) (last_over_time(${of("node_uname_info")}[1h]) or last_over_time(${of("node_memory_MemTotal_bytes")}[1h]))`;
}

/** How a selector is read: as it is, or through a function over time. */
type Read = (selector: string) => string;

const asIs: Read = (selector) => selector;
/**
 * The last sample within the lookback of an instant query, even if a failed scrape marked the
 * series as stale.
 */
const last: Read = (selector) => `last_over_time(${selector}[5m])`;

/**
 * Targets whose last scrape failed, but not the one before: nothing shows yet that the host is
 * down. `idelta` compares the last two scrapes, whatever their interval. Includes a target that was
 * never scraped before.
 */
function toMissed(scope: Scope): string {
  return toUp(scope, (selector) => `(${selector} == 0 unless idelta(${selector}[15m]) == 0)`);
}

/**
 * The live node name, else the last one of the hour, for a host that is down. Our code joins them:
 * a join in PromQL (`* on (instance) group_left`) drops the hosts without it.
 */
const uname = `
  node_uname_info or on (job, instance) last_over_time(node_uname_info[1h])`;

/**
 * Busy share as the mixin defines it (not idle, iowait or steal), but divided by the rate of *all*
 * modes, not by the number of CPUs. Both are equal once the window is full. Before that (a new
 * host, or one that was down), rate() divides by the whole window, and 1 - idle would show an idle
 * machine as 95 % busy: an alert for each new host.
 */
function toCpu(scope: Scope): string {
  const of = toSelector(scope);
  return `
  1 - sum by (job, instance) (rate(${of("node_cpu_seconds_total", 'mode=~"idle|iowait|steal"')}[${scope.window}]))
    / sum by (job, instance) (rate(${of("node_cpu_seconds_total")}[${scope.window}]))`;
}

/** Kernels before 3.14 have no MemAvailable: the mixin's sum replaces it. */
function toMem(scope: Scope, read = asIs): string {
  const of = (name: string) => read(toSelector(scope)(`node_memory_${name}_bytes`));
  return `
  1 - (
      ${of("MemAvailable")}
        or
      ${["Buffers", "Cached", "MemFree", "Slab"].map(of).join(" + ")}
    ) / ${of("MemTotal")}`;
}

/**
 * The fullest real file system. Images (iso9660, squashfs, erofs) are always full; the other types
 * are memory or views of another file system.
 */
function toDisk(scope: Scope, read = asIs): string {
  const types = 'fstype!~"tmpfs|ramfs|overlay|squashfs|erofs|iso9660|nsfs|fuse.lxcfs"';
  const of = (name: string) => read(toSelector(scope)(`node_filesystem_${name}_bytes`, types));
  return `
  1 - ${of("avail")} / (${of("size")} > 0)`;
}

/**
 * Bytes per second that leave the machine; container and loopback interfaces would count them
 * twice.
 */
const devices = `device!~"lo|veth.+|docker.+|br-.+"`;
const received = `rate(node_network_receive_bytes_total{${devices}}[${mixinWindow}])`;
const transmitted = `rate(node_network_transmit_bytes_total{${devices}}[${mixinWindow}])`;

const ofTarget = (expression: string) => `max by (job, instance) (${expression}\n)`;

/** Expressions of both the instant query and the range query. */
function toCommon(scope: Scope, read = asIs) {
  return {
    up: ofTarget(toUp(scope, asIs)),
    cpu: toCpu(scope),
    mem: ofTarget(toMem(scope, read)),
    disk: ofTarget(toDisk(scope, read)),
    load1: ofTarget(read(toSelector(scope)("node_load1"))),
  };
}

const everywhere: Scope = { window: mixinWindow, matchers: [] };
const missed = ofTarget(toMissed(everywhere));
/** The fullest file system of each target, with its device and mount point. */
const ofFullest = (expression: string) => `topk by (job, instance) (1, ${expression}\n)`;
const now = { ...toCommon(everywhere), disk: ofFullest(toDisk(everywhere)) };
const before = { ...toCommon(everywhere, last), disk: ofFullest(toDisk(everywhere, last)) };
/**
 * A failed scrape ends the series of its target: for one that missed only the last scrape, the
 * values before it count. Rates need no help.
 */
const orBefore = (metric: "mem" | "disk" | "load1") =>
  `(${now[metric]} or ${before[metric]} and on (job, instance) ${missed})`;

const expressions: Record<Metric, string> = {
  ...now,
  missed,
  mem: orBefore("mem"),
  disk: orBefore("disk"),
  load1: orBefore("load1"),
  uname: `group by (job, instance, nodename) (${uname}\n)`,
  rx: `sum by (job, instance) (${received})`,
  tx: `sum by (job, instance) (${transmitted})`,
};

/** Each operand has its own `m`: `or` drops series whose labels are already in the left operand. */
export function joinExpressions(all: readonly (readonly [m: string, expression: string])[]): string {
  return all.map(([m, expression]) => `label_replace(${expression}, "m", "${m}", "", "")`).join("\nor\n");
}

/**
 * All metrics of all hosts in one instant query. Rules: github.com/prometheus/node_exporter
 * docs/node-mixin/rules/rules.libsonnet. Nothing in it comes from a caller.
 */
export const hostQuery = joinExpressions(metrics.map((metric) => [metric, expressions[metric]] as const));

/** The series of a host's past. */
export const pastMetrics = ["sampled", "up", "cpu", "mem", "disk", "load1"] as const;

/**
 * The same as a range query for all hosts. `sampled` is the scrape time of `up`. A rate spans the
 * step, so that nothing between two points is missed: at least the mixin's window, and at most an
 * hour, because Prometheus reads every sample of it. Shares have four decimals, because the answer
 * is mostly digits.
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

/** Rounds to this many decimals: an answer is mostly digits. */
export function rounded(expression: string, decimals: number): string {
  return `round(${expression}, ${(10 ** -decimals).toFixed(decimals)})`;
}

/** A longer list makes the query longer than the series that it saves. */
const mostNames = 100;

/**
 * A matcher for exactly these label values. None for very long lists; the answer then has more
 * series than requested.
 */
export function toMatchers(label: string, values: readonly string[]): string[] {
  if (values.length > mostNames) return [];
  // RE2 accepts a backslash before any punctuation; PromQL strings use JSON's escapes.
  const pattern = values.map((value) => value.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join("|");
  return [`${label}=~${JSON.stringify(pattern)}`];
}
