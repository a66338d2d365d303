import * as container from "../../src/facts/container.ts";
import * as deploy from "../../src/facts/deploy.ts";
import * as engine from "../../src/facts/engine.ts";
import * as host from "../../src/facts/host.ts";
import * as problem from "../../src/facts/problem.ts";
import * as queue from "../../src/facts/queue.ts";
import * as timeline from "../../src/facts/timeline.ts";
import type { Tone } from "../../src/facts/tone.ts";
import { problemRules, problemThresholds } from "../../src/problems/rules.ts";
import { queueThresholds } from "../../src/queues/state.ts";
import type { Colour } from "./model.ts";

/** Lower bounds of colours, ascending; the first is for all below. */
export type Steps = readonly [Colour, ...(readonly [from: number, Colour])[]];

export function toThresholds([base, ...steps]: Steps): object {
  return {
    mode: "absolute",
    steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
  };
}

/**
 * Colours by the value of a field, and what is shown in its place. @default in lower case, as
 * GraphQL has no other names of states
 */
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
 * Colours of a field. Grafana alone shows a missing value, and a state that is not in the list, in
 * the colour of the lowest threshold, which is green: here a missing value is blue, and another
 * state has no colour.
 */
export function toColours({ thresholds = ["text"], states, absent }: Colouring) {
  const result = { text: absent ?? "unknown", color: absent === undefined ? "blue" : "text", index: 0 };
  return {
    thresholds: toThresholds(thresholds),
    color: { mode: "thresholds" },
    mappings: [{ type: "special", options: { match: "null+nan", result } }, ...(states ? toMappings(states) : [])],
  };
}

/**
 * A release as people say it, by the rule of `toShortRelease`: the commit's 7 digits, or what
 * differs in a tag with its time.
 */
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

const colours: Readonly<Record<Tone, Colour>> = { ok: "green", warn: "orange", bad: "red", neutral: "text" };

function toStates(tones: Readonly<Record<string, Tone>>): Readonly<Record<string, Colour>> {
  return Object.fromEntries(Object.entries(tones).map(([name, tone]) => [name, colours[tone]]));
}

/** Docker writes them in lower case. */
export const statuses = toStates(
  Object.fromEntries(Object.entries(container.containerStatuses).map(([name, tone]) => [name.toLowerCase(), tone])),
);
export const healths = toStates(container.healthStates);
export const queueStates = toStates(queue.queueStates);
export const severities = toStates(problem.severities);
export const hostStates = toStates(host.hostStates);
export const outcomes = toStates(deploy.verdictOutcomes);
export const deployStates = toStates(deploy.deployStates);
export const driftKinds: States = Object.fromEntries(
  Object.entries(toStates(deploy.driftKinds)).map(([kind, colour]) => [kind, [colour, deploy.toDriftLabel(kind)]]),
);

export const environments: States = { STAGING: "text", PRODUCTION: "text" };

/** By their names: there is no room for the files'. */
export const deployOrigins: States = Object.fromEntries(
  Object.keys(deploy.deployOrigins).map((origin) => [origin, colours.neutral]),
);

/** What happened may be good or bad within a kind: only the worst kind has a colour. */
export const timelineKinds: States = Object.fromEntries(
  Object.keys(timeline.timelineKinds).map((kind) => [kind, kind === "OOM_KILL" ? colours.bad : colours.neutral]),
);

/** Whether an engine answers. */
export const engineAnswers: States = {
  true: [colours[engine.toEngineState(true).tone], "yes"],
  false: [colours[engine.toEngineState(false).tone], "no"],
};
/** Of a flag that is a warning where it is set. */
export const yes: States = { true: [colours.warn, "yes"], false: [colours.ok, "no"] };
export const no: States = { true: [colours.ok, "yes"], false: [colours.warn, "no"] };
/** Of a flag that matters only where it is set. */
export const ifSet: States = { true: [colours.warn, "yes"], false: [colours.neutral, "no"] };

/** Of a flag that is neither good nor bad. */
export const neutral: States = { true: [colours.neutral, "yes"], false: [colours.neutral, "no"] };

/** Share of a host's CPU or memory. The gateway's default thresholds. */
export const utilisation: Steps = [colours.ok, [host.defaultHotRatio, colours.warn]];
export const diskUse: Steps = [colours.ok, [host.diskFullRatio, colours.warn]];
/** Memory of a container, of its limit. */
export const percentOfLimit: Steps = [colours.ok, [problemThresholds.memoryRatio * 100, colours.warn]];
/** How long ago an engine was last heard of, seconds: its list of containers is then that old. */
export const silence: Steps = [colours.ok, [problemThresholds.lostSeconds, colours[engine.toEngineState(false).tone]]];
/** Restarts of a container by the restart policy, in 15 minutes. */
export const restarts: Steps = [
  colours.ok,
  [1, colours.warn],
  [problemThresholds.loopRestarts, colours[problem.toSeverityTone(problemRules.container_restart_loop.severity)]],
];
/** Of a count of things that are bad. */
export const anyIsBad: Steps = [colours.ok, [1, colours.bad]];
/** Of a count of failures, dead jobs or restarts. */
export const anyIsTrouble: Steps = [colours.ok, [1, colours.warn]];
/** How long the oldest job waits, seconds. */
export const waiting: Steps = [colours.ok, [queueThresholds.backlogAgeSeconds, colours.warn]];
