/** Which number a series of the answer is: the value of its `m` label. */
export const metrics = ["up", "uname", "cpu", "mem", "disk", "load1", "rx", "tx"] as const;
export type Metric = (typeof metrics)[number];

/**
 * Window of the rates: the node mixin's 5 minutes, so that our numbers agree with its dashboards. A rate needs two samples, so this
 * serves scrape intervals up to 2 minutes, with one scrape lost at 60 s and at the usual 15 s alike.
 */
const window = "5m";

/**
 * A target is a node-exporter when its job is named so by convention (`node` is the mixin's selector), or when it has shown
 * node-exporter series within the last hour. The first half finds a host that has been down for days, the second one any other
 * job name (`kubernetes-pods`). `up` is always of the same job and instance, so another exporter on the machine does not count.
 */
const up = `
  up{job=~"node|node[-_]exporter"}
    or
  up and on (job, instance) (last_over_time(node_uname_info[1h]) or last_over_time(node_memory_MemTotal_bytes[1h]))`;

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
const cpu = `
  1 - sum by (job, instance) (rate(node_cpu_seconds_total{mode=~"idle|iowait|steal"}[${window}]))
    / sum by (job, instance) (rate(node_cpu_seconds_total[${window}]))`;

/** Kernels before 3.14 have no MemAvailable: the mixin's sum stands in. */
const mem = `
  1 - (
      node_memory_MemAvailable_bytes
        or
      node_memory_Buffers_bytes + node_memory_Cached_bytes + node_memory_MemFree_bytes + node_memory_Slab_bytes
    ) / node_memory_MemTotal_bytes`;

/** The fullest real file system. Images (iso9660, squashfs, erofs) are full by nature, the rest is memory or a view of another one. */
const pseudo = `fstype!~"tmpfs|ramfs|overlay|squashfs|erofs|iso9660|nsfs|fuse.lxcfs"`;
const disk = `
  1 - node_filesystem_avail_bytes{${pseudo}} / (node_filesystem_size_bytes{${pseudo}} > 0)`;

/** Bytes per second over what leaves the machine; container and loopback interfaces would count it twice. */
const devices = `device!~"lo|veth.+|docker.+|br-.+"`;
const received = `rate(node_network_receive_bytes_total{${devices}}[${window}])`;
const transmitted = `rate(node_network_transmit_bytes_total{${devices}}[${window}])`;

const expressions: Record<Metric, string> = {
  up: `max by (job, instance) (${up}\n)`,
  uname: `group by (job, instance, nodename) (${uname}\n)`,
  cpu,
  mem: `max by (job, instance) (${mem}\n)`,
  disk: `max by (job, instance) (${disk}\n)`,
  load1: `max by (job, instance) (node_load1)`,
  rx: `sum by (job, instance) (${received})`,
  tx: `sum by (job, instance) (${transmitted})`,
};

/**
 * All metrics of all hosts in one instant query. Each operand carries its own `m`: `or` drops a series whose labels were there before.
 * Rules: github.com/prometheus/node_exporter docs/node-mixin/rules/rules.libsonnet. Nothing in it comes from a caller.
 */
export const hostQuery = metrics
  .map((metric) => `label_replace(${expressions[metric]}, "m", "${metric}", "", "")`)
  .join("\nor\n");
