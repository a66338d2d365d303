import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Container } from "../../../../src/containers/container.ts";
import type { LogLine, StoredBatch } from "../../../../src/containers/logs/log.ts";
import { readStoredRole } from "../../../../src/containers/logs/role/stored.ts";
import { collect } from "../../../support/collect.ts";
import { replica } from "../../../support/containers.ts";
import { at, line } from "../../../support/logs.ts";

interface Log {
  readonly container: Container;
  /** Each piece is one batch. */
  readonly pieces: readonly (readonly LogLine[])[];
  readonly cutAt?: string;
  readonly error?: Error;
}

interface Range {
  readonly since?: string | null;
  readonly until?: string | null;
  readonly signal?: AbortSignal;
}

function read(logs: readonly Log[], { since = null, until = null, signal = new AbortController().signal }: Range = {}) {
  /** What was opened and closed, in order. */
  const steps: string[] = [];
  const open = async function* ({ name }: Container): AsyncGenerator<StoredBatch, void> {
    const { pieces, cutAt = null, error } = logs.find(({ container }) => container.name === name) as Log;
    steps.push(`+${name}`);
    try {
      for (const lines of pieces) yield { lines, cutAt: null };
      if (error) throw error;
      yield { lines: [], cutAt };
    } finally {
      steps.push(`-${name}`);
    }
  };
  const containers = logs.map(({ container }) => container);
  return { steps, batches: readStoredRole({ containers, read: open, since, until, signal }) };
}

const texts = async (batches: ReturnType<typeof read>["batches"]) =>
  (await collect(batches)).flatMap(({ lines }) => lines.map(({ message }) => message));

it("lines of all containers come once, in the order of the pages", async () => {
  const piece = fc.array(fc.nat(60), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(piece, { maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (given) => {
      const logs = given.map((pieces, source) => ({
        container: replica(`web-${source}`),
        pieces: pieces.map((times, p) => times.map((ms, n) => line(ms, `${source}.${p}.${n}`))),
      }));
      // No line comes before an earlier one of its container.
      const expected = logs
        .flatMap(({ pieces }, source) => {
          let place = "";
          return pieces.flat().map(({ timestamp, message }, n) => {
            if (timestamp > place) place = timestamp;
            return { place, source, n, message };
          });
        })
        .toSorted((x, y) => (x.place === y.place ? x.source - y.source || x.n - y.n : x.place < y.place ? -1 : 1));
      const found = await texts(read(logs, { since: at(0) }).batches);
      expect(found).toEqual(expected.map(({ message }) => message));
    }),
  );
});

it("an old release is closed before the next one is opened", async () => {
  const logs = [
    { container: replica("web", "v3", 200), pieces: [[line(201_000, "c")]] },
    { container: replica("old", "v1", 0), pieces: [[line(1000, "a")], [line(2000, "a2")]] },
    { container: replica("mid", "v2", 100), pieces: [[line(101_000, "b")]] },
  ];
  const { steps, batches } = read(logs);
  expect(await texts(batches)).toEqual([
    "release v1 begins: old on local",
    "a",
    "a2",
    "release v2 begins: mid on local",
    "b",
    "release v3 begins: web on local",
    "c",
  ]);
  expect(steps).toEqual(["+old", "-old", "+mid", "-mid", "+web", "-web"]);
});

it("one that is created while another writes is opened in time", async () => {
  const busy = Array.from({ length: 30 }, (_, n) => line(n * 1000, `busy ${n}`));
  const { batches } = read([
    { container: replica("busy", "v1", -10), pieces: [busy] },
    { container: replica("new", "v1", 20), pieces: [[line(15_000, "early"), line(20_500, "new")]] },
  ]);
  const found = (await texts(batches)).slice(1);
  expect(found.indexOf("early")).toBe(found.indexOf("busy 15") + 1);
  expect(found.indexOf("new")).toBe(found.indexOf("busy 20") + 1);
});

it("a marker out of the times is left out", async () => {
  const logs = [
    { container: replica("one", "v1", 1), pieces: [] },
    { container: replica("two", "v2", 2), pieces: [[line(2500)]] },
    { container: replica("three", "v3", 3), pieces: [] },
    { container: replica("four", "v4", 4), pieces: [] },
  ];
  const { batches } = read(logs, { since: at(2000), until: at(3500) });
  expect(await texts(batches)).toEqual([
    "release v2 begins: two on local",
    "at 2500",
    "release v3 begins: three on local",
  ]);
});

it("many lines are many batches, of which the last has the containers", async () => {
  const pieces = Array.from({ length: 25 }, (_, p) => Array.from({ length: 100 }, (_line, n) => line(p * 100 + n)));
  const batches = await collect(read([{ container: replica("web"), pieces, cutAt: at(0) }], { since: at(0) }).batches);
  expect(batches.map(({ lines }) => lines.length)).toEqual([1000, 1000, 500]);
  expect(batches.map(({ ended, parts }) => [ended, parts.length])).toEqual([
    [null, 0],
    [null, 0],
    ["complete", 1],
  ]);
  expect(batches[2]).toMatchObject({ completeSince: at(2000), parts: [{ truncated: true, error: null }] });
});

it("a long line ends a batch", async () => {
  const long = Array.from({ length: 8 }, (_, n) => line(n, "x".repeat(60_000)));
  const batches = await collect(read([{ container: replica("web"), pieces: [long] }], { since: at(0) }).batches);
  expect(batches.map(({ lines }) => lines.length)).toEqual([5, 3]);
});

it("one that cannot be read does not affect the others, unless all cannot", async () => {
  const error = new Error("no logs");
  const bad = { container: replica("bad"), pieces: [[line(1, "bad 1")]], error };
  const good = { container: replica("good"), pieces: [[line(2, "good 2")], [line(3, "good 3")]] };
  const batches = await collect(read([bad, good], { since: at(0) }).batches);
  expect(batches.flatMap(({ lines }) => lines.map(({ message }) => message))).toEqual(["bad 1", "good 2", "good 3"]);
  expect(batches.at(-1)?.parts.map((part) => [part.container.name, part.error])).toEqual([
    ["bad", error],
    ["good", null],
  ]);
  await expect(collect(read([bad]).batches)).rejects.toBe(error);
  expect(await collect(read([]).batches)).toMatchObject([{ ended: "complete", lines: [], parts: [] }]);
});

it("the signal's reason is the end, and all logs are closed", async () => {
  const abort = new AbortController();
  const pieces = Array.from({ length: 50 }, (_, p) => Array.from({ length: 100 }, (_line, n) => line(p * 100 + n)));
  const container = replica("web");
  const steps: string[] = [];
  const open = async function* (): AsyncGenerator<StoredBatch, void> {
    try {
      for (const lines of pieces) {
        abort.signal.throwIfAborted();
        yield { lines, cutAt: null };
      }
    } finally {
      steps.push("closed");
    }
  };
  const batches = readStoredRole({
    containers: [container],
    read: open,
    since: null,
    until: null,
    signal: abort.signal,
  });
  await batches.next();
  abort.abort("shutdown");
  expect((await collect(batches)).at(-1)?.ended).toBe("shutdown");
  expect(steps).toEqual(["closed"]);
  const left = read([{ container, pieces }]);
  await left.batches.next();
  await left.batches.return();
  expect(left.steps).toEqual(["+web", "-web"]);
});
