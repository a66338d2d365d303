import type { Colour } from "./model.ts";

/** Lower bounds of colours, ascending; the first is for all below. */
export type Steps = readonly [Colour, ...(readonly [from: number, Colour])[]];

export function toThresholds([base, ...steps]: Steps): object {
  return {
    mode: "absolute",
    steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
  };
}

export type States = Readonly<Record<string, Colour>>;

export function toMappings(states: States): object[] {
  const options = Object.fromEntries(Object.entries(states).map(([text, color], index) => [text, { color, text, index }]));
  return [{ type: "value", options }];
}

/** Without this mapping Grafana shows unknown values in the colour of the lowest threshold: green. */
export const unknownMapping: object = {
  type: "special",
  options: { match: "null+nan", result: { text: "unknown", color: "blue", index: 0 } },
};

export const healths: States = { healthy: "green", starting: "yellow", unhealthy: "red", none: "text" };

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
  ok: "green",
  idle: "blue",
  paused: "purple",
  backlog: "yellow",
  failing: "orange",
  no_workers: "red",
  stalled: "dark-red",
};

export const hostStates: States = { up: "green", down: "red" };
export const outcomes: States = { clean: "green", not_enough_data: "blue", regressed: "red" };

export const deployStates: States = {
  current: "green",
  incomplete: "orange",
  unknown: "yellow",
  previous: "blue",
  rolled_back: "purple",
  superseded: "text",
  failed: "red",
};

export const driftKinds: States = {
  unlike_deploy: "red",
  mixed_releases: "red",
  engine_missed: "red",
  leftover: "orange",
  engine_unknown: "yellow",
};

export const timelineKinds: States = {
  deploy: "blue",
  restart: "purple",
  container_death: "orange",
  oom_kill: "dark-red",
  health: "yellow",
  queue_state: "yellow",
  host_alert: "red",
  gap: "text",
};

export const yes: States = { true: "red", false: "green" };
export const no: States = { true: "green", false: "red" };

/** The gateway's default thresholds are 0.85. */
export const utilisation: Steps = ["green", [0.7, "yellow"], [0.85, "red"]];
export const percentOfLimit: Steps = ["green", [70, "yellow"], [90, "red"]];
export const anyIsBad: Steps = ["green", [1, "red"]];
/** Of queues/state.ts: backlog from 60 s, stalled from 300 s on. */
export const waiting: Steps = ["green", [60, "yellow"], [300, "red"]];
