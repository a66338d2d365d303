import { readdirSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { countDroppedLines } from "../lib/logger.ts";
import { type Family, type Sample, toFamily } from "./exposition.ts";

/** Sampling interval of the event loop's delay, milliseconds; the histogram's values include it. */
const resolution = 20;
const percentiles = [50, 90, 99, 100];

/**
 * Metrics of the process, under the names that all Prometheus clients use, and the load of its
 * event loop. All are read at scrape time.
 */
export function createProcessFamilies(): () => readonly Family[] {
  const cpuSeconds = neverLess(() => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  const activeSeconds = neverLess(() => performance.eventLoopUtilization().active / 1000);
  const sampleDelay = createDelaySampler();
  return () => [
    toFamily("counter", "process_cpu_seconds_total", "CPU time of the process, user and system.", cpuSeconds()),
    toFamily(
      "counter",
      "ops_event_loop_active_seconds_total",
      "How long the event loop did something.",
      activeSeconds(),
    ),
    toFamily(
      "counter",
      "ops_log_lines_dropped_total",
      "Lines of the gateway's own log that were dropped because nobody read its stdout.",
      countDroppedLines(),
    ),
    toFamily(
      "gauge",
      "process_start_time_seconds",
      "When the process started, unix time.",
      performance.timeOrigin / 1000,
    ),
    toFamily("gauge", "process_resident_memory_bytes", "Memory of the process.", process.memoryUsage.rss()),
    toFamily(
      "gauge",
      "process_open_fds",
      "Open file descriptors; absent where /proc is not there.",
      countDescriptors(),
    ),
    toFamily("gauge", "nodejs_heap_size_used_bytes", "JavaScript heap in use.", process.memoryUsage().heapUsed),
    toFamily("gauge", "nodejs_heap_size_total_bytes", "JavaScript heap.", process.memoryUsage().heapTotal),
    toFamily(
      "gauge",
      "nodejs_external_memory_bytes",
      "Memory of buffers and the like.",
      process.memoryUsage().external,
    ),
    toFamily(
      "gauge",
      "ops_event_loop_delay_seconds",
      "How late the event loop came to its work since the scrape before; percentile 100 is the longest.",
      sampleDelay(),
    ),
  ];
}

/** Never decreases, even if `read` does. */
function neverLess(read: () => number): () => number {
  let most = 0;
  return () => (most = Math.max(most, read()));
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
function createDelaySampler(): () => readonly Sample[] {
  const delay = monitorEventLoopDelay({ resolution });
  return () => {
    const toSample = (percentile: number): Sample => ({
      // Not `quantile`: that is reserved for summaries.
      labels: `percentile="${percentile}"`,
      value: Math.max(0, delay.percentile(percentile) / 1e9 - resolution / 1000),
    });
    const samples = delay.count > 0 ? percentiles.map(toSample) : [];
    delay.reset();
    delay.enable();
    return samples;
  };
}
