import type { Command, Question, RedisConnection, Reply } from "../connection.ts";
import { toFields, toNumber } from "../replies.ts";
import { eventsLimit, type QueueEvent, toEvents } from "./events.ts";
import { hourMs, type Look, reachesBack } from "./snapshot.ts";

/**
 * Failed attempts of jobs that are retried, from the events, because the rows have only the last
 * attempt.
 */
export interface Retries {
  /** Running jobs, as far as the events show. */
  readonly running: ReadonlySet<string>;
  /** The retries of the last hour by the second, oldest first; `at` in milliseconds since 1970. */
  readonly recent: readonly { readonly at: number; readonly count: number }[];
  /** The retries since the first look, and those that it found. */
  readonly total: number;
  /**
   * The time since which no retry is missing, milliseconds since 1970; -Infinity while none is
   * known to be missing.
   */
  readonly since: number;
}

export const noRetries: Retries = { running: new Set(), recent: [], total: 0, since: -Infinity };

/** One queue, with what `lookAt` found. */
interface Subject {
  /** Ends with a colon. */
  readonly key: string;
  readonly look: Look;
  readonly before: Retries;
  /**
   * The last event of the very first look; null in later looks, which have read all events since
   * the previous one.
   */
  readonly firstId: string | null;
  /** Whether its events continue those of the previous look. */
  readonly isJoined: boolean;
}

/**
 * The retries of each queue after another look, which reads at most the given numbers of events and
 * jobs per queue. Rejects as the connection does.
 */
export async function readRetries(
  connection: RedisConnection,
  subjects: readonly Subject[],
  limits: { readonly events: number; readonly jobs: number },
  now: number,
  signal: AbortSignal,
): Promise<Retries[]> {
  const news = await connection.ask(
    subjects.map((subject) => readNewEvents(subject, limits.events, now)),
    signal,
  );
  const found = subjects.map(({ before }, index) => findReturned(before.running, news[index]?.events ?? []));
  const failed = await connection.ask(
    found.map((one, index) => checkReturned(subjects[index]?.key ?? "", one, limits.jobs)),
    signal,
  );
  return subjects.map(({ before }, index) => {
    const isWhole = news[index]?.isWhole ?? false;
    const isSure = isWhole && failed[index]?.isSure === true;
    // If events were missed, it is unknown which jobs run.
    const running = isWhole && found[index] ? found[index].running : noRetries.running;
    return { ...addRetries(before, failed[index]?.failed ?? [], now), running, since: isSure ? before.since : now };
  });
}

/**
 * Reads the new events, oldest first, and whether none is missing. The very first look reads those
 * of the last hour; later looks have those since the previous one.
 */
function readNewEvents({ key, look, firstId, isJoined }: Subject, limit: number, now: number) {
  const from = now - hourMs;
  const commands: Command[] = firstId === null ? [] : [["xrange", `${key}events`, from, firstId, "COUNT", limit]];
  return {
    commands,
    parse: ([reply]: readonly Reply[]) => {
      const entries = firstId === null ? look.events : toEvents(reply);
      const most = firstId === null ? eventsLimit : limit;
      return {
        events: entries.map(([, item]) => item),
        isWhole: (isJoined || reachesBack(look, from)) && entries.length < most,
      };
    },
  };
}

/** Events that end a run of a job. */
const endings = new Set(["completed", "failed", "waiting", "delayed", "waiting-children", "removed"]);

/**
 * Finds the jobs that went from a worker back to waiting, and the jobs running after that. A job
 * that lost its worker also goes back, but a `stalled` event follows at once. Source: retryJob,
 * moveToDelayed and moveStalledJobsToWait of bullmq 6.7, and 4.18.
 */
export function findReturned(before: ReadonlySet<string>, events: readonly QueueEvent[]) {
  const running = new Set(before);
  const returned = events.filter(({ event, jobId, prev }, index) => {
    if (event === "active") running.add(jobId);
    if (!endings.has(event)) return false;
    const wasRunning = running.delete(jobId) || prev === "active";
    const next = events[index + 1];
    const isStalled = next?.event === "stalled" && next.jobId === jobId;
    return wasRunning && !isStalled && (event === "waiting" || event === "delayed");
  });
  return { running, returned };
}

/** Jobs that came back because they failed. */
interface Failed {
  readonly failed: readonly QueueEvent[];
  /** Whether each of these failures is certain. */
  readonly isSure: boolean;
}

/**
 * Checks which returned jobs failed, because a worker may also put a job back, for example at a
 * rate limit. Checks at most `limit` jobs; the others count as failed.
 */
export function checkReturned(
  key: string,
  { running, returned }: ReturnType<typeof findReturned>,
  limit: number,
): Question<Failed> {
  const byJob = Map.groupBy(returned, ({ jobId }) => jobId);
  const checked = [...byJob.keys()].slice(0, limit);
  const commands = checked.flatMap((id): Command[] => [
    ["hmget", key + id, "atm", "ats", "attemptsMade", "processedOn"],
    ["hexists", key + id, "failedReason"],
  ]);
  return {
    commands,
    parse: (replies) => {
      const judged = checked.map((id, index) => {
        const row = toFields(replies[2 * index]);
        return judge(byJob.get(id) ?? [], row, replies[2 * index + 1] === 1, running.has(id));
      });
      const rest = [...byJob].slice(limit).flatMap(([, items]) => items);
      const isSure = rest.length === 0 && judged.every((one) => one.isSure);
      return { failed: [...judged.flatMap((one) => one.failed), ...rest], isSure };
    },
  };
}

/**
 * BullMQ 5 and newer count starts (`ats`) and ended attempts (`atm`): surplus starts were put back,
 * and it is unknown which. BullMQ 4 counts no starts, but its event says that a job failed, unless
 * the job is delayed.
 */
function judge(
  items: readonly QueueEvent[],
  [atm, ats, attemptsMade, processedOn]: readonly (string | null)[],
  hasReason: boolean,
  isRunning: boolean,
): Failed {
  const [ended, started] = [toNumber(atm), toNumber(ats)];
  if (ended === null && toNumber(attemptsMade) === null) return { failed: items, isSure: false };
  if (!hasReason) return { failed: [], isSure: true };
  if (ended === null)
    return { failed: items.filter(({ event, prev }) => event === "delayed" || prev === "failed"), isSure: true };
  const isAtWork = isRunning || (toNumber(processedOn) ?? 0) >= (items.at(-1)?.at ?? 0);
  return { failed: items, isSure: started === null || started - ended <= (isAtWork ? 1 : 0) };
}

function addRetries(
  { recent, total }: Retries,
  failed: readonly QueueEvent[],
  now: number,
): Pick<Retries, "recent" | "total"> {
  const bySecond = Map.groupBy(failed, ({ at }) => Math.floor(at / 1000));
  const added = [...bySecond.values()].map((items) => ({ at: items.at(-1)?.at ?? now, count: items.length }));
  return { recent: [...recent.filter(({ at }) => at > now - hourMs), ...added], total: total + failed.length };
}

/** How many retries are known in the last `windowMs`. */
export function countRetries({ recent }: Retries, windowMs: number, now: number): number {
  return recent.reduce((sum, { at, count }) => (at > now - windowMs && at <= now ? sum + count : sum), 0);
}
