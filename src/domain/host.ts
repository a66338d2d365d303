import type { HostHistory } from "./host-history.ts";
import type { HistoryRange } from "./queue-history.ts";

/** One machine as node-exporter sees it. Utilisations are 0..1; null where Prometheus has no usable sample. */
export interface Host {
  /** Node name from node_uname_info; the instance without its port where that is missing; unique in an answer. */
  readonly name: string;
  /** Prometheus' `instance` label. */
  readonly instance: string;
  /** `down` when its exporter does not answer Prometheus (up == 0). */
  readonly status: "up" | "down";
  readonly cpuUtil: number | null;
  readonly memUtil: number | null;
  /** The fullest real file system. */
  readonly diskUtil: number | null;
  readonly load1: number | null;
  readonly networkReceiveBytesPerSec: number | null;
  readonly networkTransmitBytesPerSec: number | null;
  /** True at or above either threshold, and for a host that is down. */
  readonly alert: boolean;
  /** Why a value is null, null when none is. */
  readonly reason: string | null;
}

export interface Thresholds {
  readonly cpu: number;
  readonly mem: number;
}

export interface HostReport {
  /** Sorted by name. */
  readonly hosts: readonly Host[];
  readonly thresholds: Thresholds;
  /** Evaluation time of the numbers at Prometheus, RFC 3339 UTC with seconds. */
  readonly updatedAt: string;
}

/** The port to the host metrics. Rejects with prometheus_unavailable when there is nothing usable at all. */
export interface HostSource {
  report(signal: AbortSignal): Promise<HostReport>;
  /**
   * The past, by `Host.instance`, which is what tells hosts apart: their names are those of `report`. Hosts of which nothing is known are
   * missing. Rejects with prometheus_unavailable, and with invalid_request for a range that holds more than can be answered.
   */
  history(range: HistoryRange, instances: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, HostHistory>>;
  close(): Promise<void>;
}
