import { signal } from "@preact/signals";

/** Unix ms, once a second while the page is visible: relative times follow it. */
export const now = signal(Date.now());

/** Call once. */
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
}
