import { toToneOf, type States, type Tone } from "./tone.ts";

/**
 * How much of a source of queues can be read, worst first. PARTLY: its numbers, but not its errors.
 * UNSUPPORTED: the gateway does not know this version of the job system.
 */
const sourceStates = { DOWN: "warn", PARTLY: "warn", UNSUPPORTED: "neutral", UP: "ok" } as const satisfies States;

interface Source {
  readonly numbersOk: boolean | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

function toState({ error, numbersOk }: Source): keyof typeof sourceStates {
  if (error === null) return "UP";
  if (error.code === "queue_unsupported") return "UNSUPPORTED";
  return numbersOk ? "PARTLY" : "DOWN";
}

export function toSourceTone(source: Source): Tone {
  return toToneOf(sourceStates, toState(source));
}

/** Whether its queues are unknown now, but may be known again without anybody's help. */
export function isSourceDown(source: Source): boolean {
  return toState(source) === "DOWN" && source.error?.code !== "forbidden";
}

/**
 * What its error hides, and whether the gateway retries.
 *
 * @param areMany whether several sources have this error
 */
export function describeSourceEffect(source: Source, areMany = false): string {
  const its = areMany ? "Their" : "Its";
  const state = toState(source);
  if (state === "UP") return "";
  if (state === "PARTLY") return `${its} numbers are shown; ${its.toLowerCase()} errors are unknown.`;
  const isFinal = state === "UNSUPPORTED" || source.error?.code === "queue_duplicate";
  const rest = isFinal ? "" : " Retrying ...";
  return `${its} queues show their last known state or are missing from this list.${rest}`;
}
