import type { Command, Question } from "../connection.ts";
import { shareOf } from "../system.ts";
import { eventsLimit, type QueueEvent, toEvents } from "./events.ts";
import { hourMs, type Look, rateMs } from "./snapshot.ts";

export type Ending = "completed" | "failed";
export const endings = ["completed", "failed"] as const;

const windowMs = { completed: rateMs, failed: hourMs };
/** An event is written shortly after the time in its row, and both are read shortly after `now`. */
const slackMs = 1000;
/** Events to read where the oldest row is older than the window, so that no row of the window is gone. */
const fewEvents = 50;

/** The start of a window for one ending, as far as the events show it. */
interface Beginning {
  /** Events of this ending, oldest first. */
  readonly events: readonly QueueEvent[];
  /** Whether no event is missing before the first one; without events, whether there were none. */
  readonly isWhole: boolean;
}

export type Beginnings = Readonly<Record<Ending, Beginning>>;

/** Start of the window in which events need a row, milliseconds since 1970. */
export function beginningOf(ending: Ending, now: number): number {
  return now - windowMs[ending] + slackMs;
}

/** Events to read for each queue where the rows do not show what ended before them. */
export function eventShare(queues: number): number {
  return shareOf(queues * endings.length, eventsLimit);
}

interface Moment {
  /** Whether this is the first look, which reads only the newest events. */
  readonly isFirst: boolean;
  /** Whether its events continue those of the look before. */
  readonly isJoined: boolean;
  readonly limit: number;
  readonly now: number;
}

/** Reads the oldest events of the window: only they reveal rows that are gone, since the newest rows still have their events. A later look has read them. */
export function lookBack(key: string, look: Look, { isFirst, isJoined, limit, now }: Moment): Question<Beginnings> {
  const count = (ending: Ending) => ((look.oldest[ending]?.score ?? now) > now - windowMs[ending] ? limit : fewEvents);
  const toBeginning = (ending: Ending, all: Look["events"], isCut: boolean): Beginning => {
    const from = beginningOf(ending, now);
    const events = all.flatMap(([, item]) => (item.event === ending && item.at >= from ? [item] : []));
    const isSeen = isJoined || !look.isTrimmed || (look.oldestEvent !== null && Number(look.oldestEvent.split("-")[0]) <= from);
    return { events, isWhole: isSeen && (events.length > 0 || !isCut) };
  };
  return {
    commands: isFirst
      ? endings.map((ending): Command => ["xrange", `${key}events`, beginningOf(ending, now), "+", "COUNT", count(ending)])
      : [],
    parse: (replies) => {
      const [completed, failed] = endings.map((ending, index) => {
        const events = isFirst ? toEvents(replies[index]) : look.events;
        return toBeginning(ending, events, events.length >= (isFirst ? count(ending) : eventsLimit));
      }) as [Beginning, Beginning];
      return { completed, failed };
    },
  };
}
