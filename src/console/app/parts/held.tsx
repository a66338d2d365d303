import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { FeedRow } from "../data/pages.ts";

/** Pixels that the page may be scrolled by and still be at its top. */
const topPixels = 80;

interface Held<Row> {
  readonly rows: readonly FeedRow<Row>[];
  /** Says how many rows wait, and shows them. Goes first into the box. */
  readonly button: ComponentChildren;
  /** The element that has the list. */
  readonly box: RefObject<HTMLDivElement | null>;
}

/**
 * Keeps rows from moving under the pointer: while the list is hovered, has the focus, or is
 * scrolled, rows that are newer than its top wait. `all` is newest first by `toTime`.
 */
export function useHeldTop<Row>(all: readonly FeedRow<Row>[], toTime: (row: Row) => number): Held<Row> {
  const box = useRef<HTMLDivElement>(null);
  const [isHeld, setHeld] = useState(false);
  const top = useRef<number | null>(null);
  const newest = all[0] ? toTime(all[0].node) : null;
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const update = () =>
      setHeld(scrollY > topPixels || element.matches(":hover") || element.contains(document.activeElement));
    const events = ["pointerenter", "pointerleave", "focusin", "focusout"];
    // The focus has moved only after the event.
    const later = () => setTimeout(update);
    for (const event of events) element.addEventListener(event, later);
    addEventListener("scroll", update, { passive: true });
    return () => {
      for (const event of events) element.removeEventListener(event, later);
      removeEventListener("scroll", update);
    };
  }, []);
  if (!isHeld || top.current === null) top.current = newest;
  const limit = top.current ?? Number.POSITIVE_INFINITY;
  const waiting = Math.max(
    0,
    all.findIndex(({ node }) => toTime(node) <= limit),
  );
  const release = () => {
    top.current = newest;
    scrollTo({ top: 0 });
    setHeld(false);
  };
  const button = (
    <p class="waiting" role="status">
      {waiting > 0 && (
        <button type="button" class="button primary" onClick={release}>
          {waiting} new
        </button>
      )}
    </p>
  );
  return { rows: waiting > 0 ? all.slice(waiting) : all, button, box };
}
