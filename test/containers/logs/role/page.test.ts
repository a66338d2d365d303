import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createRolePage } from "../../../../src/containers/logs/role/page.ts";
import { replica } from "../../../support/containers.ts";
import { at, line } from "../../../support/logs.ts";

const containers = ["a", "b", "c"].map((name) => replica(name));

test("a page has the newest lines of all, by time, then by container", () => {
  const logs = fc.array(fc.array(fc.nat(50), { maxLength: 30 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(
      logs,
      fc.integer({ min: 1, max: 60 }),
      fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
      (given, tail, order) => {
        const sorted = given.map((times) => times.toSorted((x, y) => x - y));
        const page = createRolePage(tail);
        for (const source of order)
          page.add(
            containers[source] as never,
            (sorted[source] ?? []).map((ms, n) => line(ms, `${source}.${n}`)),
          );
        const all = sorted.flatMap((times, source) => times.map((ms, n) => ({ ms, source, n })));
        all.sort((x, y) => x.ms - y.ms || x.source - y.source || x.n - y.n);
        expect(page.take().map(({ message }) => message)).toEqual(
          all.slice(-tail).map(({ source, n }) => `${source}.${n}`),
        );
        expect(page.dropped).toBe(all.length > tail);
      },
    ),
  );
});

test("a marker stands once where a release begins, and is not counted", () => {
  const page = createRolePage(4);
  page.add(replica("old", "v1"), [line(1000), line(2500), line(3500)]);
  page.add(replica("new-2", "v2", 3), [line(4200)]);
  page.add(replica("new-1", "v2", 2), [line(3000)]);
  const lines = page.take();
  expect(lines.map(({ kind, timestamp, container }) => [kind, timestamp, container.name])).toEqual([
    ["line", at(2500), "old"],
    ["line", at(3000), "new-1"],
    ["line", at(3500), "old"],
    ["line", at(4200), "new-2"],
  ]);
  const longer = createRolePage(5);
  longer.add(replica("old", "v1"), [line(1000), line(2500), line(3500)]);
  longer.add(replica("new-2", "v2", 3), [line(4200)]);
  longer.add(replica("new-1", "v2", 2), [line(3000)]);
  expect(longer.take().map(({ kind, timestamp }) => `${kind} ${timestamp}`)).toEqual([
    `line ${at(1000)}`,
    `marker ${at(2000)}`,
    ...[2500, 3000, 3500, 4200].map((ms) => `line ${at(ms)}`),
  ]);
  const marker = longer.take()[1];
  expect(marker).toMatchObject({ stream: null, level: null, container: { name: "new-1", version: "v2" } });
  expect(marker?.message).toContain("v2");
});

test("a release that begins after `until` has no marker", () => {
  const page = createRolePage(5, at(1500));
  page.add(replica("old", "v1"), [line(1000)]);
  page.add(replica("new", "v2", 2), []);
  expect(page.take().map(({ kind }) => kind)).toEqual(["line"]);
});

test("a page has no more text than one answer may have", () => {
  const page = createRolePage(5000);
  page.add(
    replica("a"),
    Array.from({ length: 100 }, (_, n) => line(n, "x".repeat(60_000))),
  );
  expect(page.dropped).toBe(true);
  expect(page.take().length).toBe(74);
});

test("a full page needs another log from a second before its first line", () => {
  const page = createRolePage(2);
  page.add(replica("a"), [line(5000)]);
  expect(page.since).toBeNull();
  page.add(replica("b"), [line(7250)]);
  expect([page.since, page.dropped]).toEqual([at(4000), false]);
  page.add(replica("c"), [line(9000)]);
  expect([page.since, page.dropped]).toEqual([at(6250), true]);
});

test("a line older than an omitted one is omitted, however short", () => {
  const page = createRolePage(5000);
  page.add(
    replica("a"),
    Array.from({ length: 100 }, (_, n) => line(1000 + n, "x".repeat(60_000))),
  );
  const before = page.take().length;
  page.add(replica("b"), [line(10, "short"), line(2000, "new")]);
  const messages = page.take().map(({ message }) => message.slice(0, 5));
  expect(messages).not.toContain("short");
  expect(messages.at(-1)).toBe("new");
  expect(messages.length).toBe(before + 1);
  expect(page.since).toBe(at(26));
});

test("the marker of two containers of one second is deterministic", () => {
  const [one, two] = [replica("new-1", "v2", 2), replica("new-2", "v2", 2)];
  const names = [
    [one, two],
    [two, one],
  ].map((order) => {
    const page = createRolePage(10);
    page.add(replica("old", "v1"), [line(1000)]);
    for (const container of order) page.add(container, []);
    return page.take().at(-1)?.container.name;
  });
  expect(names).toEqual(["new-1", "new-1"]);
});
