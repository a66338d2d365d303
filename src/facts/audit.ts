import { toToneOf, type States, type Tone } from "./tone.ts";

/**
 * How an action ended, worst first. UNKNOWN: nobody knows whether it was done. INTENT, RUNNING: it
 * has not ended.
 */
const actionOutcomes = {
  FAILED: "bad",
  UNKNOWN: "warn",
  INTENT: "neutral",
  RUNNING: "neutral",
  OK: "ok",
} as const satisfies States;

export function toActionTone(outcome: string): Tone {
  return toToneOf(actionOutcomes, outcome);
}
