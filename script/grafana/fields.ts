import type { Colour } from "./model.ts";

/** Lower bounds of colours, ascending; the first is for all below. */
export type Steps = readonly [Colour, ...(readonly [from: number, Colour])[]];

export function toThresholds([base, ...steps]: Steps): object {
  return {
    mode: "absolute",
    steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
  };
}

/** Colours by the value of a field, and what is shown in its place. @default in lower case, as GraphQL has no other names of states */
export type States = Readonly<Record<string, Colour | readonly [Colour, text: string]>>;

export function toColour(state: States[string]): Colour {
  return typeof state === "string" ? state : state[0];
}

function toMappings(states: States): object[] {
  const options = Object.fromEntries(
    Object.entries(states).map(([value, state], index) => {
      const [color, text] = typeof state === "string" ? [state, value.toLowerCase()] : state;
      return [value, { color, text, index }];
    }),
  );
  return [{ type: "value", options }];
}

export interface Colouring {
  readonly thresholds?: Steps;
  readonly states?: States;
  /** What a missing value means. @default "unknown" */
  readonly absent?: string;
}

/**
 * Colours of a field. Grafana alone shows a missing value, and a state that is not in the list, in the colour of the lowest threshold, which is green: here a
 * missing value is blue, and another state has no colour.
 */
export function toColours({ thresholds = ["text"], states, absent }: Colouring) {
  const result = { text: absent ?? "unknown", color: absent === undefined ? "blue" : "text", index: 0 };
  return {
    thresholds: toThresholds(thresholds),
    color: { mode: "thresholds" },
    mappings: [{ type: "special", options: { match: "null+nan", result } }, ...(states ? toMappings(states) : [])],
  };
}

/** A release as people say it, by the rule of `toShortRelease`: the commit's 7 digits, or what differs in a tag with its time. */
export const shortRelease: readonly object[] = [
  toShortened(/^([0-9a-f]{7})[0-9a-f]{5,57}$/, 0),
  toShortened(/^deploy-\d{4}(\d{4}-\d{4,6})(?:-[a-z]+)?$/, 1),
];

/** Any text as one word, for a column that is there for its link. */
export function toWord(text: string): readonly object[] {
  return [{ type: "regex", options: { pattern: ".+", result: { text, index: 0 } } }];
}

function toShortened({ source }: RegExp, index: number): object {
  return { type: "regex", options: { pattern: source, result: { text: "$1", index } } };
}

export const environments: States = { STAGING: "text", PRODUCTION: "text" };

export const healths: States = { HEALTHY: "green", STARTING: "yellow", UNHEALTHY: "red", NONE: "text" };

export const statuses: States = {
  running: "green",
  created: "yellow",
  paused: "orange",
  removing: "orange",
  restarting: "red",
  exited: "red",
  dead: "red",
};

export const queueStates: States = {
  OK: "green",
  IDLE: "blue",
  PAUSED: "purple",
  UNKNOWN: "text",
  BACKLOG: "yellow",
  FAILING: "orange",
  NO_WORKERS: "light-red",
  STALLED: "red",
};

export const severities: States = { CRITICAL: "red", WARNING: "orange" };
export const hostStates: States = { UP: "green", DOWN: "red" };
export const outcomes: States = { CLEAN: "green", NOT_ENOUGH_DATA: "blue", REGRESSED: "red" };

export const deployStates: States = {
  CURRENT: "green",
  INCOMPLETE: "orange",
  UNKNOWN: "yellow",
  PREVIOUS: "blue",
  ROLLED_BACK: "purple",
  SUPERSEDED: "text",
  FAILED: "red",
};

export const deployOrigins: States = {
  HISTORY: "text",
  INFO: "text",
  KAMAL_AUDIT: "text",
  CONTAINERS: "text",
  IMAGES: "text",
};

export const driftKinds: States = {
  UNEXPECTED_RELEASE: "red",
  MIXED_RELEASES: "red",
  MISSING_ON_ENGINE: "red",
  LEFTOVER: "orange",
  ENGINE_UNKNOWN: "yellow",
};

export const timelineKinds: States = {
  DEPLOY: "blue",
  RESTART: "purple",
  CONTAINER_DEATH: "orange",
  OOM_KILL: "red",
  HEALTH: "yellow",
  QUEUE_STATE: "yellow",
  HOST_ALERT: "red",
  GAP: "text",
};

export const yes: States = { true: ["red", "yes"], false: ["green", "no"] };
export const no: States = { true: ["green", "yes"], false: ["red", "no"] };
/** Of a flag that matters only where it is set. */
export const ifSet: States = { true: ["orange", "yes"], false: ["text", "no"] };

/** The gateway's default thresholds are 0.85. */
export const utilisation: Steps = ["green", [0.7, "yellow"], [0.85, "red"]];
export const percentOfLimit: Steps = ["green", [70, "yellow"], [90, "red"]];
export const anyIsBad: Steps = ["green", [1, "red"]];
/** Of queues/state.ts: backlog from 60 s, stalled from 300 s on. */
export const waiting: Steps = ["green", [60, "yellow"], [300, "red"]];
