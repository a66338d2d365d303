import { formatEnum } from "./format.ts";
import type { NumberFact } from "./number.ts";
import { queueNumbers } from "./queue.ts";
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

/** What each state means. */
export const deployMeanings = {
  FAILED: "It never went live.",
  INCOMPLETE: "The newest deploy, but not every live container runs it.",
  ROLLED_BACK:
    "The next deploy was a rollback or returned to an earlier release, or " +
    "an earlier container was started again in its place.",
  UNKNOWN: "Unknown whether it runs or ever served.",
  PREVIOUS: "The target of a rollback: the good one before the deploy that runs.",
  SUPERSEDED: "A later deploy replaced it.",
  CURRENT: "The newest deploy, if every live container runs it. If no container runs the newest, the deploy that runs.",
} as const satisfies Readonly<Record<keyof typeof deployStates, string>>;

export function toDeployTone(state: string): Tone {
  return toToneOf(deployStates, state);
}

/** What a verdict says about a deploy, worst first. */
export const verdictOutcomes = {
  REGRESSED: "bad",
  NOT_ENOUGH_DATA: "neutral",
  CLEAN: "ok",
} as const satisfies States;

/** What each outcome means, of a release. */
export const outcomeMeanings = {
  REGRESSED: "It is worse than the release before it.",
  NOT_ENOUGH_DATA: "Nothing is known to be worse, but there is not enough data.",
  CLEAN: "It is not worse than the release before it.",
} as const satisfies Readonly<Record<keyof typeof verdictOutcomes, string>>;

/** Why a gateway never judges a deploy. */
export const unjudgeableMeanings = {
  OTHER_SERVICE: "The gateway is not responsible for its service (SERVICE, CORE).",
  FAILED: "No container of it went live, so there is no release to compare.",
} as const;

/** What of a queue can be worse after a deploy. */
export const queueWorsenings = {
  FAILURES: "A larger share of its jobs fails.",
  WAITING_TIME: "Its jobs wait longer.",
  RUNNING_TIME: "Its jobs run longer.",
  STOPPED: "It has stopped.",
} as const;

/** What of the containers can be worse after a deploy. */
export const containersWorsenings = {
  RESTARTS: "They restart more often.",
  UNHEALTHY_TIME: "They were unhealthy for longer.",
  UNHEALTHY_NOW: "They are unhealthy now.",
} as const;

interface Concluded {
  readonly outcome: keyof typeof verdictOutcomes;
  readonly unjudgeable: keyof typeof unjudgeableMeanings | null;
}

/**
 * A verdict in two or three words. Distinguishes one that never comes from one that is still
 * pending.
 */
export function toVerdictLabel({ outcome, unjudgeable }: Concluded): string {
  return unjudgeable === null ? formatEnum(outcome) : "never judged";
}

/** A verdict in a sentence. */
export function toVerdictMeaning({ outcome, unjudgeable }: Concluded): string {
  return unjudgeable === null ? outcomeMeanings[outcome] : "This gateway never judges it: waiting does not help.";
}

export function toOutcomeTone(outcome: string | null | undefined): Tone {
  return toToneOf(verdictOutcomes, outcome);
}

/**
 * How running containers can differ from the last deploy, worst first. ENGINE_UNKNOWN: nobody
 * knows.
 */
export const driftKinds = {
  MISSING_ON_ENGINE: "warn",
  UNEXPECTED_RELEASE: "warn",
  MIXED_RELEASES: "warn",
  LEFTOVER: "warn",
  ENGINE_UNKNOWN: "neutral",
} as const satisfies States;

/** Each kind in a few words, and its meaning. */
export const driftWords = {
  MISSING_ON_ENGINE: {
    label: "missing on an engine",
    about:
      "An engine runs the service at its destination, but no container of its last deploy, which another engine runs.",
  },
  UNEXPECTED_RELEASE: {
    label: "unexpected release",
    about: "Containers run another release than the last recorded deploy.",
  },
  MIXED_RELEASES: {
    label: "mixed releases",
    about: "Replicas of one role, at one destination of a service, run several releases.",
  },
  LEFTOVER: {
    label: "replaced, still live",
    about: "A replaced container is still live on the engine of its replacement.",
  },
  ENGINE_UNKNOWN: {
    label: "engine is silent",
    about: "An engine does not answer. What it runs is unknown and appears in no other row.",
  },
} as const satisfies Readonly<Record<keyof typeof driftKinds, { readonly label: string; readonly about: string }>>;

/** A kind that only a newer gateway has is shown by its name. */
export function toDriftLabel(kind: string): string {
  const words: Readonly<Record<string, { readonly label: string }>> = driftWords;
  return words[kind]?.label ?? formatEnum(kind);
}

/** What records a deploy, best source first. */
export const deployOrigins = {
  HISTORY: "deploy_history.jsonl",
  INFO: "deploy_info.json",
  KAMAL_AUDIT: "Kamal's audit log",
  CONTAINERS: "the containers",
  IMAGES: "the images",
} as const;

interface Drift {
  readonly kind: string;
  /** Whether a deploy is probably in progress. */
  readonly settling: boolean;
}

export function toDriftTone({ kind, settling }: Drift): Tone {
  return settling ? "neutral" : toToneOf(driftKinds, kind);
}

/** A difference in a few words: "mixed releases, settling". */
export function formatDrift({ kind, settling }: Drift): string {
  return settling ? `${toDriftLabel(kind)}, settling` : toDriftLabel(kind);
}

/** The tone of a new error, and whether the verdict counts it. */
export function toNewErrorState({ regressed }: { readonly regressed: boolean }): {
  readonly tone: Tone;
  readonly word: string;
} {
  return regressed
    ? { tone: "bad", word: "counts as a regression" }
    : { tone: "neutral", word: "does not count as a regression" };
}

/** The numbers of a deploy. */
export const deployNumbers = {
  durationSeconds: { label: "took", unit: "seconds", about: "How long it took.", absent: "when unknown" },
} as const satisfies Readonly<Record<string, NumberFact>>;

/** The numbers of the two windows that a verdict compares, and of the containers in them. */
export const verdictNumbers = {
  windowSeconds: {
    label: "window",
    unit: "seconds",
    about: "Length of each window.",
    absent: "when it would be under a minute",
  },
  restartsBefore: {
    label: "restarts before",
    unit: "count",
    about: "Restarts before the deploy.",
    absent: "when unknown",
  },
  restartsAfter: {
    label: "restarts after",
    unit: "count",
    about: "Restarts after the deploy.",
    absent: "when unknown",
  },
} as const satisfies Readonly<Record<string, NumberFact>>;

/** The numbers of a queue in one window, in the order in which people read them. */
export const windowNumbers = {
  succeeded: { label: "succeeded", unit: "count", about: "Jobs that succeeded in the window." },
  failed: { label: "failed", unit: "count", about: "Failures in the window." },
  failureRatio: { label: "failing", unit: "share", about: "Share of the ended jobs that failed." },
  waitP95Seconds: {
    label: queueNumbers.waitP95Seconds.label,
    unit: "seconds",
    about: "95th percentile of the waiting time.",
    absent: "when unknown",
  },
  runP95Seconds: {
    label: queueNumbers.runP95Seconds.label,
    unit: "seconds",
    about: "95th percentile of the running time of jobs that succeeded.",
    absent: "when unknown",
  },
  depth: {
    label: queueNumbers.depth.label,
    unit: "count",
    about: "Runnable jobs at the end of the window.",
    absent: "when unknown",
  },
  oldestAgeSeconds: {
    label: queueNumbers.oldestAgeSeconds.label,
    unit: "seconds",
    about: "How long the oldest runnable job had been waiting at the end of the window.",
    absent: "without one, or when unknown",
  },
} as const satisfies Readonly<Record<string, NumberFact>>;

export type WindowNumberName = keyof typeof windowNumbers;

const worsened: Readonly<Record<WindowNumberName, keyof typeof queueWorsenings>> = {
  succeeded: "STOPPED",
  failed: "FAILURES",
  failureRatio: "FAILURES",
  waitP95Seconds: "WAITING_TIME",
  runP95Seconds: "RUNNING_TIME",
  depth: "STOPPED",
  oldestAgeSeconds: "STOPPED",
};

/** The tone of a number after the deploy: bad if the verdict rests on it. */
export function toWindowTone(name: WindowNumberName, worse: readonly string[]): Tone {
  return worse.includes(worsened[name]) ? "bad" : "neutral";
}

export const windowNumberNames = Object.keys(windowNumbers) as readonly WindowNumberName[];
