import { describe, expect, it } from "vitest";
import { type Key, nextEnv, press } from "../../../src/terminal/top/keys.ts";
import { firstView, type Lists, type View } from "../../../src/terminal/top/state.ts";

const lists: Lists = { problems: ["p1", "p2"], roles: [], queues: ["q1", "q2", "q3"], hosts: ["h1"] };

/** The view after keys: characters, or names in capitals. */
function after(keys: string, start: View = firstView): View {
  return keys.split(" ").reduce((view, key) => {
    const typed: Key = /^[A-Z]{2,}$/.test(key) ? { name: key.toLowerCase() } : { name: key, text: key };
    return press(view, typed, lists).view;
  }, start);
}

describe("keys", () => {
  it.each([
    ["j", "problems", "p2"],
    ["j k", "problems", "p1"],
    ["j j", "queues", "q1"],
    ["j j k", "problems", "p2"],
    ["g q", "queues", "q1"],
    ["g h", "hosts", "h1"],
    ["g c", "roles", null],
    ["g q j g n", "problems", "p1"],
    ["g h DOWN DOWN", "hosts", "h1"],
    ["g h UP", "queues", "q3"],
  ] as const)("%s selects in %s %s", (keys, section, id) => {
    expect(after(keys)).toMatchObject({ section, id, awaitsSection: false });
  });

  it("g alone waits, and another key ends that", () => {
    expect(after("g").awaitsSection).toBe(true);
    expect(after("g x")).toEqual(firstView);
    expect(after("g j")).toMatchObject({ id: "p2", awaitsSection: false });
  });

  it("Enter opens what is selected, j scrolls it, Esc goes back", () => {
    const opened = after("g q j RETURN");
    expect(opened).toMatchObject({ open: "detail", section: "queues", id: "q2" });
    expect(after("j j k", opened)).toMatchObject({ scroll: 1, id: "q2" });
    expect(after("j ESCAPE", opened)).toMatchObject({ open: null, scroll: 0, id: "q2" });
    expect(after("g c RETURN").open).toBeNull();
  });

  it("a filter takes every character, until Enter or Esc", () => {
    expect(after("/ q j e")).toMatchObject({ filter: "qje", isTyping: true });
    expect(after("/ a b BACKSPACE RETURN")).toMatchObject({ filter: "a", isTyping: false });
    expect(after("/ a ESCAPE")).toMatchObject({ filter: "", isTyping: false });
    expect(after("/ a RETURN ESCAPE")).toMatchObject({ filter: "", isTyping: false });
    expect(after(`/ ${"a ".repeat(100).trim()}`).filter).toHaveLength(60);
    const typing = after("/");
    expect(press(typing, { name: "x", text: "\u001b" }, lists).view.filter).toBe("");
  });

  it("q and Ctrl-C quit, but q in a filter does not", () => {
    const q = { name: "q", text: "q" };
    const interrupt = { name: "c", ctrl: true, text: "\u0003" };
    expect(press(firstView, q, lists).action).toBe("quit");
    expect(press(after("?"), q, lists).action).toBe("quit");
    expect(press(after("/"), q, lists).action).toBeUndefined();
    expect(press(after("/"), interrupt, lists).action).toBe("quit");
  });

  it("space pauses, ? shows keys, e asks for the next environment", () => {
    const space = press(firstView, { name: "space", text: " " }, lists).view;
    expect(space.isPaused).toBe(true);
    expect(press(space, { name: "space", text: " " }, lists).view.isPaused).toBe(false);
    expect([after("?").open, after("? ?").open, after("? ESCAPE").open]).toEqual(["help", null, null]);
    expect(press(firstView, { name: "e", text: "e" }, lists).action).toBe("env");
    expect([null, "PRODUCTION", "STAGING"].map((env) => nextEnv(env as never))).toEqual([
      "PRODUCTION",
      "STAGING",
      null,
    ]);
  });
});
