import { expect, it } from "vitest";
import { type OpsClient, OpsError } from "../../../src/client/client.ts";
import { LogPages } from "../../../src/terminal/logs/pages.ts";
import type { LogTarget } from "../../../src/terminal/logs/target.ts";
import { at } from "../../support/logs.ts";
import { roleLine } from "../../support/terminal-log.ts";

const place = { env: null, engine: null, service: null, destination: null };
const target: LogTarget = {
  variables: { ...place, role: "web", names: null, includeAccessories: false },
  single: null,
  hasEngines: false,
  group: null,
};

const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => roleLine(from + n, String(from + n)));
const emptyPage = {
  lines: lines(1, 0),
  hasOlder: false,
  hasNewer: false,
  startCursor: null,
  endCursor: null,
  containers: [],
  engines: [],
};

/** Pages of a gateway that gives these answers, one after the other. */
function read(answers: readonly (object | OpsError)[]) {
  const asked: Record<string, unknown>[] = [];
  const problems: string[] = [];
  const client = {
    queryPartial: async (_: unknown, { at: from, before, after, since, until, tail }: Record<string, unknown>) => {
      asked.push({ at: from, before, after, since, until, tail });
      const answer = answers[asked.length - 1];
      if (answer instanceof OpsError) throw answer;
      return { data: { logs: { ...emptyPage, ...answer } }, errors: [] };
    },
  } as unknown as OpsClient;
  const { signal } = new AbortController();
  const filter = { levelStrict: false, ignoreCase: false };
  const onProblem = (text: string) => void problems.push(text);
  return { pages: new LogPages({ client, target, filter, signal, onProblem }), asked, problems };
}

it("the newest lines are read back as far as they are wanted", async () => {
  const { pages, asked } = read([
    { lines: lines(5001, 10_000), hasOlder: true, startCursor: "a" },
    { lines: lines(4001, 5000), hasOlder: true, startCursor: "b" },
  ]);
  const found = await pages.newest(6000, { since: null, until: at(10_000), isWhole: true });
  expect(found).toEqual({ lines: lines(4001, 10_000), hasOlder: true });
  expect(asked).toEqual([
    { until: at(10_000), since: null, before: null, tail: 5000 },
    { until: at(10_000), since: null, before: "a", tail: 1000 },
  ]);
});

it("one page is enough unless all are wanted, and a place is read once", async () => {
  const first = { lines: lines(2, 3), hasOlder: true, startCursor: "a" };
  const one = read([first]);
  await one.pages.newest(200, { since: null, until: null, isWhole: false });
  expect(one.asked).toHaveLength(1);
  const same = read([first, { hasOlder: true, startCursor: "a" }]);
  expect((await same.pages.newest(200, { since: null, until: null, isWhole: true })).lines).toEqual(lines(2, 3));
  expect(same.asked).toHaveLength(2);
});

it("lines from a time on come page by page, and none out of it", async () => {
  const { pages, asked } = read([
    { lines: lines(1, 4), hasNewer: true, endCursor: "a" },
    { lines: lines(5, 6), hasNewer: true, endCursor: "b" },
    { lines: lines(7, 9), endCursor: "c" },
  ]);
  const shown = [];
  for await (const some of pages.forward(at(3), at(8))) shown.push(some);
  expect(shown).toEqual([lines(3, 4), lines(5, 6), lines(7, 8)]);
  expect(asked.map(({ at: from, after }) => from ?? after)).toEqual([at(3), "a", "b"]);
});

it("a gateway that asks for patience gets it, another refusal is thrown", async () => {
  const limited = new OpsError("rate_limited", "later", { retryAfterSeconds: 0.01 });
  const patient = read([limited, { lines: lines(1, 1) }]);
  expect((await patient.pages.newest(1, { since: null, until: null, isWhole: true })).lines).toHaveLength(1);
  const refused = read([new OpsError("forbidden", "no")]);
  await expect(refused.pages.newest(1, { since: null, until: null, isWhole: true })).rejects.toMatchObject({ code: "forbidden" });
});

it("what cannot be read is said once", async () => {
  const bad = {
    hasNewer: true,
    engines: [{ name: "far", ok: false, error: { code: "docker_unavailable", message: "refused" } }],
    containers: [{ container: { name: "web-1" }, error: { code: "x", message: "no driver" } }],
  };
  const { pages, problems } = read([
    { ...bad, endCursor: "a" },
    { ...bad, endCursor: "a" },
  ]);
  for await (const _ of pages.forward(at(0), null));
  expect(problems).toEqual([
    "engine far does not answer: its lines are missing (refused)",
    "web-1: its log cannot be read (no driver)",
  ]);
});
