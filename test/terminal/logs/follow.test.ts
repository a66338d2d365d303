import { expect, it } from "vitest";
import { OpsError } from "../../../src/client/client.ts";
import { followLog } from "../../../src/terminal/logs/follow.ts";
import { LogPrinter } from "../../../src/terminal/logs/printer.ts";
import { SeenLines } from "../../../src/client/log-seen.ts";
import { StoredLog } from "../../../src/terminal/logs/stored.ts";
import type { Session } from "../../../src/terminal/command.ts";
import type { LogTarget } from "../../../src/terminal/logs/target.ts";
import { createFakeLog, roleLine } from "../../support/terminal-log.ts";
import { createFakeSession } from "../../support/terminal-run.ts";

const place = { env: null, engine: null, service: null, destination: null };
const target: LogTarget = {
  variables: { ...place, role: "web", names: null, includeAccessories: false },
  single: null,
  hasEngines: false,
  group: null,
};
const filter = { levelStrict: false, ignoreCase: false };

/** Follows a log of which all lines so far were shown. */
function start(log: ReturnType<typeof createFakeLog>, write?: Session["write"]) {
  const stop = new AbortController();
  const { signal } = stop;
  const { session, written, notes } = createFakeSession(write && { write });
  const printer = new LogPrinter(session, {
    isJson: false,
    hasTimes: false,
    hasNames: false,
    hasEngines: false,
    group: null,
  });
  const stored = new StoredLog({ client: log.client, target, filter, signal, onParts: () => {} });
  const seen = new SeenLines(null, true);
  const done = followLog({ client: log.client, session, target, filter, stored, printer, seen, signal });
  done.catch(() => {});
  const shown = () => written.join("").split("\n").slice(0, -1);
  const end = async () => {
    stop.abort();
    await done;
  };
  return { shown, notes, written, done, end };
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => roleLine(from + n, String(from + n)));
const texts = (from: number, to: number) => numbers(from, to).map(({ message }) => message);

it("a lost connection goes on without a gap or a repeated line", async () => {
  const log = createFakeLog({ most: 100 });
  log.write(...numbers(1, 20));
  const follower = start(log);
  await expect.poll(follower.shown).toEqual(texts(1, 20));
  log.write(...numbers(21, 30));
  await expect.poll(follower.shown).toEqual(texts(1, 30));
  await log.cut();
  log.write(...numbers(31, 60));
  await expect.poll(() => follower.notes).toEqual(["connection lost, retrying (The stream broke)"]);
  await log.mend();
  log.write(...numbers(61, 70));
  await expect.poll(follower.shown).toEqual(texts(1, 70));
  await expect.poll(() => follower.notes).toEqual(["connection lost, retrying (The stream broke)", "back"]);
  await follower.end();
});

it("more lines than a stream begins with are read from the store", async () => {
  const log = createFakeLog({ most: 10 });
  log.write(...numbers(1, 5));
  const follower = start(log);
  await expect.poll(follower.shown).toEqual(texts(1, 5));
  await log.cut();
  log.write(...numbers(6, 95));
  await log.mend();
  await expect.poll(follower.shown).toEqual(texts(1, 95));
  expect(log.read.length).toBeGreaterThanOrEqual(1);
  await follower.end();
});

it("the lines of one message are one write", async () => {
  const log = createFakeLog({ most: 1000 });
  log.write(...numbers(1, 500));
  const follower = start(log);
  await expect.poll(follower.shown).toHaveLength(500);
  expect(follower.written).toHaveLength(1);
  await follower.end();
});

it("notices and lines that are missing are notes", async () => {
  const log = createFakeLog({ most: 10 });
  const follower = start(log);
  await expect.poll(log.streams).toBe(1);
  const container = { name: "web-1" };
  log.send({ notices: [{ notice: "STOPPED", container, error: null }], dropped: 3 });
  log.send({ notices: [{ notice: "UNREADABLE", container, error: { code: "x", message: "no driver\u001b[2J" } }] });
  await expect
    .poll(() => follower.notes)
    .toEqual([
      "web-1: stopped: lines continue at its next start",
      "3 lines are missing here: more came than is read at once",
      "web-1: unreadable: its log cannot be read; retrying (no driver[2J)",
    ]);
  await follower.end();
});

it("a stream that has expired is opened again without a word", async () => {
  const log = createFakeLog({ most: 10 });
  log.write(...numbers(1, 3));
  const follower = start(log);
  await expect.poll(follower.shown).toEqual(texts(1, 3));
  log.send({ ended: "expired" });
  await expect.poll(log.streams).toBe(2);
  log.write(...numbers(4, 5));
  await expect.poll(follower.shown).toEqual(texts(1, 5));
  expect(follower.notes).toEqual([]);
  await follower.end();
});

it("a refusal that waiting does not change ends it", async () => {
  const log = createFakeLog({ most: 10 });
  const follower = start(log);
  await expect.poll(log.streams).toBe(1);
  log.refuse(new OpsError("forbidden", "needs ops:logs"));
  await expect(follower.done).rejects.toMatchObject({ code: "forbidden" });
});
