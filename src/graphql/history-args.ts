import { parseLogTime } from "../domain/log-time.ts";
import type { HistoryRange } from "../domain/queue-history.ts";
import { OpsError } from "../errors.ts";

/** As many as Prometheus answers. */
const mostPoints = 11_000;
/** Where no step is asked for. */
const fewPoints = 240;
const secondsPerDay = 86_400;

interface RangeArgs {
  readonly from: string;
  readonly to?: string | null | undefined;
  readonly step?: number | null | undefined;
}

/** Arguments as callers write them: times as for logs (RFC 3339, unix seconds, or a duration back from now), a step in seconds. Throws invalid_request. */
export function toHistoryRange({ from, to, step }: RangeArgs, nowMs: number): HistoryRange {
  const begin = toUnix("from", from, nowMs);
  const end = Math.min(to === null || to === undefined || to === "" ? nowMs / 1000 : toUnix("to", to, nowMs), nowMs / 1000);
  if (begin >= end) throw refuse("from must be before to, and before now");
  if (step !== null && step !== undefined && !(step >= 1 && step <= secondsPerDay))
    throw refuse("step must be from 1 to 86400 seconds");
  const seconds = step ?? Math.max(1, Math.ceil((end - begin) / fewPoints));
  const steps = Math.floor((end - begin) / seconds);
  if (steps < 1) throw refuse("the range must hold at least one step");
  if (steps > mostPoints) throw refuse(`the range holds ${steps} points, at most ${mostPoints}: choose a longer step`);
  return { from: begin, step: seconds, steps };
}

function toUnix(name: string, text: string, nowMs: number): number {
  const parsed = parseLogTime(text, nowMs);
  if (parsed === null) throw refuse(`${name} must be a time (RFC 3339 or unix seconds) or a duration such as 6h`);
  return Math.floor(Number(parsed));
}

function refuse(message: string): OpsError {
  return new OpsError("invalid_request", message);
}
