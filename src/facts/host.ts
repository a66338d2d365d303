import type { States, Tone } from "./tone.ts";

/** The states of a host, worst first. Hot: its CPU or memory is at or above the gateway's threshold. */
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
 * @param threshold 0..1; unknown where the gateway has not said it
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
