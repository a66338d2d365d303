import type { Colour } from "./model.ts";

/** Lower bounds of colours, ascending; the first is for all below. */
export type Steps = readonly [Colour, ...(readonly [from: number, Colour])[]];

export function toThresholds([base, ...steps]: Steps): object {
  return {
    mode: "absolute",
    steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
  };
}

/** Colours by the value of a field: GraphQL's name of an enum value, which is shown in lower case, or another word. */
export type States = Readonly<Record<string, Colour>>;

export function toMappings(states: States): object[] {
  const options = Object.fromEntries(
    Object.entries(states).map(([value, color], index) => [value, { color, text: value.toLowerCase(), index }]),
  );
  return [{ type: "value", options }];
}

/** Without this mapping Grafana shows unknown values in the colour of the lowest threshold: green. */
export const unknownMapping: object = {
  type: "special",
  options: { match: "null+nan", result: { text: "unknown", color: "blue", index: 0 } },
};

export const environments: States = { STAGING: "text", PRODUCTION: "text" };

export const healths: States = { HEALTHY: "green", STARTING: "yellow", UNHEALTHY: "red", NONE: "text" };

export const statuses: States = {
  running: "green",
  created: "yellow",
  paused: "orange",
  removing: "orange",
  restarting: "red",
  exited: "red",
  dead: "dark-red",
};

export const queueStates: States = {
  OK: "green",
  IDLE: "blue",
  PAUSED: "purple",
  BACKLOG: "yellow",
  FAILING: "orange",
  NO_WORKERS: "red",
  STALLED: "dark-red",
};

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
  OOM_KILL: "dark-red",
  HEALTH: "yellow",
  QUEUE_STATE: "yellow",
  HOST_ALERT: "red",
  GAP: "text",
};

export const yes: States = { true: "red", false: "green" };
export const no: States = { true: "green", false: "red" };

/** The gateway's default thresholds are 0.85. */
export const utilisation: Steps = ["green", [0.7, "yellow"], [0.85, "red"]];
export const percentOfLimit: Steps = ["green", [70, "yellow"], [90, "red"]];
export const anyIsBad: Steps = ["green", [1, "red"]];
/** Of queues/state.ts: backlog from 60 s, stalled from 300 s on. */
export const waiting: Steps = ["green", [60, "yellow"], [300, "red"]];
