import { computed, signal } from "@preact/signals";
import { type ScreenPath, screenPaths } from "../../screens.ts";

/** The URL is the whole state of a screen: what it shows, its filters and its place in time. */
const location = signal({ path: readPath(), query: window.location.search });

export const path = computed(() => location.value.path);

/** The parameters of the current screen, without empty ones and without an unknown environment. */
export const params = computed(() => {
  const query = new URLSearchParams(location.value.query);
  if (!["STAGING", "PRODUCTION"].includes(query.get("env") ?? "")) query.delete("env");
  return query;
});

/** Parameters that every screen has, and that stay when another one is opened. */
const common = ["env", "destination"] as const;

export type Params = Readonly<Record<string, string | number | null | undefined>>;

/** The address of a screen, in the environment and destination of the current one. */
export function href(target: ScreenPath, given: Params = {}): string {
  const query = new URLSearchParams();
  for (const name of common) {
    const value = params.value.get(name);
    if (value && !(name in given)) query.set(name, value);
  }
  for (const [name, value] of Object.entries(given))
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  const text = query.toString();
  return text ? `${target}?${text}` : target;
}

/** Opens an address of the console. With `replace`, "back" does not return to the current one. */
export function go(address: string, { replace = false } = {}): void {
  if (address === window.location.pathname + window.location.search) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  read();
  if (!replace) scrollTo(0, 0);
}

/**
 * Changes parameters of the current screen; null or "" removes one. Filters replace the address, so
 * that "back" leaves the screen.
 */
export function setParams(changes: Params, { replace = true } = {}): void {
  const query = new URLSearchParams(params.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, String(value));
  }
  const text = query.toString();
  go(text ? `${path.value}?${text}` : path.value, { replace });
}

/** Follows the browser's buttons, and clicks on links of the console. Call once. */
export function followLocation(): void {
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (
      !(link instanceof HTMLAnchorElement) ||
      link.target ||
      link.hasAttribute("download") ||
      link.origin !== window.location.origin
    )
      return;
    if (!isScreen(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

function read(): void {
  location.value = { path: readPath(), query: window.location.search };
}

function readPath(): ScreenPath {
  return isScreen(window.location.pathname) ? window.location.pathname : "/";
}

function isScreen(text: string): text is ScreenPath {
  return (screenPaths as readonly string[]).includes(text);
}
