import { useEffect, useRef, useState } from "preact/hooks";
import {
  ConsoleContainerTailDocument,
  type ConsoleContainerTailSubscription,
  type TailLineFragment,
} from "../../../../generated/console.ts";
import { isLost } from "../../../../client/error.ts";
import { type Failure, follow, type Sink, whileVisible } from "../../data/client.ts";
import { href } from "../../page/url.ts";
import { missingScope } from "../../session/viewer.ts";
import { logNotices } from "../../../../facts/log.ts";
import { formatClock, formatLocalTime } from "../../../../facts/format.ts";
import { parseLine } from "../logs/json.ts";
import { LineText } from "../logs/line.tsx";
import { Banner, Empty, FailureNotice, Skeleton } from "../notice.tsx";

type Notice = NonNullable<ConsoleContainerTailSubscription["containerLogs"]>["notice"];

const shownLines = 20;
const mostCharacters = 400;

/** How often new lines are drawn, ms: a container may write thousands a second. */
const drawMs = 250;

/** The newest lines of a container's log as they are written; each opens the log at its moment. */
export function Tail({ name, engine }: { readonly name: string; readonly engine: string }) {
  const missing = missingScope("ops:logs");
  const { lines, notice, failure, hold } = useTail(name, engine, missing === null);
  return (
    <section class="section">
      <header>
        <h2>Log</h2>
        <span class="muted">the newest {shownLines} lines</span>
        <a class="link right" href={href("/logs", { name, engine })}>
          Whole log
        </a>
      </header>
      {missing !== null && <Banner tone="neutral">{missing}: logs may contain secrets.</Banner>}
      <FailureNotice failure={failure} what="Log" />
      {lines === null && missing === null && !failure && <Skeleton rows={6} />}
      {lines?.length === 0 && (
        <Empty>No lines: the container has written nothing, or its engine no longer keeps the log.</Empty>
      )}
      {lines && lines.length > 0 && (
        <div class="tail" onPointerEnter={() => hold(true)} onPointerLeave={() => hold(false)}>
          {lines.map(({ timestamp, level, message, stream }, index) => (
            <a
              key={`${timestamp} ${index}`}
              href={href("/logs", { name, engine, at: timestamp })}
              title={`${formatLocalTime(timestamp)}, ${stream.toLowerCase()}`}
            >
              <span class="muted">{formatClock(timestamp)}</span>
              <span class={toLevelClass(level)}>{level?.toLowerCase() ?? ""}</span>
              <span class="cut isolate">
                <LineText text={message} parts={parseLine(message)} most={mostCharacters} />
              </span>
            </a>
          ))}
        </div>
      )}
      {(notice === "STOPPED" || notice === "ENGINE_LOST") && <p class="muted">{logNotices[notice].text}</p>}
    </section>
  );
}

interface Shown {
  /** Null before the first answer. */
  readonly lines: readonly TailLineFragment[] | null;
  readonly notice: Notice;
  readonly failure: Failure | null;
}

/**
 * Follows the log while the page is visible. While it is held, lines are collected and not drawn:
 * none moves under the pointer.
 */
function useTail(
  name: string,
  engine: string,
  isAllowed: boolean,
): Shown & { readonly hold: (isHeld: boolean) => void } {
  const [shown, setShown] = useState<Shown>({ lines: null, notice: null, failure: null });
  const latest = useRef(shown);
  const isHeld = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const draw = () => {
    timer.current = undefined;
    if (!isHeld.current) setShown(latest.current);
  };
  const change = (next: Shown) => {
    latest.current = next;
    timer.current ??= setTimeout(draw, drawMs);
  };
  useEffect(() => {
    if (!isAllowed) return undefined;
    const open = () => {
      // After a break the newest lines come again.
      let isFresh = true;
      const variables = () => {
        isFresh = true;
        return { name, engine, tail: shownLines };
      };
      const sink: Sink<ConsoleContainerTailSubscription> = {
        next: ({ containerLogs: batch }) => {
          if (!batch) return;
          const before = isFresh ? [] : (latest.current.lines ?? []);
          isFresh = false;
          const notice = batch.notice ?? (batch.lines.length > 0 ? null : latest.current.notice);
          change({ lines: [...before, ...batch.lines].slice(-shownLines), notice, failure: null });
        },
        opened: () => change({ ...latest.current, failure: null }),
        broken: (failure) => isLost(failure) || change({ ...latest.current, failure }),
        ended: (failure) => change({ ...latest.current, failure }),
      };
      return follow(ConsoleContainerTailDocument, variables, sink);
    };
    const stop = whileVisible(open);
    return () => {
      clearTimeout(timer.current);
      timer.current = undefined;
      stop();
    };
  }, [name, engine, isAllowed]);
  const hold = (isOver: boolean) => {
    isHeld.current = isOver;
    if (!isOver) draw();
  };
  return { ...shown, hold };
}

function toLevelClass(level: string | null): string {
  if (level === "ERROR" || level === "FATAL") return "bad strong";
  return level === "WARN" ? "warn" : "muted";
}
