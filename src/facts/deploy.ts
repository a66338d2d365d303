import { toToneOf, type States, type Tone } from "./tone.ts";

/** The states of a deploy, worst first. */
export const deployStates = {
  FAILED: "bad",
  INCOMPLETE: "warn",
  ROLLED_BACK: "warn",
  UNKNOWN: "neutral",
  PREVIOUS: "neutral",
  SUPERSEDED: "neutral",
  CURRENT: "ok",
} as const satisfies States;

export function toDeployTone(state: string): Tone {
  return toToneOf(deployStates, state);
}

/** What a verdict says about a deploy, worst first. */
export const verdictOutcomes = {
  REGRESSED: "bad",
  NOT_ENOUGH_DATA: "neutral",
  CLEAN: "ok",
} as const satisfies States;

export function toOutcomeTone(outcome: string | null | undefined): Tone {
  return toToneOf(verdictOutcomes, outcome);
}

/** How what runs can differ from what was deployed, worst first. ENGINE_UNKNOWN: nobody knows. */
export const driftKinds = {
  MISSING_ON_ENGINE: "warn",
  UNEXPECTED_RELEASE: "warn",
  MIXED_RELEASES: "warn",
  LEFTOVER: "warn",
  ENGINE_UNKNOWN: "neutral",
} as const satisfies States;

/** @param drift settling: a deploy is probably in progress */
export function toDriftTone({ kind, settling }: { readonly kind: string; readonly settling: boolean }): Tone {
  return settling ? "neutral" : toToneOf(driftKinds, kind);
}
