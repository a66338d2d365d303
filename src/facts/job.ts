import { toToneOf, type States, type Tone } from "./tone.ts";

/** The states of a job, those that need attention first. */
export const jobStates = {
  FAILED: "bad",
  RETRYING: "warn",
  RUNNING: "ok",
  AVAILABLE: "neutral",
  SCHEDULED: "neutral",
  BLOCKED: "neutral",
  COMPLETED: "ok",
  CANCELLED: "neutral",
} as const satisfies States;

/** @param state null: only its own system names it */
export function toJobTone(state: string | null): Tone {
  return toToneOf(jobStates, state);
}
