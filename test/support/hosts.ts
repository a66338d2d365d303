import { type HostHistory, toHostHistory } from "../../src/hosts/history.ts";
import type { Host } from "../../src/hosts/host.ts";
import { type HistoryRange, toTimes } from "../../src/lib/range.ts";

/** A host that is up and below its thresholds. */
export function sampleHost(overrides: Partial<Host> = {}): Host {
  return {
    name: "staging-host-1",
    instance: "37.27.91.235:9100",
    status: "up",
    cpuUtil: 0.72,
    memUtil: 0.64,
    diskUtil: 0.5,
    diskMountpoint: "/",
    diskDevice: "/dev/sda1",
    load1: 1.2,
    networkReceiveBytesPerSec: 1000,
    networkTransmitBytesPerSec: 2000,
    alert: false,
    reason: null,
    ...overrides,
  };
}

/** A host's past: always half busy, and down at its last time. */
export function rememberHost(range: HistoryRange): HostHistory {
  const times = toTimes(range);
  const all = (value: number) => times.map(() => value);
  return toHostHistory(range, [
    {
      sampled: times,
      up: times.map((_, index) => (index === times.length - 1 ? 0 : 1)),
      cpu: all(0.5),
      mem: all(0.25),
      disk: all(0.75),
      load1: all(2),
    },
  ]);
}
