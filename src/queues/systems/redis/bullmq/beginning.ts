import type { Command, Question } from "../connection.ts";
import { shareOf } from "../system.ts";
import { eventsLimit, type QueueEvent, toEvents } from "./events.ts";
import { hourMs, type Look, rateMs } from "./snapshot.ts";

export type Ending = "completed" | "failed";
export const endings = ["completed", "failed"] as const;

const windowMs = { completed: rateMs, failed: hourMs };
/** An event is written a moment after the time that its row has, and both are read a moment after `now`. */
const slackMs = 1000;
/** Events that are read where the oldest row tells that none of the window went. */
const fewEvents = 50;

/** How the window of a kind began, as far as the events of a queue tell. */
interface Beginning {
  /** Those of the kind, oldest first. */
  readonly events: readonly QueueEvent[];
  /** Whether none is missing before the first of them; without any, none at all. */
  readonly isWhole: boolean;
}

export type Beginnings = Readonly<Record<Ending, Beginning>>;

/** The first moment of a window of which rows are looked for, milliseconds since 1970. */
export function beginningOf(ending: Ending, now: number): number {
  return now - windowMs[ending] + slackMs;
}

/** How many events of each of so many queues are read where the rows leave it open what went before them. */
export function eventShare(queues: number): number {
  return shareOf(queues * endings.length, eventsLimit);
}

interface Moment {
  /** Whether no look came before this one, so that it has only the newest events. */
  readonly isFirst: boolean;
  /** Whether the events that it read follow those of the look before. */
  readonly isJoined: boolean;
  readonly limit: number;
  readonly now: number;
}

/** The newest rows always have their events: only the oldest events tell of the rows that went. A later look has read them already. */
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
