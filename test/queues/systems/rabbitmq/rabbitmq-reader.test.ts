import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../../../src/lib/logger.ts";
import { toQueueMetrics } from "../../../../src/queues/metrics.ts";
import type { QueueMetrics } from "../../../../src/queues/queue.ts";
import { toQueueState } from "../../../../src/queues/state.ts";
import { createRabbitmqReader } from "../../../../src/queues/systems/rabbitmq/rabbitmq.ts";

type Item = Record<string, unknown>;
const running = (name: string, more: Item = {}): Item => ({
  name,
  vhost: "/",
  type: "quorum",
  state: "running",
  messages: 5,
  messages_ready: 5,
  messages_unacknowledged: 0,
  ...more,
});
const deadLettersTo = (name: string) => ({ "x-dead-letter-exchange": "", "x-dead-letter-routing-key": name });
const signal = () => AbortSignal.timeout(5000);

/** A management API with answers of our own. */
describe("createRabbitmqReader", () => {
  let pages: Item[][] = [];
  let asked: string[] = [];
  let bindings: Item[] = [];
  let exchanges: Item[] = [];
  /** Null: the user may not see them. */
  let nodes: Item[] | null = null;
  const overview: Item = { rates_mode: "basic" };
  const reply = (url: URL): { status: number; body: unknown } => {
    const path = url.pathname.replace("/api/", "");
    if (path === "overview") return { status: 200, body: overview };
    if (path === "exchanges") return { status: 200, body: exchanges };
    if (path === "nodes" && nodes !== null) return { status: 200, body: nodes };
    if (path === "nodes") return { status: 401, body: { error: "not_authorised", reason: "Not monitor user" } };
    if (path === "bindings") return { status: 200, body: bindings };
    const page = Number(url.searchParams.get("page"));
    const items = pages[page - 1];
    return items
      ? { status: 200, body: { items, page_count: pages.length } }
      : { status: 400, body: { error: "page_out_of_range" } };
  };
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    const { status, body } = reply(new URL(request.url ?? "", "http://localhost"));
    response.writeHead(status).end(JSON.stringify(body));
  });
  const open = (options: object = {}) => {
    const { port } = server.address() as AddressInfo;
    return createRabbitmqReader({ name: "r", url: `http://a:b@127.0.0.1:${port}`, logger: silentLogger, ...options });
  };
  beforeAll(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
  beforeEach(() => {
    asked = [];
    bindings = [];
    nodes = null;
    exchanges = [{ name: "", vhost: "/", type: "direct" }];
  });
  afterEach(() => void vi.useRealTimers());
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it("shows the last numbers of a queue that is down, if known", async () => {
    const reader = open();
    pages = [[running("payouts"), running("new", { state: "down", messages: undefined, messages_ready: undefined })]];
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-01T00:00:00Z") });
    expect((await reader.read(signal())).map(({ name, depth }) => [name, depth])).toStrictEqual([["payouts", 5]]);
    vi.setSystemTime(Date.parse("2026-01-01T00:10:00Z"));
    pages = [[{ name: "payouts", vhost: "/", type: "quorum", state: "down" }]];
    expect(await reader.read(signal())).toMatchObject([
      { name: "new", depth: 0, active: null },
      { name: "payouts", depth: 5, observedAt: "2026-01-01T00:00:00Z" },
    ]);
    await reader.close();
  });

  it("forgets the samples of a deleted queue, and auto-deleted queues", async () => {
    const reader = open();
    const list = async (items: Item[]) => {
      pages = [items];
      return (await reader.read(signal())).map(({ name, depth }) => [name, depth]);
    };
    const passing = running("passing", { auto_delete: true });
    expect(await list([running("payouts"), passing])).toStrictEqual([
      ["passing", 5],
      ["payouts", 5],
    ]);
    expect(asked.some((url) => /[=,]auto_delete,/.test(url))).toBe(true);
    expect(await list([])).toStrictEqual([["payouts", 0]]);
    // What it had when it last answered was another queue's.
    expect(await list([running("payouts", { state: "down" })])).toStrictEqual([]);
    await reader.close();
  });

  it("counts again from zero for a queue with the name of a deleted one", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    bindings = [{ source: "", vhost: "/", destination: "dlq", destination_type: "queue", routing_key: "dlq" }];
    const reader = open();
    const listed = (done: number, dead: number) => [
      running("mail", { arguments: deadLettersTo("dlq"), message_stats: { ack: done } }),
      running("dlq", { messages: dead }),
    ];
    const figures = [];
    for (const items of [
      listed(0, 0),
      listed(60, 6),
      [],
      listed(120, 12),
      listed(240, 24),
      listed(360, 0).slice(0, 1),
      listed(480, 48),
    ]) {
      pages = [items];
      const mail = (await reader.read(signal())).find(({ name }) => name === "mail");
      figures.push([mail?.processedPerSec, mail?.failuresLastHour]);
      vi.advanceTimersByTime(60_000);
    }
    expect(figures).toStrictEqual([
      [null, null],
      [1, 6],
      [null, null],
      [null, null],
      [2, 12],
      [2, 12],
      [2, null],
    ]);
    await reader.close();
  });

  it("is failing while messages are dead-lettered, idle 5 minutes later", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    bindings = [{ source: "", vhost: "/", destination: "dlq", destination_type: "queue", routing_key: "dlq" }];
    const reader = open();
    const states = [];
    for (let minute = 0; minute <= 20; minute += 1) {
      const done = Math.min(minute, 10);
      pages = [
        [
          running("mail", {
            messages: 0,
            messages_ready: 0,
            arguments: deadLettersTo("dlq"),
            message_stats: { ack: done },
          }),
          running("dlq", { messages: 10 * done }),
        ],
      ];
      const mail = (await reader.read(signal())).find(({ name }) => name === "mail");
      states.push(toQueueState(mail as QueueMetrics));
      vi.advanceTimersByTime(60_000);
    }
    expect(states.slice(1, 15)).toStrictEqual(Array.from({ length: 14 }, () => "failing"));
    expect(states.slice(15)).toStrictEqual(Array.from({ length: 6 }, () => "idle"));
    await reader.close();
  });

  it("hides the internal queues of Celery's workers unless included", async () => {
    const names = [
      "celery",
      "celeryev",
      "celeryev.6c1d1f3e-7b7c-4f6e-9f3c-0d1c5a0f1a11",
      "celery@web-1.celery.pidbox",
      "0c1d1f3e-7b7c-4f6e-9f3c-0d1c5a0f1a12.reply.celery.pidbox",
      "pidbox",
    ];
    pages = [names.map((name) => running(name))];
    const listed = async (options: object) => {
      const reader = open(options);
      const found = (await reader.read(signal())).map(({ name }) => name);
      await reader.close();
      return found;
    };
    expect(await listed({})).toEqual(["celery", "celeryev", "pidbox"]);
    expect(await listed({ include: ["celeryev."] })).toEqual([names[2]]);
    expect(await listed({ exclude: ["cel"] })).toEqual(["pidbox"]);
  });

  it("reads page after page, also when the last one disappears", async () => {
    const reader = open({ vhost: "a/b" });
    pages = [[running("a")], [running("b")]];
    expect((await reader.read(signal())).map(({ name }) => name)).toStrictEqual(["a", "b"]);
    expect(asked.filter((url) => url.startsWith("/api/queues/a%2Fb?page=2&page_size=500&"))).toHaveLength(2);
    const [first] = pages;
    pages = [first as Item[]];
    Object.defineProperty(pages, "length", { value: 2 });
    expect((await reader.read(signal())).map(({ name }) => name)).toStrictEqual(["a", "b"]);
    await reader.close();
  });

  it("asks once for what rarely changes, and works without permission", async () => {
    const reader = open();
    pages = [[running("a")]];
    for (let time = 0; time < 3; time += 1) await reader.read(signal());
    expect(asked.filter((url) => !url.startsWith("/api/queues?"))).toHaveLength(4);
    expect(asked.filter((url) => url.startsWith("/api/queues?"))).toHaveLength(6);
    await reader.close();
  });

  it("has all numbers of a queue, of its dead letters and retries", async () => {
    vi.useFakeTimers({ toFake: ["performance", "Date"], now: Date.parse("2026-01-01T00:00:00.500Z") });
    const bind = (name: string, key = name) => ({
      source: "",
      vhost: "/",
      destination: name,
      destination_type: "queue",
      routing_key: key,
    });
    bindings = [bind("dlq", "failed"), bind("again", "failed"), bind("work")];
    const reader = open();
    const list = (done: number, dead: number) => {
      pages = [
        [
          running("work", {
            arguments: deadLettersTo("failed"),
            messages_ready: 7,
            messages_unacknowledged: 2,
            consumers: 3,
            head_message_timestamp: Date.parse("2026-01-01T00:00:00Z") / 1000,
            message_stats: { ack: done, deliver_no_ack: done, get_no_ack: done },
          }),
          running("dlq", { messages: dead, consumers: 0 }),
          running("again", { messages: 4, arguments: { ...deadLettersTo("work"), "x-message-ttl": 1000 } }),
        ],
      ];
      return reader.read(signal());
    };
    await list(100, 1);
    vi.advanceTimersByTime(100_000);
    const [again, dlq, work] = await list(200, 11);
    expect(work).toEqual({
      ...toQueueMetrics({ name: "work", source: "r", observedAt: "2026-01-01T00:01:40Z" }, {}),
      depth: 7,
      processedPerSec: 3,
      failuresLastHour: 10,
      failuresRecent: 30,
      active: 2,
      retrying: 4,
      dead: 11,
      oldestAgeSeconds: 100.5,
      workers: 3,
      exact: false,
      windowSeconds: 100,
      restSeconds: 0,
      counters: { processed: 600, failures: 10 },
    });
    // Dead letters lie there: that nobody takes them is no alarm.
    expect(dlq).toMatchObject({
      workers: null,
      dead: null,
      retrying: null,
      counters: { processed: 0, failures: null },
    });
    expect(again).toMatchObject({ dead: null, retrying: null, failuresLastHour: null });
    await reader.close();
  });

  it("has arrivals of a shared dead letter queue, which are no failures", async () => {
    bindings = [{ source: "", vhost: "/", destination: "dlq", destination_type: "queue", routing_key: "dlq" }];
    const reader = open();
    const list = async (dead: number | null) => {
      const letters = { arguments: deadLettersTo("dlq") };
      pages = [[running("a", letters), running("b", letters), running("dlq", { messages: dead, consumers: 0 })]];
      return (await reader.read(signal())).map(({ dead: own, workers, counters }) => [
        own,
        workers,
        counters?.failures,
      ]);
    };
    await list(5);
    expect(await list(8)).toEqual([
      [null, null, null],
      [null, null, null],
      [8, null, 3],
    ]);
    // A number that is not there is not known.
    expect((await list(null))[2]).toEqual([null, null, null]);
    await reader.close();
  });

  it("asks for its columns, and names queues with their virtual host", async () => {
    pages = [[running("q"), running("q", { vhost: "a/b" }), running("", { vhost: "v" })]];
    const reader = open();
    expect((await reader.read(signal())).map(({ name }) => name)).toEqual(["a/b/q", "q", "v/"]);
    await reader.close();
    expect(asked.filter((url) => url.startsWith("/api/queues")).toSorted()).toEqual([
      "/api/queues?page=1&page_size=500&disable_stats=true&enable_queue_totals=true&columns=name,vhost,type,state,exclusive,auto_delete,arguments,messages,messages_ready,messages_unacknowledged",
      `/api/queues?page=1&page_size=500&msg_rates_age=300&msg_rates_incr=5&columns=${[
        "name,vhost,messages,consumers,head_message_timestamp,effective_policy_definition",
        "message_stats.ack,message_stats.ack_details.avg_rate",
        "message_stats.deliver_no_ack,message_stats.deliver_no_ack_details.avg_rate",
        "message_stats.get_no_ack,message_stats.get_no_ack_details.avg_rate",
      ].join(",")}`,
    ]);
    const one = open({ vhost: "a/b" });
    pages = [[running("q", { vhost: "a/b" })]];
    expect((await one.read(signal())).map(({ name }) => name)).toEqual(["q"]);
    await one.close();
  });

  it("lists no streams or exclusive queues, but all configured ones", async () => {
    pages = [
      [
        running("stream", { type: "stream" }),
        running("mine", { exclusive: true }),
        running("classic", { type: "classic", exclusive: false }),
        running("plain", { type: null, exclusive: null }),
      ],
    ];
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-01-01T00:00:00Z") });
    const reader = open({ names: ["wanted", "classic"] });
    const queues = await reader.read(signal());
    expect(queues.map(({ name, depth }) => [name, depth])).toEqual([
      ["classic", 5],
      ["plain", 5],
      ["wanted", 0],
    ]);
    expect(queues[2]).toMatchObject({ source: "r", active: null, exact: false, observedAt: "2026-01-01T00:00:00Z" });
    await reader.close();
  });

  it("names a user without a virtual host, and reads facts again then", async () => {
    const [known] = [exchanges];
    const reader = open();
    pages = [[]];
    exchanges = [];
    await expect(reader.read(signal())).rejects.toMatchObject({
      code: "queues_unavailable",
      message:
        "The RabbitMQ user may see no virtual host: give it empty permissions there (rabbitmqctl set_permissions)",
      upstream: "queues:r",
    });
    exchanges = known;
    expect(await reader.read(signal())).toEqual([]);
    expect(asked.filter((url) => url.startsWith("/api/overview"))).toHaveLength(2);
    await reader.close();
    // Who sees queues is not blind, whatever else may be hidden.
    exchanges = [];
    pages = [[running("a")]];
    const other = open();
    expect(await other.read(signal())).toHaveLength(1);
    await other.close();
  });

  it("logs a queue that is down", async () => {
    const debug = vi.fn<(...line: unknown[]) => void>();
    const reader = open({ logger: { ...silentLogger, debug } });
    pages = [[running("a", { vhost: "v", state: "minority" }), running("b")]];
    expect((await reader.read(signal())).map(({ name }) => name)).toEqual(["b"]);
    expect(debug.mock.calls).toEqual([
      [{ source: "r", queue: "v/a", state: "minority" }, "queue is down: its numbers are old or unknown"],
    ]);
    await reader.close();
  });

  it("fails without a first page, and for an answer of another kind", async () => {
    pages = [];
    await expect(open().read(signal())).rejects.toMatchObject({ upstreamStatus: 400 });
    pages = [[running("a")]];
    Object.defineProperty(pages, "length", { value: 3 });
    const gone = open();
    expect((await gone.read(signal())).map(({ name }) => name)).toStrictEqual(["a"]);
    expect(asked.filter((url) => url.includes("page=3"))).toEqual([]);
    await gone.close();
    pages = [[{ vhost: "/" }]];
    await expect(open().read(signal())).rejects.toMatchObject({
      message: expect.stringContaining("does not answer as its management API does"),
    });
  });

  describe("the identity of a broker", () => {
    const minute = 60_000;
    const node = (uptime: number, more: Item = {}) => ({ name: "rabbit@mq", os_pid: "7", uptime, ...more });
    const identify = async (some: Item[] | null, options: object = {}) => {
      nodes = some;
      exchanges = ["/", "v"].map((vhost) => ({ name: "", vhost, type: "direct" }));
      const reader = open(options);
      const ids = await reader.identify(signal());
      await reader.close();
      return ids;
    };
    const share = (one: readonly string[], other: readonly string[]) => one.some((id) => other.includes(id));

    it("is the same at each look, though its uptime lags behind", async () => {
      const ids = await identify([node(10 * minute)]);
      for (const lag of [1, 3, 5, 7]) {
        expect(share(ids, await identify([node(10 * minute - lag * 1000)])), `${lag} s`).toBe(true);
      }
      expect(share(ids, await identify([node(minute, { name: "other" }), node(10 * minute)]))).toBe(true);
    });

    it.each([
      ["another start", [node(11 * minute)], {}],
      ["another process", [node(10 * minute, { os_pid: "8" })], {}],
      ["another node", [node(10 * minute, { name: "rabbit@other" })], {}],
      ["other queues", [node(10 * minute)], { include: ["a"] }],
      ["another virtual host", [node(10 * minute)], { vhost: "w" }],
    ])("is another with %s", async (_, some, options) => {
      expect(share(await identify([node(10 * minute)], { vhost: "/" }), await identify(some, options))).toBe(false);
    });

    it("has each virtual host, and is unknown without nodes", async () => {
      expect(await identify([node(minute)])).toHaveLength(4);
      expect(share(await identify([node(minute)]), await identify([node(minute)], { vhost: "v" }))).toBe(true);
      expect(await identify(null)).toEqual([]);
    });

    it("is asked for again where a node has not reported yet", async () => {
      await expect(identify([[] as unknown as Item])).rejects.toMatchObject({ code: "queues_unavailable" });
    });
  });
});
