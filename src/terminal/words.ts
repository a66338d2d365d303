import { formatEnum, unknownText } from "../facts/format.ts";
import type { Tone } from "./output/style.ts";

/** A text, or a dash where it is unknown. */
export function orUnknown(text: string | number | null | undefined): string {
  return text === null || text === undefined || text === "" ? unknownText : String(text);
}

/** An enum value as people write it: `NO_WORKERS` is `no workers`. Unknown is a dash. */
export function toWord(value: string | null | undefined): string {
  return value === null || value === undefined ? unknownText : formatEnum(value);
}

const tones: Readonly<Record<string, Tone>> = {
  CRITICAL: "bad",
  WARNING: "warn",
  HEALTHY: "ok",
  UNHEALTHY: "bad",
  STARTING: "warn",
  running: "ok",
  restarting: "bad",
  exited: "muted",
  dead: "bad",
  OK: "ok",
  STALLED: "bad",
  NO_WORKERS: "bad",
  FAILING: "bad",
  BACKLOG: "warn",
  UNKNOWN: "warn",
  PAUSED: "warn",
  IDLE: "muted",
  UP: "ok",
  DOWN: "bad",
  FAILED: "bad",
  RETRYING: "warn",
  RUNNING: "ok",
  CURRENT: "ok",
  REGRESSED: "bad",
  CLEAN: "ok",
  NOT_ENOUGH_DATA: "warn",
  INCOMPLETE: "warn",
  ROLLED_BACK: "warn",
};

/** The tone of a state by its name. */
export function toTone(state: string | null | undefined): Tone {
  return (state && Object.hasOwn(tones, state) && tones[state]) || "plain";
}

/** The status of a container; one whose engine is silent had it then. */
export function toStatus({ status, stale }: { readonly status: string; readonly stale: boolean }): string {
  return stale ? `was ${status}` : status;
}

export function toStatusTone({ status, stale }: { readonly status: string; readonly stale: boolean }): Tone {
  return stale ? "muted" : toTone(status);
}

interface HostState {
  readonly status: string;
  readonly alert: boolean;
}

/** Whether a machine is up, and hot: above a threshold of the gateway. */
export function toHostState({ status, alert }: HostState): string {
  return status === "UP" && alert ? "hot" : toWord(status);
}

export function toHostTone({ status, alert }: HostState): Tone {
  return status === "UP" && !alert ? "ok" : "bad";
}
