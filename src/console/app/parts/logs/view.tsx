import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { rowHeight } from "./buffer.ts";
import { Line, type LineStyle } from "./line.tsx";
import type { LogRow } from "./row.ts";
import type { LogSession } from "./session.ts";

/** Rows drawn beyond the view, on each side. */
const overscan = 24;
/** Rows between the view and an end of memory at which the next page is asked for. */
const pageAhead = 200;
/** Height of the line above all rows, and of that below where the log goes on, px. */
const edge = 24;

interface ViewProps {
  readonly session: LogSession;
  readonly style: LineStyle;
  readonly isWrapped: boolean;
  readonly isMarked: (row: LogRow) => boolean;
  readonly label: string;
  /** A click in a row, on the control of this kind. */
  readonly onRow: (number: number, target: HTMLElement) => void;
}

interface Place {
  /** The row at the top of the view, and how much of it is above, px. */
  anchor: number;
  above: number;
  /** The last known position of the view, px. */
  top: number;
  width: number;
}

/**
 * The rows in view, in a scroller of its own. The row at the top of the view stays where it is,
 * whatever is added, removed or measured around it; while the session is followed the end stays in
 * view instead. Rows are in the page's flow, and their heights are known once they were drawn.
 */
export function LogView({ session, style, isWrapped, isMarked, label, onRow }: ViewProps) {
  const [, setTurn] = useState(0);
  const redraw = () => setTurn((turn) => turn + 1);
  const scroller = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const block = useRef<HTMLDivElement>(null);
  const place = useRef<Place>({ anchor: 0, above: 0, top: 0, width: 0 }).current;
  const drawn = useRef({ from: 0, to: 0 }).current;
  void session.version.value;
  const isFollowing = session.isFollowing.value;
  const { buffer } = session;

  const inView = Math.ceil((scroller.current?.clientHeight ?? 800) / rowHeight) + 1;
  if (session.jump !== null) {
    place.anchor = session.jump;
    place.above = -Math.floor(inView / 3) * rowHeight;
    session.jump = null;
  }
  if (isFollowing) [place.anchor, place.above] = [Math.max(buffer.first, buffer.end - inView), 0];
  place.anchor = Math.min(Math.max(place.anchor, buffer.first), Math.max(buffer.first, buffer.end - 1));
  drawn.from = Math.max(buffer.first, place.anchor - overscan + Math.min(0, Math.floor(place.above / rowHeight)));
  drawn.to = Math.min(buffer.end, place.anchor + inView + overscan);

  const readPlace = ({ scrollTop }: HTMLElement) => {
    place.anchor = buffer.rowAt(scrollTop - edge);
    place.above = scrollTop - edge - buffer.offsetOf(place.anchor);
  };

  useLayoutEffect(() => {
    const [box, area, rows] = [scroller.current, space.current, block.current];
    if (!box || !area || !rows) return;
    if (place.width !== box.clientWidth) {
      place.width = box.clientWidth;
      buffer.clearHeights();
    }
    for (const row of rows.children as unknown as Iterable<HTMLElement>)
      buffer.setHeight(Number(row.dataset["row"]), row.offsetHeight);
    area.style.height = `${buffer.height + edge + (session.isLive ? 8 : edge)}px`;
    rows.style.transform = `translateY(${edge + buffer.offsetOf(drawn.from)}px)`;
    const top = isFollowing ? box.scrollHeight - box.clientHeight : edge + buffer.offsetOf(place.anchor) + place.above;
    if (Math.abs(box.scrollTop - top) >= 1) box.scrollTop = top;
    place.top = box.scrollTop;
    // A reader who pauses stays at the row that they see.
    if (isFollowing) readPlace(box);
    session.topAt = buffer.get(place.anchor)?.at ?? null;
  });

  useLayoutEffect(() => {
    buffer.clearHeights();
    redraw();
  }, [isWrapped]);

  useEffect(() => {
    const box = scroller.current;
    if (!box) return undefined;
    const observer = new ResizeObserver(() => redraw());
    observer.observe(box);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const box = scroller.current;
    if (!box) return;
    const moved = box.scrollTop - place.top;
    place.top = box.scrollTop;
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 2;
    if (session.isFollowing.peek()) {
      if (moved >= 0 || isAtEnd) return;
      session.pause();
    } else if (moved > 0 && isAtEnd && session.isLive) return session.toEnd();
    readPlace(box);
    session.topAt = buffer.get(place.anchor)?.at ?? null;
    if (place.anchor - buffer.first < pageAhead && moved <= 0) void session.loadOlder();
    if (buffer.end - place.anchor < pageAhead + inView && moved >= 0 && !session.isLive) void session.loadNewer();
    const isCovered =
      (drawn.from <= place.anchor - overscan / 2 || drawn.from === buffer.first) &&
      (drawn.to >= place.anchor + inView + overscan / 2 || drawn.to === buffer.end);
    if (!isCovered) redraw();
  };
  // Nothing moves under a pointer that selects or opens something.
  const onPointerDown = ({ pointerType, target }: PointerEvent) => {
    if (pointerType === "mouse" && target instanceof Element && target.closest("[data-row]")) session.pause();
  };
  const onClick = (event: MouseEvent) => {
    const target = event.target as HTMLElement;
    const number = target.closest<HTMLElement>("[data-row]")?.dataset["row"];
    if (number !== undefined) onRow(Number(number), target);
  };

  return (
    <div
      class={`log-scroll ${isWrapped ? "wrapped" : ""}`}
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={label}
      onScroll={onScroll}
    >
      <div class="log-space" ref={space} onClick={onClick} onPointerDown={onPointerDown}>
        <div class="log-edge muted">
          {session.hasOlder ? (
            <button type="button" class="button quiet" onClick={() => session.toOlder()}>
              ↑ older lines
            </button>
          ) : (
            "start of the log"
          )}
        </div>
        <div class="log-rows" ref={block}>
          {Array.from({ length: Math.max(0, drawn.to - drawn.from) }, (_, index) => {
            const number = drawn.from + index;
            const row = buffer.get(number);
            return (
              row && (
                <Line
                  key={number}
                  row={row}
                  number={number}
                  isOpen={row.isOpen}
                  isMarked={isMarked(row)}
                  style={style}
                />
              )
            );
          })}
        </div>
        <div class="log-edge end muted">
          {!session.isLive && buffer.size > 0 && (
            <button type="button" class="button quiet" onClick={() => void session.loadNewer()}>
              ↓ newer lines
            </button>
          )}
        </div>
      </div>
    </div>
  );
}
