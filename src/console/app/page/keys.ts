import { signal } from "@preact/signals";
import { go, href } from "./url.ts";
import type { ScreenPath } from "../../screens.ts";

/** What is open on top of the screen. */
export const overlay = signal<"palette" | "help" | null>(null);

/** After `g`: the screens. */
export const goKeys: Readonly<Record<string, readonly [ScreenPath, string]>> = {
  n: ["/", "Now"],
  c: ["/containers", "Containers"],
  l: ["/logs", "Logs"],
  q: ["/queues", "Queues"],
  e: ["/errors", "Errors"],
  d: ["/deploys", "Deploys"],
  t: ["/timeline", "Timeline"],
  h: ["/hosts", "Hosts"],
  a: ["/audit", "Audit"],
};

/** Time for the second key of `g n`, ms. */
const sequenceMs = 1500;

let lastFilter = "";

/** Follows the keyboard. Call once. */
export function followKeys(): void {
  let goUntil = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      overlay.value = overlay.value === "palette" ? null : "palette";
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (overlay.value) overlay.value = null;
      else if (event.target instanceof HTMLInputElement) event.target.blur();
      return;
    }
    if (overlay.value || isTyping(event.target)) return;
    const target = Date.now() < goUntil ? goKeys[event.key] : undefined;
    goUntil = 0;
    if (target) go(href(target[0]));
    else if (event.key === "g") goUntil = Date.now() + sequenceMs;
    else if (event.key === "?") overlay.value = "help";
    else if (event.key === "/") focusSearch();
    else if (event.key === ".") repeatFilter();
    else if (event.key === "ArrowDown" || event.key === "j") moveFocus(1);
    else if (event.key === "ArrowUp" || event.key === "k") moveFocus(-1);
    else return;
    event.preventDefault();
  });
  document.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches("[data-search]") && event.target.value)
      lastFilter = event.target.value;
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input, textarea, select") || target.isContentEditable);
}

function focusSearch(): void {
  const search = document.querySelector<HTMLInputElement>("[data-search]");
  search?.focus();
  search?.select();
}

/** `.`: the last filter again, on this screen. */
function repeatFilter(): void {
  const search = document.querySelector<HTMLInputElement>("[data-search]");
  if (!search || !lastFilter) return;
  search.value = lastFilter;
  search.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Walks the rows of the list: their first links have the focus. */
function moveFocus(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLElement>("[data-row-link]")].toSorted(
    (one, other) => one.getBoundingClientRect().top - other.getBoundingClientRect().top,
  );
  const index = links.indexOf(document.activeElement as HTMLElement);
  const inView = links.findIndex((link) => link.getBoundingClientRect().top >= 40);
  const next = index === -1 ? links[Math.max(0, inView)] : links[index + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
