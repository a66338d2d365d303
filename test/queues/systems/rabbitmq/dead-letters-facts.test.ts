import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { OpsError } from "../../../../src/lib/errors.ts";
import type { RabbitmqClient } from "../../../../src/queues/systems/rabbitmq/client.ts";
import { createFactsReader } from "../../../../src/queues/systems/rabbitmq/dead-letters.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const refused = new OpsError("queues_unavailable", "no", { upstreamStatus: 401 });
const away = new OpsError("queues_unavailable", "away");
const binding = { source: "x", vhost: "/", destination: "q", destination_type: "queue", routing_key: "k" };
const exchange = { name: "x", vhost: "/", type: "direct" };
const usual = { overview: {}, nodes: [{ uptime: 90_000 }], bindings: [binding], exchanges: [exchange] };

/** A reader of a broker that answers each path so, or fails with an error. */
function createReader(given: Partial<Record<keyof typeof usual, unknown>> = {}) {
  const answers: Record<string, unknown> = { ...usual, ...given };
  const asked: string[] = [];
  const client: RabbitmqClient = {
    get: async (path, schema) => {
      asked.push(path);
      const answer = answers[path.slice(1).split("?")[0] ?? ""];
      if (answer instanceof Error) throw answer;
      return schema.parse(answer);
    },
    close: async () => {},
  };
  return { reader: createFactsReader(client), asked, answers };
}

it("facts are what is asked of the broker beside its queues", async () => {
  const { reader, asked } = createReader();
  expect(await reader.read(signal)).toEqual({
    hasRates: true,
    uptime: 90,
    bindings: [binding],
    exchanges: [exchange],
    isBlind: false,
  });
  expect(asked).toEqual([
    "/overview?columns=rates_mode,disable_stats",
    "/nodes?columns=uptime",
    "/bindings?columns=source,vhost,destination,destination_type,routing_key",
    "/exchanges?columns=name,vhost,type",
  ]);
});

it.each([
  [{ rates_mode: "basic", disable_stats: false }, true],
  [{ rates_mode: "none" }, false],
  [{ disable_stats: true }, false],
  [{ rates_mode: "none", disable_stats: true }, false],
])("a broker of %j counts messages: %s", async (overview, hasRates) => {
  expect(await createReader({ overview }).reader.read(signal)).toMatchObject({ hasRates });
});

it.each([
  [[{ uptime: 5000 }, [], { uptime: 70_500 }, {}, { uptime: 8000 }], 70.5],
  [[{}, []], null],
  [[], null],
  [[{ uptime: "long" }], null],
  [refused, null],
])("the uptime of nodes that say %j is %j", async (nodes, uptime) => {
  expect(await createReader({ nodes }).reader.read(signal)).toMatchObject({ uptime });
});

it("facts are incomplete without exchanges, not without permission", async () => {
  expect(await createReader({ exchanges: [] }).reader.read(signal)).toMatchObject({ isBlind: true, exchanges: [] });
  const { reader } = createReader({ exchanges: refused, bindings: refused });
  expect(await reader.read(signal)).toMatchObject({ isBlind: false, exchanges: [], bindings: [] });
});

it.each(["nodes", "bindings", "exchanges"] as const)(
  "facts fail as the broker does if it is down: %s",
  async (path) => {
    await expect(createReader({ [path]: away }).reader.read(signal)).rejects.toBe(away);
    const odd = new Error("odd");
    await expect(createReader({ [path]: odd }).reader.read(signal)).rejects.toBe(odd);
  },
);

it("facts fail if not even the overview may be read", async () => {
  await expect(createReader({ overview: refused }).reader.read(signal)).rejects.toBe(refused);
});

it("facts are read once a minute, or after forget; uptime continues", async () => {
  const { reader, asked, answers } = createReader();
  await reader.read(signal);
  answers["nodes"] = [{ uptime: 1000 }];
  vi.advanceTimersByTime(30_000);
  expect(await reader.read(signal)).toMatchObject({ uptime: 120 });
  vi.advanceTimersByTime(29_999);
  expect(await reader.read(signal)).toMatchObject({ uptime: 149.999 });
  expect(asked).toHaveLength(4);
  vi.advanceTimersByTime(1);
  expect(await reader.read(signal)).toMatchObject({ uptime: 1 });
  expect(asked).toHaveLength(8);
  answers["nodes"] = [];
  reader.forget();
  expect(await reader.read(signal)).toMatchObject({ uptime: null });
  expect(asked).toHaveLength(12);
});
