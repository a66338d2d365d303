import { expect, it } from "vitest";
import { findFullSince } from "../../../src/graphql/problems/full-since.ts";
import type { HostLoaders } from "../../../src/graphql/hosts/loader.ts";
import type { Sources } from "../../../src/graphql/sources.ts";
import type { HistoryRange } from "../../../src/lib/range.ts";
import { formatRfc3339 } from "../../../src/lib/time.ts";
import { sampleHost } from "../../support/hosts.ts";

const nowMs = Date.parse("2026-01-13T10:02:00Z");
const full = sampleHost({ instance: "a:9100", diskUtil: 0.96 });

/** Shares of the points, the newest last, at most those of a day; undefined fails. */
function createMemory(shares: () => readonly (number | null)[] | undefined) {
  const asked: HistoryRange[] = [];
  const history = (range: HistoryRange) => {
    asked.push(range);
    return {
      load: async () => {
        const values = shares();
        if (!values) throw new Error("no answer");
        const from = range.from + (range.steps - values.length) * range.step;
        const points = values.map((diskUtil, index) => ({
          time: formatRfc3339((from + index * range.step) * 1000),
          diskUtil,
        }));
        return { stepSeconds: range.step, points };
      },
    };
  };
  return { asked, loaders: { history } as unknown as HostLoaders };
}

it.each([
  ["the first full point after the last other one", [0.5, 0.95, 0.89, 0.91, 0.96], "2026-01-13T09:55:00Z"],
  ["past points without a value", [0.5, null, null, 0.92, null, 0.96], "2026-01-13T09:50:00Z"],
  ["unknown if it was full all day", [0.95, 0.96], null],
  ["unknown without a value", [null, null], null],
  ["unknown if Prometheus fails", undefined, null],
])("a file system is full since %s", async (_, shares, since) => {
  const { loaders, asked } = createMemory(() => shares);
  const sinceOf = await findFullSince({} as Sources, [full, sampleHost()], loaders, nowMs);
  expect(sinceOf(full)).toBe(since);
  expect(asked).toEqual([{ from: Date.parse("2026-01-12T10:05:00Z") / 1000, step: 300, steps: 288 }]);
});

it("the start is searched once; an unknown one again after a minute", async () => {
  const sources = {} as Sources;
  let shares: number[] | undefined;
  let loads = 0;
  const { loaders } = createMemory(() => {
    loads += 1;
    return shares;
  });
  const look = async (seconds: number, hosts = [full]) =>
    (await findFullSince(sources, hosts, loaders, nowMs + seconds * 1000))(full);
  expect([await look(0), await look(59)]).toEqual([null, null]);
  expect(loads).toBe(1);
  shares = [0.5, 0.96];
  expect([await look(60), await look(900)]).toEqual(["2026-01-13T10:00:00Z", "2026-01-13T10:00:00Z"]);
  expect(loads).toBe(2);
  // It was emptied, and is full again.
  await look(1000, [sampleHost({ instance: "a:9100" })]);
  expect(await look(1010)).toBe("2026-01-13T10:15:00Z");
  expect(loads).toBe(3);
});

it("a thousand full file systems are searched 20 at a time", async () => {
  const hosts = Array.from({ length: 1000 }, (_, index) => sampleHost({ instance: `h${index}:9100`, diskUtil: 0.96 }));
  let loads = 0;
  const { loaders } = createMemory(() => {
    loads += 1;
    return [0.5, 0.96];
  });
  const sources = {} as Sources;
  for (let round = 1; round <= 50; round += 1) {
    const sinceOf = await findFullSince(sources, hosts, loaders, nowMs);
    expect(loads).toBe(round * 20);
    expect(hosts.filter((host) => sinceOf(host) !== null)).toHaveLength(round * 20);
  }
});
