import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Container } from "../../../../src/containers/container.ts";
import { type FollowOptions, type LogBatch, type LogLine, toBatch } from "../../../../src/containers/logs/log.ts";
import { followRole } from "../../../../src/containers/logs/role/follow.ts";
import type { RoleBatch } from "../../../../src/containers/logs/role/lines.ts";
import { createNotifier } from "../../../../src/lib/broadcast.ts";
import { replica } from "../../../support/containers.ts";
import { line } from "../../../support/logs.ts";

const a = replica("a");
const b = replica("b");

/** A role whose containers and lines the test gives. */
function createRole() {
  const opened: { name: string; options: FollowOptions; returned: boolean; batches: LogBatch[]; ring: () => void }[] =
    [];
  const failing = new Map<string, Error>();
  let current: readonly Container[] = [];
  const [changed, died] = [createNotifier(), createNotifier()];
  const dead: Container[] = [];
  const known = [a, b];
  const follow = async (ref: { fullId: string }, options: FollowOptions, signal: AbortSignal) => {
    const { name } = [...current, ...known].find(({ fullId }) => fullId === ref.fullId) as Container;
    const failure = failing.get(name);
    if (failure) throw failure;
    const more = createNotifier();
    const log = { name, options, returned: false, batches: [] as LogBatch[], ring: () => more.notify() };
    opened.push(log);
    const history = logs[name]?.slice(-options.tail).filter(() => options.tail > 0) ?? [];
    if (history.length > 0) log.batches.push(toBatch({ lines: history }));
    return (async function* () {
      try {
        while (!signal.aborted) {
          const batch = log.batches.shift();
          if (batch) yield batch;
          else await more.wait(signal);
        }
      } finally {
        log.returned = true;
      }
    })();
  };
  const logs: Record<string, LogLine[]> = {};
  const give = (name: string, batch: Partial<LogBatch>) => {
    const log = opened.findLast((one) => one.name === name);
    log?.batches.push(toBatch(batch));
    log?.ring();
  };
  const abort = new AbortController();
  const batches: RoleBatch[] = [];
  const open = (containers: readonly Container[], options: FollowOptions) => {
    current = containers;
    const changes = async function* (signal: AbortSignal) {
      while (!signal.aborted) {
        yield current;
        await changed.wait(signal, 100);
      }
    };
    const deaths = (async function* () {
      while (!abort.signal.aborted) {
        await died.wait(abort.signal);
        yield* dead.splice(0);
      }
    })();
    return followRole({ containers, changes, deaths, follow, options, signal: abort.signal });
  };
  const start = async (containers: readonly Container[], options: FollowOptions = { tail: 10 }) => {
    const stream = await open(containers, options);
    const reading = (async () => {
      for await (const batch of stream) batches.push(batch);
    })();
    return { reading };
  };
  const set = (containers: readonly Container[]) => {
    current = containers;
    changed.notify();
  };
  const die = (container: Container) => {
    known.push(container);
    dead.push(container);
    died.notify();
  };
  const lines = () => batches.flatMap((batch) => batch.lines);
  const texts = () => lines().map(({ kind, message }) => (kind === "marker" ? "marker" : message));
  const notices = () =>
    batches.flatMap((batch) => batch.notices.map(({ notice, container }) => `${container.name} ${notice}`));
  return { open, start, set, die, give, logs, opened, failing, abort, batches, lines, texts, notices };
}

test("the newest lines come first, then new ones, finally the reason", async () => {
  const role = createRole();
  role.logs["a"] = [line(100), line(300)];
  role.logs["b"] = [line(50), line(200), line(400)];
  const { reading } = await role.start([a, b], { tail: 4 });
  await expect.poll(() => role.texts()).toEqual(["at 100", "at 200", "at 300", "at 400"]);
  role.give("a", { lines: [line(1000)] });
  await expect.poll(() => role.opened.find(({ name }) => name === "a")?.batches, { interval: 1 }).toEqual([]);
  role.give("b", { lines: [line(900)], dropped: 3 });
  await expect.poll(() => role.texts().slice(4)).toEqual(["at 900", "at 1000"]);
  expect(role.batches.map(({ dropped }) => dropped).filter(Boolean)).toEqual([3]);
  role.abort.abort("expired");
  await reading;
  expect(role.batches.at(-1)?.ended).toBe("expired");
  await expect.poll(() => role.opened.map(({ returned }) => returned)).toEqual([true, true]);
});

test("a reader that returns before its first line ends all followers", async () => {
  const role = createRole();
  const stream = await role.open([a, b], { tail: 10 });
  await stream.return(undefined);
  await expect.poll(() => role.opened.map(({ returned }) => returned)).toEqual([true, true]);
  role.abort.abort();
});

test("a new release has one marker and all lines; the old one is complete", async () => {
  const role = createRole();
  await role.start([a], { tail: 0 });
  role.give("a", { lines: [line(100)] });
  const [c, d] = [replica("c", "v2", 1), replica("d", "v2", 1)];
  role.logs["c"] = [line(1500)];
  role.logs["d"] = [line(1600)];
  role.set([a, c, d]);
  await expect.poll(() => role.texts()).toEqual(["at 100", "marker", "at 1500", "at 1600"]);
  expect(role.lines()[1]).toMatchObject({ kind: "marker", container: { version: "v2" } });
  role.set([c, d]);
  role.give("a", { lines: [line(2000, "bye")] });
  role.give("a", { notice: "stopped" });
  await expect.poll(() => role.texts().at(-1)).toBe("bye");
  await expect.poll(() => role.notices(), { timeout: 8000 }).toContain("a left");
  expect(role.opened.map(({ name, returned }) => `${name} ${returned}`)).toEqual(["a true", "c false", "d false"]);
  role.abort.abort();
}, 15_000);

test("another replica of a running release has no marker", async () => {
  const role = createRole();
  await role.start([a]);
  role.set([a, b]);
  await expect.poll(() => role.notices()).toContain("b joined");
  role.give("b", { lines: [line(100)] });
  await expect.poll(() => role.texts()).toEqual(["at 100"]);
  role.abort.abort();
});

test("a container that ended before any list is read too, once", async () => {
  const role = createRole();
  await role.start([a]);
  const c = replica("c", "v2", 1);
  role.logs["c"] = [line(1500, "fatal: no database")];
  role.die(c);
  role.die(a);
  await expect.poll(() => role.texts()).toEqual(["marker", "fatal: no database"]);
  role.give("c", { notice: "stopped" });
  await expect.poll(() => role.notices(), { timeout: 8000 }).toEqual(["c joined", "c stopped"]);
  expect(role.opened.map(({ name }) => name)).toEqual(["a", "c"]);
  role.abort.abort();
});

test("a newcomer with too many lines is named, and the omission counted", async () => {
  const role = createRole();
  await role.start([a]);
  const c = replica("c", "v2", 1);
  role.failing.set("c", new Error("not yet"));
  role.set([a, c]);
  await expect.poll(() => role.notices()).toEqual(["c unreadable"]);
  role.failing.clear();
  await expect.poll(() => role.opened.at(-1)?.name, { timeout: 5000 }).toBe("c");
  expect(role.opened.map(({ options }) => options.whole ?? false)).toEqual([false, true]);
  role.give("c", { lines: [line(2000)], dropped: 30_000, cut: "counted" });
  role.give("c", { lines: [line(2001)], dropped: 5 });
  await expect.poll(() => role.texts()).toEqual(["marker", "at 2000", "at 2001"]);
  expect(role.notices()).toEqual(["c unreadable", "c joined", "c truncated"]);
  expect(role.batches.reduce((sum, { dropped }) => sum + dropped, 0)).toBe(30_005);
  role.abort.abort();
}, 15_000);

test("lines that were read before are not counted as omitted on a return", async () => {
  const role = createRole();
  await role.start([a, b], { tail: 0 });
  role.give("b", { lines: [line(100, "one"), line(100, "two")] });
  role.give("b", { notice: "stopped" });
  await expect.poll(() => role.texts()).toEqual(["one", "two"]);
  role.set([a]);
  await expect.poll(() => role.notices(), { timeout: 8000 }).toEqual(["b stopped", "b left"]);
  role.set([a, b]);
  await expect.poll(() => role.opened.length).toBe(3);
  // From the last time on: of "one", "two", "three" the first is left out, which was read already.
  role.give("b", { lines: [line(100, "two"), line(100, "three")], dropped: 1, cut: "counted" });
  await expect.poll(() => role.texts()).toEqual(["one", "two", "three"]);
  expect(role.batches.some(({ dropped }) => dropped > 0)).toBe(false);
  expect(role.notices()).not.toContain("b truncated");
  role.abort.abort();
}, 15_000);

test("one that cannot be opened is named once, and hides no other", async () => {
  const role = createRole();
  role.failing.set("b", new Error("no log driver"));
  role.logs["a"] = [line(100)];
  await role.start([a, b]);
  await expect.poll(() => role.texts()).toEqual(["at 100"]);
  await sleep(2500);
  expect(role.notices()).toEqual(["b unreadable"]);
  role.failing.clear();
  await expect.poll(() => role.notices(), { timeout: 5000 }).toEqual(["b unreadable", "b joined"]);
  // It ran long before: what it wrote then is not new.
  const since = Date.parse(role.opened.at(-1)?.options.since ?? "") / 1000;
  expect(Date.now() / 1000 - since).toBeGreaterThan(0);
  expect(Date.now() / 1000 - since).toBeLessThan(90);
  role.abort.abort();
}, 15_000);

test("a role without a readable container is an error", async () => {
  const role = createRole();
  role.failing.set("a", new Error("no log driver"));
  await expect(role.start([a])).rejects.toThrow("no log driver");
});

test("a slow reader pauses the containers and loses no line", async () => {
  const role = createRole();
  const stream = await role.open([a], { tail: 0 });
  const lines = Array.from({ length: 1000 }, (_, n) => line(n, `${n} ${"x".repeat(100)}`));
  for (let n = 0; n < 20; n++)
    role.give("a", { lines: lines.map((one) => ({ ...one, message: `${n} ${one.message}` })) });
  await sleep(200);
  // Of 20 batches of 230,000 characters: what fits, and the one that did not.
  expect(role.opened[0]?.batches.length).toBeGreaterThan(15);
  let got = 0;
  for await (const batch of stream) {
    got += batch.lines.length;
    if (got === 20_000) break;
  }
  expect(got).toBe(20_000);
});
