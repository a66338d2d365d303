import { createUniform } from "../../test/support/random.ts";

/** Whole numbers from `least` to `most`, the same ones for a seed. */
export interface Dice {
  roll(least: number, most: number): number;
  pick<T>(of: readonly T[]): T;
}

export function createDice(seed: number): Dice {
  const uniform = createUniform(seed);
  const roll = (least: number, most: number) => least + Math.floor(uniform() * (most - least + 1));
  return { roll, pick: (of) => of[roll(0, of.length - 1)] as (typeof of)[number] };
}

/** Texts that differ in more than their values: each is a group of its own. */
const errorTexts = [
  "timeout contacting provider",
  "pq: serialization failure",
  "no such address",
  "card declined",
  "unexpected end of input",
] as const;

/** One attempt of a planned job. Times are whole seconds before its rows are written. */
export interface PlannedAttempt {
  readonly dueAgo: number;
  readonly startedAgo: number;
  /** Null while it runs. */
  readonly endedAgo: number | null;
  /** Null for a success, and while it runs. */
  readonly error: string | null;
}

/**
 * What happened to a job until its rows are written: each job system's source says which rows that
 * leaves.
 */
export interface PlannedJob {
  readonly queue: string;
  readonly state: "waiting" | "running" | "done" | "dead";
  readonly createdAgo: number;
  /** Made to run at a later time. */
  readonly isScheduled: boolean;
  /** When its next attempt may begin, else when its last one might; negative in the future. */
  readonly dueAgo: number;
  /** It is due, and its system's scheduler has already put it to those that workers take. */
  readonly isStaged: boolean;
  readonly attempts: readonly PlannedAttempt[];
}

/**
 * Seconds from a job's nth failure to its next attempt. Que's default, which its rows imply; the
 * others' are configurable.
 */
export function toRetryDelay(failures: number): number {
  return failures ** 4 + 3;
}

/**
 * Seconds around the borders of five minutes and of an hour in which no attempt begins or ends:
 * reading takes a while.
 */
const border = 40;
const borders = [300, 3600] as const;

/** Jobs of one queue, as rows. */
export function planRows(dice: Dice, queue: string, count: number): PlannedJob[] {
  return Array.from({ length: count }, () => {
    for (;;) {
      const job = planJob(dice, queue);
      const times = job.attempts.flatMap(({ startedAgo, endedAgo }) => [startedAgo, endedAgo ?? startedAgo]);
      if (!times.some((ago) => borders.some((at) => Math.abs(ago - at) < border))) return job;
    }
  });
}

type RowKind = "due" | "deferred" | "running" | "done" | "dead" | "retryDue" | "retryLater";
/** Some are more likely than others. */
const rowKinds: readonly RowKind[] = (
  [
    ["due", 2],
    ["deferred", 1],
    ["running", 1],
    ["done", 4],
    ["dead", 1],
    ["retryDue", 1],
    ["retryLater", 1],
  ] as const
).flatMap(([kind, times]) => Array.from({ length: times }, () => kind));

/**
 * The attempts in seconds since the job was made; then the time of writing, which depends on what
 * the job is to be.
 */
function planJob(dice: Dice, queue: string): PlannedJob {
  const kind = dice.pick(rowKinds);
  const failures = rollFailures(dice, kind);
  const isScheduled = kind === "deferred" || dice.roll(0, 2) === 0;
  let due = 0;
  if (isScheduled) due = kind === "deferred" ? dice.roll(3600, 10_800) : dice.roll(30, 3600);
  const attempts: { due: number; started: number; ended: number; error: string | null }[] = [];
  const isTaken = kind === "running" || kind === "done";
  for (let n = 1; n <= failures + (isTaken ? 1 : 0); n += 1) {
    const started = due + dice.roll(0, 30);
    const ended = started + dice.roll(1, 20);
    attempts.push({ due, started, ended, error: n <= failures ? dice.pick(errorTexts) : null });
    if (n < failures || (n === failures && kind !== "dead")) due = ended + toRetryDelay(n);
  }
  const last = attempts.at(-1) ?? { started: 0, ended: 0 };
  const now = {
    due: () => due + dice.roll(5, 7200),
    deferred: () => dice.roll(1, 3300),
    running: () => last.started + dice.roll(1, 250),
    done: () => last.ended + rollEnd(dice),
    dead: () => last.ended + rollEnd(dice),
    retryDue: () => due + dice.roll(5, 3000),
    retryLater: () => last.ended + dice.roll(1, toRetryDelay(failures) - 300),
  }[kind]();
  return {
    queue,
    state: kind === "running" || kind === "done" || kind === "dead" ? kind : "waiting",
    createdAgo: now,
    isScheduled,
    dueAgo: now - due,
    isStaged: due <= now && ((failures === 0 && !isScheduled) || dice.roll(0, 1) === 0),
    attempts: attempts.map((attempt) => ({
      dueAgo: now - attempt.due,
      startedAgo: now - attempt.started,
      endedAgo: kind === "running" && attempt.error === null ? null : now - attempt.ended,
      error: attempt.error,
    })),
  };
}

function rollFailures(dice: Dice, kind: RowKind): number {
  if (kind === "due" || kind === "deferred") return 0;
  // Its next attempt is still minutes away.
  if (kind === "retryLater") return dice.roll(5, 6);
  return kind === "running" || kind === "done" ? dice.pick([0, 0, 1, 2, 3]) : dice.roll(1, 4);
}

function rollEnd(dice: Dice): number {
  const [least, most] = dice.pick([
    [1, 300 - border],
    [300 + border, 3600 - border],
    [3600 + border, 14_400],
  ] as const);
  return dice.roll(least, most);
}

/** What happens to a job that real workers get. */
export type Fate =
  | { readonly kind: "succeeds" }
  /** Fails so often, then succeeds. */
  | { readonly kind: "recovers"; readonly failures: number; readonly error: string }
  /** Fails at each of its attempts. */
  | { readonly kind: "dies"; readonly attempts: number; readonly error: string }
  /** Fails once, and its next attempt is an hour away. */
  | { readonly kind: "waits"; readonly error: string }
  /** Must not run for an hour. */
  | { readonly kind: "deferred" };

/** Fates of one queue's jobs. `kinds`: what its system knows. */
export function planFates(dice: Dice, count: number, kinds: readonly Fate["kind"][]): Fate[] {
  return Array.from({ length: count }, (): Fate => {
    const kind = dice.roll(0, 2) > 0 ? "succeeds" : dice.pick(kinds);
    const error = dice.pick(errorTexts);
    if (kind === "recovers") return { kind, failures: dice.roll(1, 2), error };
    if (kind === "dies") return { kind, attempts: dice.roll(1, 2), error };
    return kind === "waits" ? { kind, error } : { kind };
  });
}
