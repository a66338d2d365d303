import { readdirSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

/** Sampling interval of the event loop's delay, milliseconds; the histogram's values include it. */
const resolution = 20;
const percentiles = [50, 90, 99, 100];

/** Metrics of the process, under the names that all Prometheus clients use, and the load of its event loop. All are read at scrape time. */
export function addProcess(registry: Registry): void {
  count(registry, "process_cpu_seconds_total", "CPU time of the process, user and system.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  count(registry, "ops_event_loop_active_seconds_total", "How long the event loop did something.", () => {
    return performance.eventLoopUtilization().active / 1000;
  });
  gauge(registry, "process_start_time_seconds", "When the process started, unix time.", () => performance.timeOrigin / 1000);
  gauge(registry, "process_resident_memory_bytes", "Memory of the process.", () => process.memoryUsage.rss());
  gauge(registry, "process_open_fds", "Open file descriptors; absent where /proc is not there.", countDescriptors);
  gauge(registry, "nodejs_heap_size_used_bytes", "JavaScript heap in use.", () => process.memoryUsage().heapUsed);
  gauge(registry, "nodejs_heap_size_total_bytes", "JavaScript heap.", () => process.memoryUsage().heapTotal);
  gauge(registry, "nodejs_external_memory_bytes", "Memory of buffers and the like.", () => process.memoryUsage().external);
  addEventLoopDelay(registry);
}

function gauge(registry: Registry, name: string, help: string, read: () => number | null): void {
  const metric: Gauge = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      const value = read();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
  registry.registerMetric(metric);
}

/** Never decreases, even if `read` does. */
function count(registry: Registry, name: string, help: string, read: () => number): void {
  let counted = 0;
  const metric: Counter = new Counter({
    name,
    help,
    registers: [],
    collect() {
      const now = Math.max(read(), counted);
      this.inc(now - counted);
      counted = now;
    },
  });
  registry.registerMetric(metric);
}

function countDescriptors(): number | null {
  try {
    // One descriptor is that of the listing itself.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return null;
  }
}

/** Measures only from the first scrape on: without scrapes it costs nothing. */
function addEventLoopDelay(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution });
  const metric = new Gauge({
    name: "ops_event_loop_delay_seconds",
    help: "How late the event loop came to its work since the scrape before; percentile 100 is the longest.",
    // Not `quantile`: that is reserved for summaries.
    labelNames: ["percentile"],
    registers: [],
    collect() {
      this.reset();
      if (delay.count > 0)
        for (const percentile of percentiles)
          this.set({ percentile: String(percentile) }, toSeconds(delay.percentile(percentile)));
      delay.reset();
      delay.enable();
    },
  });
  registry.registerMetric(metric);
}

function toSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - resolution / 1000);
}
