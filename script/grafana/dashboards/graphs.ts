import { hostNumbers } from "../../../src/facts/host.ts";
import type { ContainerSeriesKind, HostSeriesKind, QueueSeriesKind } from "../../../src/generated/grafana.ts";
import * as is from "../fields.ts";
import type { PanelSpec } from "../model.ts";
import { graph } from "../panels.ts";
import { by, chosenRows, series } from "../targets.ts";

const ofQueue = ["queue", "source"];

/** Graphs of queues, narrowed by `filters`. */
export function queueGraphs(
  filters: readonly string[],
): Readonly<Record<"depth" | "done" | "failures" | "age", PanelSpec>> {
  const ask = (kind: Uppercase<QueueSeriesKind>) => ({
    targets: [series({ field: "queueSeries", kind, labels: ofQueue, filters })],
    labels: ofQueue,
  });
  return {
    depth: graph({
      title: "Waiting jobs",
      description:
        "Jobs that could run and were not taken, computed from the jobs' own rows. A steady rise: more jobs arrive than end.",
      ...ask("DEPTH"),
    }),
    done: graph({
      title: "Done per second",
      description: "Jobs that succeeded. A fall to zero while jobs wait means that the queue is stalled.",
      ...ask("PROCESSED_PER_SEC"),
      unit: "cps",
    }),
    failures: graph({
      title: "Failures",
      description:
        "Failed attempts in each step, or jobs that ended failed where attempts are not recorded. Compare where they begin with the deploys.",
      ...ask("FAILURES"),
      bars: true,
      stacked: true,
    }),
    age: graph({
      title: "Age of the oldest waiting job",
      description:
        "Waiting time of the oldest job that could run. Above 60 s it is a backlog; above 300 s with no ended job the queue is stalled.",
      ...ask("OLDEST_AGE_SECONDS"),
      unit: "s",
      thresholds: is.waiting,
    }),
  };
}

/** Graphs of hosts, narrowed by `filters`. */
export function hostGraphs(
  filters: readonly string[],
): Readonly<Record<"cpu" | "memory" | "disk" | "load", PanelSpec>> {
  // Two machines may have one name.
  const labels = ["host", "instance"];
  const ask = (kind: Uppercase<HostSeriesKind>) => ({
    targets: [series({ field: "hostSeries", kind, labels, filters })],
    labels,
  });
  const share = { unit: "percentunit", thresholds: is.utilisation, max: 1 };
  return {
    cpu: graph({
      title: "CPU of hosts",
      description:
        "Busy share of all CPUs over 5 minutes, without waiting for disks. A gap: the host was down, or Prometheus was.",
      ...ask("CPU_UTIL"),
      ...share,
    }),
    memory: graph({
      title: "Memory of hosts",
      description:
        "Used share (1 - available / total). Near 1 the kernel ends containers: see oom_kill in What happened.",
      ...ask("MEM_UTIL"),
      ...share,
    }),
    disk: graph({
      title: "Fullest disk of hosts",
      description: `${hostNumbers.diskUtil.about} Old images are the first thing to remove: kamal prune all.`,
      ...ask("DISK_UTIL"),
      ...share,
      thresholds: is.diskUse,
    }),
    load: graph({
      title: "Load of hosts",
      description: `${hostNumbers.load1.about} Compare it with the number of CPUs.`,
      ...ask("LOAD"),
    }),
  };
}

const ofContainer = ["container", "engine"];

function ofContainers(kind: Uppercase<ContainerSeriesKind>) {
  const filters = [by.places, by.containers, by.roles];
  const target = series({ field: "containerSeries", kind, labels: ofContainer, filters });
  return { targets: [chosenRows(target, { engine: "engine" })], labels: ofContainer };
}

export const containerCpu: PanelSpec = graph({
  title: "CPU of containers",
  description:
    "Per cent of one CPU, so it may exceed 100. The last 10 minutes from the gateway's memory, more where Prometheus scrapes it.",
  ...ofContainers("CPU_PCT"),
  unit: "percent",
});

export const containerMemory: PanelSpec = graph({
  title: "Memory of containers",
  description: "Per cent of the container's limit, or of the host's memory without one. At 100 the kernel ends it.",
  ...ofContainers("MEM_PCT"),
  unit: "percent",
  thresholds: is.percentOfLimit,
});
