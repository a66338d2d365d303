import type { NumberFact } from "./number.ts";
import { type States, type Tone, toPlaceOf } from "./tone.ts";

/**
 * The states of a host, worst first. Hot: its CPU or memory is at or above the gateway's threshold.
 * Disk full: its fullest file system is above `diskFullRatio`.
 */
export const hostStates = { DOWN: "bad", HOT: "warn", DISK_FULL: "warn", UP: "ok" } as const satisfies States;

type HostState = keyof typeof hostStates;

const words = { DOWN: "down", HOT: "hot", DISK_FULL: "disk full", UP: "up" } as const satisfies Record<
  HostState,
  string
>;

/** A file system is full above this share, 0..1. */
export const diskFullRatio = 0.9;
/** CPU and memory from which a host is hot, 0..1, unless the gateway is configured otherwise. */
export const defaultHotRatio = 0.85;

interface Host {
  readonly status: string;
  /** Whether it is down or hot. */
  readonly alert: boolean;
  /** Used share of its fullest file system, 0..1. */
  readonly diskUtil?: number | null;
}

function toState({ status, alert, diskUtil = null }: Host): HostState {
  if (status.toUpperCase() === "DOWN") return "DOWN";
  if (alert) return "HOT";
  return isDiskFull(diskUtil) ? "DISK_FULL" : "UP";
}

export function toHostState(host: Host): { readonly tone: Tone; readonly word: string } {
  const state = toState(host);
  return { word: words[state], tone: hostStates[state] };
}

/** The worst state first. */
export function compareHosts(one: Host, other: Host): number {
  return toPlaceOf(hostStates, toState(one)) - toPlaceOf(hostStates, toState(other));
}

/**
 * Whether a host is hot by one number. An unknown one is not.
 *
 * @param value used share of CPU or memory, 0..1
 * @param threshold 0..1; unknown if the gateway did not report it
 */
export function isHot(value: number | null, threshold: number | null | undefined): boolean {
  return value !== null && threshold !== null && threshold !== undefined && value >= threshold;
}

/** @param value used share of the fullest file system, 0..1 */
export function isDiskFull(value: number | null): value is number {
  return value !== null && value > diskFullRatio;
}

interface FileSystem {
  readonly name: string;
  readonly diskMountpoint: string | null;
  readonly diskDevice: string | null;
}

/** The fullest file system of a host: "/var on web-1". */
export function describeFullest({ name, diskMountpoint }: FileSystem): string {
  return diskMountpoint === null ? `A file system of ${name}` : `${diskMountpoint} on ${name}`;
}

/** "/var (/dev/sdb1)"; null where unknown. */
export function formatFullest({ diskMountpoint, diskDevice }: Omit<FileSystem, "name">): string | null {
  if (diskMountpoint === null) return diskDevice;
  return diskDevice === null ? diskMountpoint : `${diskMountpoint} (${diskDevice})`;
}

/** The tone of a share of CPU or memory, as `isHot`. */
export function toUsageTone(value: number | null, threshold: number | null | undefined): Tone {
  return value === null ? "neutral" : isHot(value, threshold) ? "warn" : "ok";
}

/** The tone of a share of the fullest file system. */
export function toDiskTone(value: number | null): Tone {
  return value === null ? "neutral" : isDiskFull(value) ? "warn" : "ok";
}

/** The numbers of a host, in the order in which people read them. */
export const hostNumbers = {
  cpuUtil: {
    label: "CPU",
    unit: "share",
    about: "Busy share of all CPUs: not idle, iowait or steal.",
    metric: "cpu_util_ratio",
    tool: "cpu",
  },
  memUtil: {
    label: "memory",
    unit: "share",
    about: "Used share of memory: all but what is available.",
    metric: "mem_util_ratio",
    tool: "mem",
  },
  diskUtil: {
    label: "disk",
    unit: "share",
    about: "Used share of its fullest real file system.",
    metric: "disk_util_ratio",
    tool: "disk",
  },
  load1: { label: "load", unit: "load", about: "Load average over one minute.", metric: "load1", tool: "load1" },
  networkReceiveBytesPerSec: {
    label: "in",
    unit: "speed",
    about: "Received on its real interfaces.",
    metric: "network_receive_bytes_per_second",
  },
  networkTransmitBytesPerSec: {
    label: "out",
    unit: "speed",
    about: "Sent on its real interfaces.",
    metric: "network_transmit_bytes_per_second",
  },
} as const satisfies Readonly<Record<string, NumberFact>>;

export type HostNumberName = keyof typeof hostNumbers;
export const hostNumberNames = Object.keys(hostNumbers) as readonly HostNumberName[];
