import { expect, it } from "vitest";
import { LogPrinter } from "../../../src/terminal/logs/printer.ts";
import { roleLine } from "../../support/terminal-log.ts";
import { createFakeSession } from "../../support/terminal-run.ts";

const usual = { isJson: false, hasTimes: false, hasNames: true, hasEngines: false, group: null };
const of = (name: string, version = "v1", engine = "own") => ({ container: { name, version, engine } });

it("the lines of a message are one write, each with its container", async () => {
  const { session, written } = createFakeSession();
  const printer = new LogPrinter(session, usual);
  await printer.write([roleLine(1, "one"), roleLine(2, "two", of("worker-11")), roleLine(3, "three")]);
  expect(written).toEqual(["web-1 | one\nworker-11 | two\nweb-1     | three\n"]);
});

it("one container's lines have no name, and a time where it is asked for", async () => {
  const { session, written } = createFakeSession();
  await new LogPrinter(session, { ...usual, hasNames: false, hasTimes: true }).write([roleLine(1, "\u001b[1mone")]);
  expect(written).toEqual(["2026-01-13T09:46:40.001000000Z one\n"]);
});

it("a short name is the role, the release and where it runs", async () => {
  const { session, written } = createFakeSession();
  const group = { service: "wallet", destination: "staging" };
  const printer = new LogPrinter(session, { ...usual, hasEngines: true, group });
  const release = "4f5e6d7c4f5e6d7c4f5e6d7c4f5e6d7c4f5e6d7c";
  const name = `wallet-web-staging-${release}`;
  await printer.write([roleLine(1, "a", of(name, release)), roleLine(2, "b", of(`${name}-2`, release, "far"))]);
  expect(written).toEqual(["web-4f5e6d7@own | a\nweb-4f5e6d7-2@far | b\n"]);
});

it("names that would be the same are shown whole", async () => {
  const { session, written } = createFakeSession();
  const printer = new LogPrinter(session, usual);
  await printer.write([roleLine(1, "a"), roleLine(2, "b", of("web-1", "v1", "far"))]);
  expect(written).toEqual(["web-1 | a\nweb-1@far | b\n"]);
});

it("a container has one colour, that no other has", async () => {
  const colourOf = async (names: readonly string[], wanted: string) => {
    const { session, written } = createFakeSession({ isColoured: true });
    const printer = new LogPrinter(session, usual);
    await printer.write(names.map((name) => roleLine(1, "x", of(name))));
    const line = written[0]?.split("\n").find((text) => text.includes(`${wanted} `)) ?? "";
    // oxlint-disable-next-line no-control-regex
    return /^\u001b\[(\d+)m/.exec(line)?.[1];
  };
  expect(await colourOf(["web-1"], "web-1")).toMatch(/^\d\d$/);
  expect(await colourOf(["web-1", "web-2"], "web-1")).toBe(await colourOf(["web-1"], "web-1"));
  const names = Array.from({ length: 10 }, (_, n) => `web-${n}`);
  const all = await Promise.all(names.map((name) => colourOf(names, name)));
  expect(new Set(all).size).toBe(10);
});

it("a marker is a note between the lines, and a row of jsonl", async () => {
  const marker = roleLine(2, "release v2 begins\u001b[2J", { kind: "MARKER", stream: null });
  const order: string[] = [];
  const { session, notes } = createFakeSession({
    write: async (text) => order.push(text, `notes ${notes.length}`) > 0,
  });
  await new LogPrinter(session, { ...usual, hasNames: false }).write([roleLine(1, "a"), marker, roleLine(3, "b")]);
  expect(order).toEqual(["a\n", "notes 0", "b\n", "notes 1"]);
  expect(notes).toEqual(["--- release v2 begins[2J"]);
  const json = createFakeSession();
  await new LogPrinter(json.session, { ...usual, isJson: true }).write([marker, roleLine(3, "c\u009b1m")]);
  const [first = "", second = ""] = json.written.join("").split("\n");
  expect(JSON.parse(first)).toEqual(marker);
  expect(second).toContain(String.raw`"message":"c\u009b1m"`);
});

it("nothing is written after the reader has gone", async () => {
  const { session } = createFakeSession({ write: async () => false });
  expect(await new LogPrinter(session, usual).write([roleLine(1, "a")])).toBe(false);
});
