import type { Environment } from "../../client/client.ts";
import { type Lists, type SectionName, sectionNames, selectedIndex, type View } from "./state.ts";

/** A key as `node:readline` reads it. */
export interface Key {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
  /** The characters that were typed. */
  readonly text?: string | undefined;
}

/** What the loop must do. */
export type Action = "quit" | "env" | "suspend";

export interface Pressed {
  readonly view: View;
  readonly action?: Action;
}

/** After `g`, as in the console. */
const sectionKeys: Readonly<Record<string, SectionName>> = {
  n: "problems",
  p: "problems",
  c: "roles",
  r: "roles",
  q: "queues",
  h: "hosts",
};

export const keyHelp: readonly (readonly [keys: string, what: string])[] = [
  ["q, Ctrl-C", "quit"],
  ["j k, arrows", "the next or previous row"],
  ["Enter", "details of the selected row"],
  ["Esc", "back; clears the filter"],
  ["g n", "problems"],
  ["g c", "roles and their containers"],
  ["g q", "queues"],
  ["g h", "hosts"],
  ["/", "only rows with a text"],
  ["e", "environment: all, production, staging"],
  ["space", "pause and go on"],
  ["?", "these keys"],
];

/** What a key changes. */
export function press(view: View, key: Key, lists: Lists): Pressed {
  if (key.ctrl)
    return { view, ...(key.name === "c" ? { action: "quit" } : key.name === "z" ? { action: "suspend" } : {}) };
  if (view.isTyping) return { view: type(view, key) };
  const settled = { ...view, awaitsSection: false };
  const text = key.text ?? "";
  if (view.awaitsSection && Object.hasOwn(sectionKeys, text)) {
    const section = sectionKeys[text] ?? "problems";
    return { view: { ...settled, section, id: lists[section][0] ?? null, index: 0, open: null, scroll: 0 } };
  }
  if (key.name === "down" || text === "j") return { view: move(settled, lists, 1) };
  if (key.name === "up" || text === "k") return { view: move(settled, lists, -1) };
  if (key.name === "escape") return { view: back(settled) };
  if (key.name === "return" || key.name === "enter") return { view: open(settled, lists) };
  switch (text) {
    case "q":
      return { view: settled, action: "quit" };
    case "g":
      return { view: { ...view, awaitsSection: true } };
    case "e":
      return { view: { ...settled, open: null, scroll: 0 }, action: "env" };
    case " ":
      return { view: { ...settled, isPaused: !view.isPaused } };
    case "/":
      return { view: { ...settled, open: null, isTyping: true } };
    case "?":
      return { view: { ...settled, open: view.open === "help" ? null : "help", scroll: 0 } };
    default:
      return { view: settled };
  }
}

const longestFilter = 60;

function type(view: View, { name, text = "", meta }: Key): View {
  if (name === "return" || name === "enter") return { ...view, isTyping: false };
  if (name === "escape") return { ...view, isTyping: false, filter: "" };
  if (name === "backspace") return { ...view, filter: view.filter.replace(/.$/su, "") };
  if (meta || text === "" || /[\p{Cc}\p{Cf}]/u.test(text) || view.filter.length >= longestFilter) return view;
  return { ...view, filter: view.filter + text };
}

function back(view: View): View {
  return view.open === null ? { ...view, filter: "" } : { ...view, open: null, scroll: 0 };
}

function open(view: View, lists: Lists): View {
  const index = selectedIndex(view, lists);
  if (view.open !== null || index < 0) return view;
  return { ...view, open: "detail", scroll: 0, id: lists[view.section][index] ?? null, index };
}

/** To the next row, over the ends of sections. Scrolls what is open. */
function move(view: View, lists: Lists, by: 1 | -1): View {
  if (view.open !== null) return { ...view, scroll: Math.max(0, view.scroll + by) };
  const index = selectedIndex(view, lists) + by;
  if (index >= 0 && index < lists[view.section].length)
    return { ...view, index, id: lists[view.section][index] ?? null };
  const own = sectionNames.indexOf(view.section);
  const beyond = by > 0 ? sectionNames.slice(own + 1) : sectionNames.slice(0, own).toReversed();
  const section = beyond.find((name) => lists[name].length > 0);
  if (!section) return view;
  const end = by > 0 ? 0 : lists[section].length - 1;
  return { ...view, section, index: end, id: lists[section][end] ?? null };
}

/** The next environment of `e`: all, production, staging. */
export function nextEnv(env: Environment | null): Environment | null {
  return env === null ? "PRODUCTION" : env === "PRODUCTION" ? "STAGING" : null;
}
