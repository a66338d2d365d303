import { toToneOf, type States, type Tone } from "./tone.ts";

/** How soon somebody must act on a problem: now, or today. */
export const severities = { CRITICAL: "bad", WARNING: "warn" } as const satisfies States;

export function toSeverityTone(severity: string): Tone {
  return toToneOf(severities, severity);
}
