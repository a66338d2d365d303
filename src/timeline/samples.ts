import type { Host, HostSource } from "../hosts/host.ts";
import type { Environment } from "../lib/environment.ts";
import type { QueueMetrics, QueueSource, QueueSources } from "../queues/queue.ts";
import { toQueueState } from "../queues/state.ts";
import { createStateLog, type TimelineMemory } from "./memory.ts";

/** Records state changes of queues between the metrics that callers request. */
export function rememberQueues(sources: QueueSources, memory: TimelineMemory, env: Environment | null): QueueSources {
  const log = createStateLog(memory, "queue_state", "ok");
  const wrapped = new WeakMap<QueueSource, QueueSource>();
  const note = (source: QueueSource, metrics: readonly QueueMetrics[]) => {
    for (const queue of metrics) {
      const { name, observedAt } = queue;
      memory.begin("queue_state", { name: source.name, env: source.env ?? env, since: observedAt });
      const state = toLastingState(queue);
      log.sample(JSON.stringify([source.name, name]), state, observedAt, (from) => ({
        env: source.env ?? env,
        queue: { name, source: source.name },
        message: `Queue ${name} is ${state}${from === null ? "" : `, was ${from}`}`,
      }));
    }
  };
  const wrap = (source: QueueSource): QueueSource => {
    let last: readonly QueueMetrics[] | null = null;
    const made: QueueSource = {
      ...source,
      async metrics(signal) {
        const metrics = await source.metrics(signal);
        if (metrics !== last) note(source, metrics);
        last = metrics;
        return metrics;
      },
    };
    wrapped.set(source, made);
    return made;
  };
  return {
    ...sources,
    all: async (signal) => (await sources.all(signal)).map((source) => wrapped.get(source) ?? wrap(source)),
  };
}

/** A healthy queue is idle now and then, so idle counts as ok. */
function toLastingState(queue: QueueMetrics): string {
  const state = toQueueState(queue);
  return state === "idle" ? "ok" : state;
}

/** Records alert changes of hosts between the reports that callers request. */
export function rememberHosts(source: HostSource, memory: TimelineMemory, env: Environment | null): HostSource {
  const log = createStateLog(memory, "host_alert", "ok");
  return {
    ...source,
    async report(signal) {
      const report = await source.report(signal);
      memory.begin("host_alert", { name: "prometheus", env, since: report.updatedAt });
      for (const host of report.hosts) {
        const state = toHostState(host);
        log.sample(host.name, state, report.updatedAt, (from) => ({
          env,
          host: host.name,
          message: `Host ${host.name} ${describeHost(host)}${from === null ? "" : `, was ${from}`}`,
        }));
      }
      return report;
    },
  };
}

function toHostState({ status, alert }: Host): string {
  if (status === "down") return "down";
  return alert ? "alert" : "ok";
}

function describeHost(host: Host): string {
  if (host.status === "down") return "is down";
  if (!host.alert) return "is healthy";
  return `is hot: CPU ${toPercent(host.cpuUtil)}, memory ${toPercent(host.memUtil)}`;
}

function toPercent(part: number | null): string {
  return part === null ? "unknown" : `${Math.round(part * 100)} %`;
}
