import type { NumberFact } from "./number.ts";
import type { States, Tone } from "./tone.ts";

/**
 * The states of a host, worst first. Hot: its CPU or memory is at or above the gateway's threshold.
 */
export const hostStates = { DOWN: "bad", HOT: "warn", UP: "ok" } as const satisfies States;

/** A file system is full above this share, 0..1. */
export const diskFullRatio = 0.9;

interface Host {
  readonly status: string;
  /** Whether it is down or hot. */
  readonly alert: boolean;
}

export function toHostState({ status, alert }: Host): { readonly tone: Tone; readonly word: "down" | "hot" | "up" } {
  const word = status.toUpperCase() === "DOWN" ? "down" : alert ? "hot" : "up";
  return { word, tone: hostStates[word.toUpperCase() as keyof typeof hostStates] };
}

/**
 * @param value used share, 0..1
 * @param threshold 0..1; unknown if the gateway did not report it
 */
export function toUsageTone(value: number | null, threshold: number | null | undefined): Tone {
  if (value === null) return "neutral";
  return threshold !== null && threshold !== undefined && value >= threshold ? "warn" : "ok";
}

/** @param value used share of the fullest file system, 0..1 */
export function toDiskTone(value: number | null): Tone {
  if (value === null) return "neutral";
  return value > diskFullRatio ? "warn" : "ok";
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
